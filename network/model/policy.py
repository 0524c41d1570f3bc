"""The policy joined with the environment it is applied to."""

from collections.abc import Mapping
from dataclasses import dataclass

from network.model.fleet import Fleet
from network.model.flow import Flow, Service


@dataclass(frozen=True, eq=False)
class Model:
    """Policy and inventory, read, validated and joined: all that compile, prove, draw and plan look at.

    Each is equal to itself alone, so that what is derived from one can be kept for it.
    """

    fleet: Fleet
    services: Mapping[str, Service]
    flows: tuple[Flow, ...]
