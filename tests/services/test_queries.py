"""SQL in files: every query is found, used, explained, and fits the schema."""

import re
from pathlib import Path

import pytest

from services.postgres import Queries, UnknownQueryError
from services.postgres.queries import parse
from tests.services.cluster import Cluster

ROOT = Path(__file__).parents[2] / "services"
# Queries run by code that all services share.
SHARED = {"claim", "next_due", "settle", "release", "gauge", "list_letters", "show_letter", "redrive"}


def test_a_file_is_split_at_its_headings() -> None:
    text = (
        "-- A note on the file.\n\n-- one: The first\nSELECT 1;\n\n-- two: The second\n-- with a comment\nSELECT 2;\n"
    )
    assert parse(text) == {"one": "SELECT 1;", "two": "-- with a comment\nSELECT 2;"}


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="'one' is there twice"):
        parse("-- one: A\nSELECT 1;\n-- one: B\nSELECT 2;\n")


def test_an_unknown_name_is_told_with_those_that_exist() -> None:
    with pytest.raises(UnknownQueryError, match="no query 'three'; there are one, two"):
        Queries({"one": "", "two": ""})["three"]


@pytest.mark.parametrize(
    ("service", "folder", "shared"),
    [
        ("main", "sql", SHARED),
        ("main", "sql/events", SHARED),
        ("status", "sql", SHARED),
        ("gateway", "sql", SHARED),
        ("stats", "sql", set()),
    ],
)
def test_every_query_is_used(service: str, folder: str, shared: set[str]) -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / service).rglob("*.py"))
    unused = {name for name in Queries.of_package(f"services.{service}", folder).names() if f'"{name}"' not in code}
    assert Queries.of_package(f"services.{service}", folder).names() >= shared
    assert unused <= shared


@pytest.mark.parametrize(
    ("service", "folder"),
    [("main", "sql"), ("main", "sql/events"), ("status", "sql"), ("gateway", "sql"), ("stats", "sql")],
)
def test_every_query_fits_the_schema(service: str, folder: str, cluster: Cluster, database: str) -> None:
    """PREPARE checks names and types without running anything; as the service's own role, so its rights as well."""
    queries = Queries.of_package(f"services.{service}", folder)
    with cluster.connect(database, f"sp_{service}", service) as connection:
        for name in sorted(queries.names() - {"announce_outbox", "announce_event", "hold_consumers"}):
            numbers: dict[str, str] = {}

            def number(match: re.Match[str], numbers: dict[str, str] = numbers) -> str:
                return numbers.setdefault(match[1], f"${len(numbers) + 1}")

            text = re.sub(r"%\(([a-z_]+)\)s", number, queries[name].decode())
            connection.execute(f"PREPARE q_{name} AS {text}".encode())
