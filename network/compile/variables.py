"""The variables that Ansible gives to every host: plain lists, mappings and texts, all derived.

The texts (rules, hosts file, nginx) come from their own modules; here are the host's legs, and its flows as the host
itself sees them: the address that a published service is dialled at, and the one that a translated packet comes from.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from network.compile.addresses import Addresses
from network.compile.conversation import (
    Conversation,
    addresses,
    concerning,
    meant,
    own,
    published,
    takes_part,
    translated,
    travels,
)
from network.compile.hosts import hosts_file
from network.compile.ipset import as_networks
from network.compile.iptables import compile_host
from network.compile.nginx import server_config
from network.compile.routes import routes
from network.model import Address, Endpoint, Flow, Host, Model, Network
from network.path import management_address, zone_journey

Variables = dict[str, Any]
Direction = Literal["in", "out"]

PROXY_SERVICE = "package-proxy"
_BITS = {4: 32, 6: 128}


def host_variables(model: Model, host_name: str) -> Variables:
    """Return every variable of a host, by name; all values are what JSON can hold.

    Raises UserError when the policy asks for something that a host cannot be given.
    """
    host = model.fleet.hosts[host_name]
    firewall = compile_host(model, host_name)
    outgoing = flows_out(model, host_name)
    variables: Variables = {
        "ansible_host": str(management_address(model, host)),
        "sallyport_zone": host.zones[0],
        "sallyport_zones": list(host.zones),
        "sallyport_address": str(host.legs[0].address),
        "sallyport_legs": legs(host),
        "sallyport_forwards": host.firewall,
        "sallyport_firewall": {"v4": firewall.v4, "v6": firewall.v6, "sets": firewall.sets},
        "sallyport_hosts_file": hosts_file(model, host_name),
        "sallyport_routes": routes(model, host_name),
        "sallyport_flows_in": flows_in(model, host_name),
        "sallyport_flows_out": outgoing,
        "sallyport_nginx": server_config(model, host_name),
        "sallyport_mirrors": mirrors(model, host_name),
    }
    proxy = proxy_url(outgoing)
    if proxy is not None:
        variables["sallyport_proxy_url"] = proxy
    return variables


def legs(host: Host) -> list[Variables]:
    """Return a host's legs: zone, address, length of the prefix, network."""
    return [
        {
            "zone": leg.zone,
            "address": str(leg.address),
            "prefix": leg.network.prefixlen,
            "network": str(leg.network),
        }
        for leg in host.legs
    ]


def flows_in(model: Model, host_name: str) -> list[Variables]:
    """Return what may be opened to a host, one entry per flow and service.

    `from` are the addresses that packets carry when they arrive (after SNAT), `from_hosts` the hosts that send them,
    `to_address` the host's own address that they reach, with `to_addresses` for both IP versions.
    """
    return _flows(model, model.fleet.hosts[host_name], "in")


def flows_out(model: Model, host_name: str) -> list[Variables]:
    """Return what a host may open, one entry per flow and service.

    `to` are the addresses that it dials (before DNAT), `to_hosts` the hosts that answer.
    """
    return _flows(model, model.fleet.hosts[host_name], "out")


def mirrors(model: Model, host_name: str) -> list[str]:
    """Return the DNS names of the outside peers that a host may reach; on a proxy host, its allow-list."""
    sent = model.sent_by.get(Endpoint("host", host_name), ())
    reached = (end.name for flow in sent for end in flow.destinations if end.kind == "external")
    return sorted({name for external in reached for name in model.fleet.externals[external].names})


def proxy_url(outgoing: Iterable[Variables]) -> str | None:
    """Return the URL of the package proxy, for hosts which have a flow to one."""
    for flow in outgoing:
        if flow["service"] == PROXY_SERVICE and flow["to_hosts"]:
            return f"http://{flow['to_hosts'][0]}:{flow['port']}"
    return None


