"""The environment of these tests, in ``base``, and what a user reads about it when files of it are changed."""

from pathlib import Path

from network.errors import UserError
from network.model import Model
from network.read import model_of

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def files(directory: Path) -> dict[str, bytes]:
    """Return the files below a folder, by their path in it."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "expected.txt"
    }


def outcome(changed: dict[str, bytes]) -> str:
    """Return what a user reads about the base environment with some files changed."""
    try:
        base(changed)
    except UserError as error:
        return f"{error}\n"
    return "accepted\n"


def base(changed: dict[str, bytes] | None = None) -> Model:
    """Return the model of the base environment with some files changed."""
    given = {**files(HERE / "base"), **(changed or {})}
    policy = given.pop("policy.yml")
    return model_of("policy.yml", policy, "inventory", given)


def inventory(name: str) -> Model:
    """Return the model of one of the project's inventories, without what only this machine knows."""
    given = files(ROOT / "inventory" / name)
    given.pop("group_vars/all/machine.yml", None)
    return model_of("policy.yml", (ROOT / "network/policy.yml").read_bytes(), f"inventory/{name}", given)
