"""What must change for the lab to be as drawn: compares the blueprint with what the engine says. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from network.lab.blueprint import (
    LABEL_HOME,
    LABEL_SPECIFICATION,
    Blueprint,
    Container,
    Segment,
    specification,
)


@dataclass(frozen=True)
class FoundNetwork:
    """A network of ours that the engine has. `identity` changes when it is made anew under the same name."""

    name: str
    identity: str
    home: str
    specification: str


@dataclass(frozen=True)
class FoundContainer:
    """A container of ours that the engine has. `networks` maps each name to (identity, IPv4, IPv6), as far as known."""

    name: str
    state: str
    home: str
    specification: str
    networks: Mapping[str, tuple[str, str, str]]


@dataclass(frozen=True)
class Found:
    """What the engine has of the lab, by name."""

    networks: Mapping[str, FoundNetwork] = field(default_factory=dict)
    containers: Mapping[str, FoundContainer] = field(default_factory=dict)

    def strangers(self, home: Path) -> tuple[str, ...]:
        """Return the state folders of other checkouts that made some of it.

        A checkout that is gone cannot take its lab away any more: what it made is anybody's.
        """
        homes = {item.home for item in self.containers.values()} | {item.home for item in self.networks.values()}
        return tuple(sorted(other for other in homes - {str(home)} if Path(other).exists()))


@dataclass(frozen=True)
class Plan:
    """The changes, in the order they are made. `reasons` says why something that exists is made anew."""

    remove_containers: tuple[str, ...] = ()
    remove_networks: tuple[str, ...] = ()
    create_networks: tuple[Segment, ...] = ()
    create_containers: tuple[Container, ...] = ()
    start: tuple[str, ...] = ()
    unpause: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)


def found(containers: Sequence[Mapping[str, Any]], networks: Sequence[Mapping[str, Any]]) -> Found:
    """Read what `docker inspect` and `docker network inspect` print."""
    return Found(
        {item["Name"]: _network(item) for item in networks},
        {item["Name"].lstrip("/"): _container(item) for item in containers},
    )


def decide(blueprint: Blueprint, present: Found) -> Plan:
    """Say what to remove, make and start. What is as drawn is left alone, running or not."""
    reasons: dict[str, str] = {}
    for network in present.networks.values():
        segment = blueprint.segments.get(network.name)
        if segment is None:
            reasons[network.name] = "no longer in the inventory"
        elif network.specification != specification(segment):
            reasons[network.name] = "defined differently now"
    kept_networks = {name: item for name, item in present.networks.items() if name not in reasons}
    for container in present.containers.values():
        reason = _stale(blueprint, kept_networks, container)
        if reason:
            reasons[container.name] = reason
    kept = {name: item for name, item in present.containers.items() if name not in reasons}
    create = tuple(item for name, item in blueprint.containers.items() if name not in kept)
    return Plan(
        remove_containers=tuple(name for name in present.containers if name in reasons),
        remove_networks=tuple(name for name in present.networks if name in reasons),
        create_networks=tuple(item for name, item in blueprint.segments.items() if name not in kept_networks),
        create_containers=create,
        start=tuple(
            name
            for name in blueprint.containers
            if name not in kept or kept[name].state not in ("running", "paused", "restarting")
        ),
        unpause=tuple(name for name, item in kept.items() if item.state == "paused"),
        reasons=reasons,
    )


def _stale(blueprint: Blueprint, networks: Mapping[str, FoundNetwork], container: FoundContainer) -> str | None:
    """Return why a container must be made anew, or None."""
    wanted = blueprint.containers.get(container.name)
    if wanted is None:
        return "no longer in the inventory"
    if container.specification != specification(wanted):
        return "defined differently now"
    if container.state in ("dead", "removing"):
        return f"the engine calls it {container.state}"
    attached = {name: (v4, v6) for name, (_, v4, v6) in container.networks.items()}
    if attached != {each.segment: (each.v4 or "", each.v6 or "") for each in wanted.attachments}:
        return "was not made to the end"
    for name, (identity, _, _) in container.networks.items():
        # The engine knows the identity only once the container has been started.
        if name not in networks or (identity and identity != networks[name].identity):
            return f"its network {name} is made anew"
    return None


def _network(item: Mapping[str, Any]) -> FoundNetwork:
    labels = item.get("Labels") or {}
    return FoundNetwork(item["Name"], item["Id"], labels.get(LABEL_HOME, ""), labels.get(LABEL_SPECIFICATION, ""))


def _container(item: Mapping[str, Any]) -> FoundContainer:
    labels = item["Config"].get("Labels") or {}
    networks = {
        name: (
            entry.get("NetworkID") or "",
            (entry.get("IPAMConfig") or {}).get("IPv4Address") or "",
            (entry.get("IPAMConfig") or {}).get("IPv6Address") or "",
        )
        for name, entry in (item["NetworkSettings"].get("Networks") or {}).items()
    }
    return FoundContainer(
        item["Name"].lstrip("/"),
        item["State"]["Status"],
        labels.get(LABEL_HOME, ""),
        labels.get(LABEL_SPECIFICATION, ""),
        networks,
    )
