"""The code of the .proto file is the one that protoc writes from it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = "services/hand_over/status.proto"


def write(target: Path) -> None:
    """Write modules and stubs below `target`, at the path of the source."""
    programs = Path(sys.executable).parent
    # protoc looks for its plugins on the PATH, where a virtual environment that is not activated has none.
    plugins = [f"--plugin=protoc-gen-{name}={programs / f'protoc-gen-{name}'}" for name in ("mypy", "mypy_grpc")]
    outputs = [f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={ROOT}", *plugins, *outputs, SOURCE],
        check=True,
        capture_output=True,
    )


def test_the_generated_code_is_that_of_the_source(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Write it anew: `pytest tests/services/test_proto.py --write-proto`."""
    if request.config.getoption("--write-proto"):
        write(ROOT)
    write(tmp_path)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*_pb2*"))
    assert len(written) == 4
    for path in written:
        assert (ROOT / path).read_text("utf-8") == (tmp_path / path).read_text("utf-8"), path
