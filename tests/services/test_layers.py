"""The layers: what may import what."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "services"
# Pure: no layer but the domain, and nothing that opens a file, a socket or a process.
PURE = {"domain": {"domain"}, "use_cases": {"domain", "use_cases"}}
SHARED_AND_PURE = {"services.retry"}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports say their whole name"
            found.add(str(node.module))
    return found


@pytest.mark.parametrize("service", ["main", "status", "gateway", "stats"])
@pytest.mark.parametrize("layer", sorted(PURE))
def test_inner_layers_do_not_look_outward(service: str, layer: str) -> None:
    for path in (ROOT / service / layer).glob("*.py"):
        for name in imports(path):
            top, *rest = name.split(".")
            if top != "services":
                assert top not in {"fastapi", "starlette", "psycopg", "httpx", "asyncio", "logging", "os"}, (path, name)
            elif name not in SHARED_AND_PURE:
                assert rest[0] == service, (path, name)
                assert rest[1] in PURE[layer], (path, name)


def test_services_do_not_import_each_other() -> None:
    services = {"main", "status", "gateway", "stats", "outside"}
    for service in services:
        for path in (ROOT / service).rglob("*.py"):
            others = {name.split(".")[1] for name in imports(path) if name.startswith("services.")} & services
            assert others <= {service}, path


def test_what_is_shared_knows_no_service() -> None:
    services = {"main", "status", "gateway", "stats", "outside"}
    shared = [path for path in ROOT.glob("*/*.py") if path.parts[-2] not in services and ".venv" not in path.parts]
    assert shared
    for path in shared:
        assert not {name.split(".")[1] for name in imports(path) if name.startswith("services.")} & services, path
