"""What a host ought to look like, from policy and inventory: the one place where services have programs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from network.compile.variables import host_variables
from network.model import Model

# How each service of the policy begins TLS; what is not named here speaks none, and says why.
TLS: Mapping[str, str] = {
    "https": "direct",
    "callback": "direct",
    "set-status": "direct",
    "broker": "direct",
    "journal": "direct",
    "postgresql": "postgresql",
    "submission": "smtp",
}
PLAIN: Mapping[str, str] = {
    "http": "answers with a redirect to HTTPS",
    "ssh": "has its own transport",
    "package-proxy": "carries packages that are signed, between hosts of the fleet",
}
# What is started at boot and then is done.
BOOT = ("sallyport-firewall.service", "sallyport-routes.service")
# What runs on every host, and on the hosts of a group.
EVERYWHERE = ("ssh.service",)
UNITS: Mapping[str, tuple[str, ...]] = {
    "web": ("nginx.service", "sallyport-main.service", "sallyport-relay.service", "sallyport-publisher.service"),
    "worker": ("sallyport-status.service",),
    "gateway": (
        "sallyport-gateway.service",
        "sallyport-sender.service",
        "sallyport-welcome.service",
        "sallyport-stats.service",
    ),
    "outside": ("sallyport-outside.service",),
    "db": ("postgresql@15-main.service",),
    "bastion": ("squid.service", "systemd-journal-remote.service"),
}
# What runs on the broker's hosts, by the environment's choice.
BROKERS: Mapping[str, str] = {
    "rabbitmq": "rabbitmq-server.service",
    "redis": "redis-server.service",
    "kafka": "kafka.service",
}
# Programs of our own, which have to run in a sandbox.
SANDBOXED = frozenset(
    {
        "sallyport-main.service",
        "sallyport-relay.service",
        "sallyport-publisher.service",
        "sallyport-status.service",
        "sallyport-gateway.service",
        "sallyport-sender.service",
        "sallyport-welcome.service",
        "sallyport-stats.service",
        "sallyport-outside.service",
    }
)


@dataclass(frozen=True)
class Door:
    """A TLS service of a host: the address and port it answers at, the name it must prove, and how TLS begins."""

    service: str
    address: str
    port: int
    name: str
    start: str

    @property
    def key(self) -> str:
        """The door as the handshake agent names it."""
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Expectation:
    """What is expected of a host.

    `open` holds (protocol, first port, last port) of every flow that ends here; `broker` is which message broker runs
    here, if any.
    """

    host: str
    groups: frozenset[str]
    forwards: bool
    open: frozenset[tuple[str, int, int]]
    units: tuple[str, ...]
    broker: str | None
    tls: tuple[Door, ...]
    firewall: Mapping[str, str] = field(repr=False)
    proxy: str | None
    resolvers: frozenset[str]
    collected: bool
    nginx: str | None = field(repr=False)
    database_clients: frozenset[str]


def expectation(model: Model, host_name: str) -> Expectation:
    """Return what the policy and the inventory make of a host."""
    variables = host_variables(model, host_name)
    host = model.fleet.hosts[host_name]
    incoming: list[dict[str, Any]] = variables["sallyport_flows_in"]
    outgoing: list[dict[str, Any]] = variables["sallyport_flows_out"]
    broker = model.choices.get("broker") if "broker" in host.groups else None
    return Expectation(
        host=host_name,
        groups=host.groups,
        forwards=host.firewall,
        open=frozenset((flow["proto"], flow["port"], flow["last_port"]) for flow in incoming),
        units=(
            *EVERYWHERE,
            *(unit for group, units in UNITS.items() if group in host.groups for unit in units),
            *((BROKERS[broker],) if broker is not None else ()),
        ),
        broker=broker,
        tls=tuple(
            dict.fromkeys(
                Door(
                    flow["service"],
                    flow["to_address"],
                    flow["port"],
                    _name(model, host_name, flow),
                    TLS[flow["service"]],
                )
                for flow in incoming
                if flow["service"] in TLS
            )
        ),
        firewall=variables["sallyport_firewall"],
        proxy=variables.get("sallyport_proxy_url"),
        resolvers=frozenset(
            network.partition("/")[0] for flow in outgoing if flow["port"] == 53 for network in flow["to"]
        ),
        collected=any(flow["service"] == "journal" for flow in outgoing),
        nginx=variables["sallyport_nginx"],
        database_clients=frozenset(
            network for flow in incoming if flow["service"] == "postgresql" for network in flow["from"]
        ),
    )


def _name(model: Model, host_name: str, flow: Mapping[str, Any]) -> str:
    """Return the name by which clients ask for a service: a public one where it is published, else the host's."""
    published = next(item.publish for item in model.flows if item.id == flow["id"])
    return model.fleet.public_names[0] if published is not None and model.fleet.public_names else host_name
