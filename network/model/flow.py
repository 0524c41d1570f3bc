"""Services and flows: what the policy allows."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Service:
    """A named destination: protocol (tcp, udp) and an inclusive range of ports (0 to 65535)."""

    name: str
    protocol: str
    first: int
    last: int


@dataclass(frozen=True)
class Endpoint:
    """One end of a flow, resolved against the inventory.

    `kind` is host, zone or external; `name` is the host, the zone or the external. A group has been
    replaced by its hosts. The untrusted zone as an endpoint means the whole world outside the other zones;
    any other zone means every address of its networks.
    """

    kind: str
    name: str


@dataclass(frozen=True)
class HttpGuard:
    """What an HTTP reverse proxy in front of the service demands of a request."""

    method: str
    path: str
    auth: str


@dataclass(frozen=True)
class Flow:
    """Something that is allowed: `sources` may open connections to `destinations` on `services`.

    `source_names` and `destination_names` are as the policy wrote them (groups, zones, hosts, externals).
    `publish` names the group of firewalls on whose untrusted address the flow is offered (DNAT).
    `where` is the policy's file and line, for messages. `any_destination` is the reason why a flow may go anywhere
    outside; only flows to the untrusted zone have it.
    """

    id: str
    source_names: tuple[str, ...]
    destination_names: tuple[str, ...]
    sources: tuple[Endpoint, ...]
    destinations: tuple[Endpoint, ...]
    services: tuple[Service, ...]
    publish: str | None
    http: HttpGuard | None
    why: str
    owner: str
    review_by: date
    where: str
    any_destination: str | None = None
