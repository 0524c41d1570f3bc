"""What a change changes beside reachability: what flows say of themselves, and who and what there is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from network.model import External, Flow, Host, Model, Zone
from network.prove.intent import travels
from network.prove.syntax.addresses import print_address


@dataclass(frozen=True)
class Note:
    """One thing that changes. `subject` is what: "flow hand-over", "host db2"."""

    subject: str
    text: str


Facts = Mapping[str, str]
"""What is said of one thing, in words."""


def notes(before: Model, after: Model) -> Iterator[Note]:
    """Give what changes, by flow, host, zone and external."""
    old, new = _things(before), _things(after)
    for subject in dict.fromkeys((*old, *new)):
        if subject not in new:
            yield Note(subject, "is removed")
        elif subject not in old:
            said = "; ".join(f"{name}: {words}" for name, words in new[subject].items() if words)
            yield Note(subject, f"is added ({said})")
        else:
            for name, words in new[subject].items():
                earlier = old[subject][name]
                if words != earlier:
                    yield Note(subject, f"{name}: {earlier or 'none'} → {words or 'none'}")


def _things(model: Model) -> dict[str, Facts]:
    fleet = model.fleet
    hidden = _translations(model)
    found: dict[str, Facts] = {f"flow {flow.id}": _flow(flow, hidden.get(flow.id, ())) for flow in model.flows}
    found |= {f"host {host.name}": _host(host) for host in fleet.hosts.values()}
    found |= {f"zone {zone.name}": _zone(zone) for zone in fleet.zones.values()}
    found |= {f"external {external.name}": _external(external) for external in fleet.externals.values()}
    found["the fleet"] = {
        "environment": fleet.environment,
        "domain": fleet.domain,
        "public names": _list(fleet.public_names),
    }
    return found


def _flow(flow: Flow, hidden: Iterable[str]) -> Facts:
    return {
        "why": flow.why,
        "owner": flow.owner,
        "review_by": flow.review_by.isoformat(),
        "any_destination": flow.any_destination or "",
        "leaves the fleet as": _list(hidden),
    }


def _host(host: Host) -> Facts:
    return {
        "addresses": _list(f"{leg.address} in {leg.zone}" for leg in host.legs),
        "groups": _list(sorted(host.groups)),
    }


def _zone(zone: Zone) -> Facts:
    return {
        "trust": zone.trust,
        "purpose": zone.purpose,
        "networks": _list(str(network) for network in zone.networks),
        "gateways": _list(str(address) for address in zone.gateways),
    }


def _external(external: External) -> Facts:
    return {
        "purpose": external.purpose,
        "networks": _list(str(network) for network in external.networks),
        "names": _list(sorted(external.names)),
    }


def _translations(model: Model) -> dict[str, tuple[str, ...]]:
    """Give the addresses that each flow's packets carry once they have left the fleet (SNAT)."""
    found: dict[str, dict[str, None]] = {}
    for family in (4, 6):
        for travel in travels(model, family):
            if travel.hidden:
                addresses = (print_address(first, family) for first, _ in travel.forms[-1].sources)
                found.setdefault(travel.flow.id, {}).update(dict.fromkeys(addresses))
    return {flow: tuple(addresses) for flow, addresses in found.items()}


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
