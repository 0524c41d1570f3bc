"""The proof against the kernels: counterexamples are real, and a kernel that does other than proved is found out."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from network.check.shell import Shell
from network.check.temporary import opened
from network.model import Model
from network.prove.fleet import gather
from network.prove.fleet.walk import Fleet
from network.prove.proof import Proof, fleets, prove, read_snapshots, required_hosts
from network.prove.replay.run import Replay, replay
from network.prove.replay.verdict import Agreement

_SEED = 7


def proved(model: Model, state: Path) -> tuple[dict[int, Fleet], Proof]:
    texts, silent = gather.gather(required_hosts(model), state / "ssh_config")
    assert silent == []
    read = fleets(model, read_snapshots(model, texts, {name: name for name in texts}))
    return read, prove(read)


def core(model: Model) -> str:
    """Return the firewall that has no leg outside."""
    outside = model.fleet.untrusted.name
    return next(name for name, host in model.fleet.hosts.items() if host.firewall and outside not in host.zones)


def wrong(result: Replay) -> list[str]:
    """Tell what does not agree; what a link lost or changed proves nothing, and may be the odd one."""
    lost = result.of(Agreement.INCONCLUSIVE)
    told = [*result.of(Agreement.DISAGREES), *(lost if len(lost) > len(result.replayed) / 20 else ())]
    return [f"{each.probe.name}: {each.probe.packet}: {each.model}: {each.kernel}" for each in told]


@pytest.fixture(scope="module")
def sound(model: Model, state: Path, shells: Mapping[str, Shell]) -> tuple[dict[int, Fleet], Proof]:  # noqa: ARG001
    read, proof = proved(model, state)
    assert proof.holds
    return read, proof


def test_kernels_do_what_is_proved(sound: tuple[dict[int, Fleet], Proof], shells: Mapping[str, Shell]) -> None:
    result = replay(*sound, shells, 3, _SEED)

    assert wrong(result) == []
    assert len({each.probe.gets_through for each in result.replayed}) == 2


def test_counterexamples_of_a_hole_are_real(model: Model, state: Path, shells: Mapping[str, Shell]) -> None:
    with opened(shells[core(model)], "FORWARD -p udp --dport 53 -j ACCEPT", name="drill"):
        read, proof = proved(model, state)
        result = replay(read, proof, shells, 0, _SEED)

    assert not proof.holds
    assert wrong(result) == []
    assert any(each.probe.gets_through for each in result.replayed)


def test_counterexamples_of_a_broken_flow_are_real(model: Model, state: Path, shells: Mapping[str, Shell]) -> None:
    rule = "FORWARD -p tcp --dport 8444 -m conntrack --ctstate NEW -j DROP"
    with opened(shells[core(model)], rule, name="drill"):
        read, proof = proved(model, state)
        result = replay(read, proof, shells, 0, _SEED)

    assert not proof.holds
    assert wrong(result) == []
    assert any(not each.probe.gets_through for each in result.replayed)


@pytest.mark.parametrize(("verdict", "through"), [("ACCEPT", False), ("DROP", True)])
def test_a_kernel_that_does_otherwise_is_found_out(
    sound: tuple[dict[int, Fleet], Proof], model: Model, shells: Mapping[str, Shell], verdict: str, through: bool
) -> None:
    firewall = core(model)
    with opened(shells[firewall], f"FORWARD -m conntrack --ctstate NEW -j {verdict}", name="drill"):
        result = replay(*sound, shells, 2, _SEED)

    found = result.of(Agreement.DISAGREES)
    assert found
    assert {each.probe.gets_through for each in found} == {through}
    assert all(each.kernel.startswith(firewall) for each in found)
