"""What every command on the lab begins with: the model, the state's files, and the lab's settings."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from network.errors import Problem, UserError
from network.lab.blueprint import Port
from network.lab.settings import published
from network.lab.state import ROOT, State
from network.model import Model
from network.read import load

ENVIRONMENT = "lab"


@dataclass(frozen=True)
class Laboratory:
    """The lab as it is meant to be."""

    model: Model
    state: State
    ports: dict[str, Port]

    @property
    def public_name(self) -> str:
        """The name by which this machine reaches the front: localhost, where the certificate has it."""
        names = self.model.fleet.public_names
        return "localhost" if "localhost" in names or not names else names[0]


@contextmanager
def alone(state: State) -> Iterator[None]:
    """Hold the lab for one command that changes it. Raises UserError while another holds it."""
    path = state.root / ".sallyport" / f"{state.environment}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            held.seek(0)
            raise UserError(
                Problem(
                    "the lab",
                    f"process {held.read().strip() or 'unknown'} is changing it",
                    "one up or down at a time",
                    "wait until it has ended, or end it (Ctrl-C there)",
                )
            ) from error
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield


def read() -> Laboratory:
    """Read policy, inventory and settings. Raises UserError before anything is touched."""
    state = State(ROOT, ENVIRONMENT)
    return Laboratory(load(ROOT / "network/policy.yml", state.inventory), state, ports(state))


def ports(state: State) -> dict[str, Port]:
    """Return what the machine publishes of the edge. Raises UserError."""
    path = state.inventory / "group_vars/all/lab.yml"
    return published(path, str(path.relative_to(state.root)))
