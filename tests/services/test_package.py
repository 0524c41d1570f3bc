"""What is told twice, and what must get into the wheel."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from services.main.domain import request
from services.status.domain import job

ROOT = Path(__file__).parents[2] / "services"


def test_the_wheel_holds_every_file_a_service_needs(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("services/")}
    needed = {
        f"services/{path.relative_to(ROOT)}"
        for path in ROOT.rglob("*")
        if path.is_file() and not any(_is_left_out(part) for part in path.relative_to(ROOT).parts)
    }
    assert {"services/main/sql/migrations/0001_tables.sql", "services/main/templates/base.html"} <= needed
    assert held == needed


def test_every_dependency_has_wheels_for_the_hosts() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    packages = {package["name"]: package for package in lock["package"]}
    wanted = [each["name"] for each in packages["sallyport-services"]["dependencies"]] + ["psycopg-binary"]
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        package = packages[name]
        needed = [each for each in package.get("dependencies", []) if _on_hosts(each.get("marker", ""))]
        wanted += [each["name"] for each in needed]
        files = [wheel["url"].rsplit("/", 1)[-1] for wheel in package.get("wheels", [])]
        tags = {tag for file in files for tag in parse_wheel_filename(file)[3]}
        for machine in ("x86_64", "aarch64"):
            assert tags & _accepted(machine), (name, machine)
    assert {"psycopg-binary", "uvloop", "pydantic-core", "argon2-cffi-bindings"} <= seen


def _is_left_out(part: str) -> bool:
    return part.startswith(".") or part in {"dist", "__pycache__", "pyproject.toml", "uv.lock", "README.md"}


def _accepted(machine: str) -> set[Tag]:
    """What CPython 3.11 on Debian 12 (glibc 2.36) installs."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(36, 16, -1)] + [f"manylinux2014_{machine}"]
    return {*cpython_tags((3, 11), platforms=platforms), *compatible_tags((3, 11), "cp311", platforms)}


def _on_hosts(marker: str) -> bool:
    return "win32" not in marker.replace("!= 'win32'", "") and "emscripten" not in marker.replace("!= 'emscripten'", "")


def test_both_services_speak_of_the_same_results() -> None:
    assert [each.value for each in request.Result] == [each.value for each in job.Result]


def test_nothing_is_opened_at_import() -> None:
    modules = sorted(
        ".".join(("services", *path.relative_to(ROOT).with_suffix("").parts))
        for path in ROOT.rglob("*.py")
        if ".venv" not in path.parts and path.name not in {"__init__.py", "__main__.py"}
    )
    code = (
        "import sys, socket, threading, importlib\n"
        "socket.socket.connect = socket.socket.bind = None\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, *modules], check=True, env={}, cwd="/")
