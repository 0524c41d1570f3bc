"""Dead letters, for an operator on the host: listed, shown, and sent again.

Prints one JSON object, and on failure one line on standard error: no secret is in either, for none is in the table.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import psycopg
from psycopg.rows import dict_row

from services.postgres import UNAVAILABLE, Database, Queries

# A list is to be read by a person.
MOST = 1000


def run(
    module: str, database: Database, queries: Queries, given: Sequence[str], *, announce: str | None = None
) -> None:
    """Run one command: `list`, `show ID` or `redrive ID… | --all`. Exits with 1 where it cannot be done.

    module: what was called, for the usage. announce: the query that wakes who sends; without it, they look themselves.
    """
    parsed = parse(module, given)
    try:
        with psycopg.connect(**database.arguments("sallyport-letters"), row_factory=dict_row) as connection:
            told = _COMMANDS[parsed.command](connection, queries, parsed)
            if announce and parsed.command == "redrive":
                connection.execute(queries[announce])
    except LookupError as error:
        fail(str(error.args[0]))
    except psycopg.errors.DataError:
        fail(f"{parsed.id} is no letter's id; `list` shows them")
    except UNAVAILABLE as error:
        fail(f"the database does not do it just now ({type(error).__name__}); try again when it does")
    sys.stdout.write(json.dumps(told, default=_text, ensure_ascii=False) + "\n")


def parse(module: str, given: Sequence[str]) -> argparse.Namespace:
    """`command`, and what goes with it: `id`, or `ids` and `all`. Exits with 2 where the call is wrong."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description="Dead letters: list, show, send again.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help=f"the youngest {MOST}, with what was the matter")
    commands.add_parser("show", help="all that is known of one").add_argument("id")
    redrive = commands.add_parser("redrive", help="send again, now")
    redrive.add_argument("ids", nargs="*", metavar="id")
    redrive.add_argument("--all", action="store_true", help="every dead letter")
    parsed = parser.parse_args(given)
    if parsed.command == "redrive" and bool(parsed.ids) == parsed.all:
        redrive.error("name the letters, or say --all")
    return parsed


def _list(connection: psycopg.Connection[dict[str, Any]], queries: Queries, _: argparse.Namespace) -> dict[str, object]:
    return {"letters": connection.execute(queries["list_letters"], {"most": MOST}).fetchall()}


def _show(
    connection: psycopg.Connection[dict[str, Any]], queries: Queries, parsed: argparse.Namespace
) -> dict[str, object]:
    row = connection.execute(queries["show_letter"], {"id": parsed.id}).fetchone()
    if row is None:
        raise LookupError(f"no message has the id {parsed.id}; `list` shows the dead ones")
    return row


def _redrive(
    connection: psycopg.Connection[dict[str, Any]], queries: Queries, parsed: argparse.Namespace
) -> dict[str, object]:
    rows = connection.execute(queries["redrive"], {"ids": parsed.ids, "all": parsed.all}).fetchall()
    sent = sorted(row["id"] for row in rows)
    # A letter that is dead no more was sent again by somebody else, or never was one.
    return {"redriven": sent, "not_dead": sorted(set(parsed.ids) - set(sent))}


_COMMANDS = {"list": _list, "show": _show, "redrive": _redrive}


def _text(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def fail(text: str) -> NoReturn:
    """Say why it cannot be done, and exit with 1."""
    sys.stderr.write(f"letters: {text}\n")
    raise SystemExit(1)