class _Seen:
    """What a host sees of a flow, gathered from all conversations of the flow it takes part in."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._peers: dict[int, list[Network]] = {4: [], 6: []}
        self._hosts: dict[str, None] = {}
        self.mine: dict[Address, None] = {}

    def add(self, peers: Addresses, hosts: Iterable[str], mine: Iterable[Address], version: int) -> None:
        self._peers[version] += as_networks(peers.spans(_BITS[version]), version)
        self._hosts.update(dict.fromkeys(hosts))
        self.mine.update(dict.fromkeys(mine))

    def entries(self, direction: Direction) -> list[Variables]:
        """Return an entry per service."""
        peers = [str(each) for version in _BITS for each in Addresses.of(self._peers[version]).networks]
        side = "from" if direction == "in" else "to"
        found = []
        for service in self.flow.services:
            entry: Variables = {
                "id": self.flow.id,
                "service": service.name,
                "proto": service.protocol,
                "port": service.first,
                "last_port": service.last,
                side: peers,
                f"{side}_hosts": list(self._hosts),
            }
            if direction == "in":
                entry["to_address"] = str(next(iter(self.mine)))
                entry["to_addresses"] = [str(address) for address in self.mine]
            if self.flow.http is not None:
                entry["http"] = {
                    "method": self.flow.http.method,
                    "path": self.flow.http.path,
                    "auth": self.flow.http.auth,
                }
            found.append(entry)
        return found


def _flows(model: Model, host: Host, direction: Direction) -> list[Variables]:
    seen: dict[str, _Seen] = {}
    for conversation in concerning(model, host):
        if not takes_part(model, conversation.sources if direction == "out" else conversation.destinations, host):
            continue
        for version in (4, 6):
            if travels(model, conversation.journey, version):
                each = seen.setdefault(conversation.flow.id, _Seen(conversation.flow))
                _see(each, model, host, _View(conversation, version, direction))
    return [entry for each in seen.values() if each.mine for entry in each.entries(direction)]


@dataclass(frozen=True)
class _View:
    """A conversation in one IP version, looked at from one of its ends."""

    conversation: Conversation
    version: int
    direction: Direction

    @property
    def here(self) -> tuple[tuple[Endpoint, ...], str]:
        """The ends on this side, and their zone."""
        return self._sides[self.direction == "in"]

    @property
    def there(self) -> tuple[tuple[Endpoint, ...], str]:
        """The ends on the other side, and their zone."""
        return self._sides[self.direction == "out"]

    @property
    def _sides(self) -> tuple[tuple[tuple[Endpoint, ...], str], tuple[tuple[Endpoint, ...], str]]:
        journey = self.conversation.journey
        return (self.conversation.sources, journey.start), (self.conversation.destinations, journey.end)


def _see(seen: _Seen, model: Model, host: Host, view: _View) -> None:
    """Add what a host sees of a conversation, if it takes part and the other end is not only itself."""
    conversation, version = view.conversation, view.version
    journey = conversation.journey
    mine = [address for address in own(host, version) if address in addresses(model, *view.here, version)]
    peers = addresses(model, *view.there, version).without(own(host, version))
    if not mine or not peers:
        return
    hosts = [other.name for other in meant(model, *view.there) if _is_peer(model, view, host, other, peers)]
    if view.direction == "in" and translated(model, conversation):
        peers = Addresses.of(own(model.fleet.hosts[journey.hops[-1].host], version, journey.end)[:1])
    if view.direction == "out" and published(model, conversation):
        peers = Addresses.of(own(model.fleet.hosts[journey.hops[0].host], version, journey.start))
    seen.add(peers, hosts, mine, version)


def _is_peer(model: Model, view: _View, host: Host, other: Host, peers: Addresses) -> bool:
    """Whether another host is the far end: by its address, and by the leg it would use. A firewall has several."""
    _, beyond = view.there
    if other.name == host.name or not any(address in peers for address in own(other, view.version, beyond)):
        return False
    here, there = view.here[1], zone_journey(model.fleet, other.zones, host.zones)
    return (there.start, there.end) == (beyond, here)
