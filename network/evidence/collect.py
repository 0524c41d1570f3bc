"""Ask the fleet for what the evidence is made of, beside the answers that the proof reads."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from network.check.controls import CONTROLS
from network.check.expectation import expectation
from network.check.gather import gather
from network.check.matrix import Judged, prepared
from network.check.reach import probes
from network.check.shell import Shell
from network.errors import Problem
from network.evidence.probed import possible
from network.evidence.result import ControlEvidence
from network.evidence.since import SCRIPT, since
from network.model import Model
from network.prove.fleet.snapshot import IncompleteError
from network.prove.proof import required_hosts

_AT_ONCE = 16

_Result = TypeVar("_Result")


def demand(model: Model, shells: Mapping[str, Shell]) -> None:
    """See that every host of the fleet answers; strangers outside need not. Raises IncompleteError."""
    silent = [name for name in required_hosts(model) if name not in shells]
    if silent:
        raise IncompleteError(
            *(
                Problem(
                    name,
                    "this host does not answer over SSH",
                    "evidence is of every host of the fleet, or it is none",
                    "see `sallyport status`",
                )
                for name in silent
            )
        )


def counting_since(shells: Mapping[str, Shell]) -> dict[str, datetime | None]:
    """Ask every host since when its rules count."""
    return _everywhere(shells, lambda shell: since(shell.run(SCRIPT).out))


def probed(model: Model, shells: Mapping[str, Shell]) -> Sequence[Judged]:
    """Knock at every door between hosts that answer: as they are, and as if each were taken over.

    Nobody else may probe meanwhile (`network.check.lock`). Raises RemoteError.
    """
    wanted = possible(probes(model), shells)
    with prepared(model, shells, wanted) as ready:
        return (*ready.egress(), *ready.transit())


def controlled(model: Model, shells: Mapping[str, Shell]) -> tuple[ControlEvidence, ...]:
    """Look at every host once, and hold it against the controls. Raises RemoteError."""
    expected = {name: expectation(model, name) for name in shells}
    nonce = f"sallyport-evidence-{secrets.token_hex(8)}"
    facts = _everywhere(shells, lambda shell: gather(shell, expected[shell.name], nonce))
    return tuple(
        ControlEvidence(
            control.id, control.title, control.references, host, tuple(control.check(expected[host], facts[host]))
        )
        for host in shells
        for control in CONTROLS
        if control.applies(expected[host])
    )


def _everywhere(shells: Mapping[str, Shell], ask: Callable[[Shell], _Result]) -> dict[str, _Result]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(shells, pool.map(ask, shells.values()), strict=True))
