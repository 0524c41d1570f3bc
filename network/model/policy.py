"""The policy joined with the environment it is applied to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from network.model.fleet import Fleet
from network.model.flow import Endpoint, Flow, Service


@dataclass(frozen=True, eq=False)
class Model:
    """Policy and inventory, read, validated and joined: all that compile, prove, draw and plan look at.

    `choices`: what this environment has chosen, by the name of the choice or of the service that has variants.

    Each is equal to itself alone, so that what is derived from one can be kept for it.
    """

    fleet: Fleet
    services: Mapping[str, Service]
    flows: tuple[Flow, ...]
    choices: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def sent_by(self) -> Mapping[Endpoint, list[Flow]]:
        """The flows with each source, in the order of the policy."""
        return _by_end((end, flow) for flow in self.flows for end in dict.fromkeys(flow.sources))

    @cached_property
    def taken_by(self) -> Mapping[Endpoint, list[Flow]]:
        """The flows with each destination, in the order of the policy."""
        return _by_end((end, flow) for flow in self.flows for end in dict.fromkeys(flow.destinations))


def _by_end(pairs: Iterable[tuple[Endpoint, Flow]]) -> Mapping[Endpoint, list[Flow]]:
    found: dict[Endpoint, list[Flow]] = {}
    for end, flow in pairs:
        found.setdefault(end, []).append(flow)
    return found
