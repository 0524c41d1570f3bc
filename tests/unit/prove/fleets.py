"""A fleet to prove without a fleet: every host has loaded just what is compiled for it."""

from collections.abc import Mapping

from network.model import Model
from network.prove.fleet.compiled import SECONDS, answer, interface
from network.prove.fleet.snapshot import Snapshot
from network.prove.proof import read_snapshots, required_hosts

__all__ = ["SECONDS", "answer", "answers", "interface", "snapshots"]


def answers(model: Model) -> dict[str, str]:
    """Give the answers of all hosts that must be asked."""
    return {name: answer(model, name) for name in required_hosts(model)}


def snapshots(model: Model, texts: Mapping[str, str]) -> dict[str, Snapshot]:
    """Read answers, each from a file named after its host."""
    return read_snapshots(model, texts, {name: name for name in texts})
