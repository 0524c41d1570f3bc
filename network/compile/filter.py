"""The filter table: what a host receives, forwards and sends. Everything else is logged and refused.

Each built-in chain has one shape::

    what is known already       loopback; established connections; errors that belong to one (not-new)
    what cannot open one        TCP that is no SYN
    -j in, fwd or out           the flows: only they accept what is new
    NFLOG, DROP or REJECT       the rest, logged at a limited rate

The policy of the chains is DROP as well, so a table of which only a part is there lets nothing through.
"""

from collections.abc import Callable
from typing import Final

from network.compile.addresses import Addresses
from network.compile.match import Matches, comment
from network.compile.rule import Access, Rule
from network.compile.table import VISITED, Group, Table, Writer
from network.model import Model

# Destination unreachable, time exceeded, parameter problem (RFC 792); for IPv6 packet too big as well (RFC 4443).
ERRORS: Final = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
ICMP: Final = {4: "-p icmp -m icmp --icmp-type", 6: "-p ipv6-icmp -m icmp6 --icmpv6-type"}
REJECT: Final = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}

# Neighbour solicitation and advertisement (RFC 4861). Routers are not asked for: addresses and routes are set by us.
NEIGHBOURS: Final = (135, 136)


def filter_table(
    model: Model, host_name: str, allowed: Access, over_zones: Callable[[], Access], matches: Matches
) -> Table:
    """Return the filter table of a host for the IP version of the matches.

    It is made from what the host lets through, asked for over zones if rules are too many for a tree by zone.
    """
    version = matches.version
    host = model.fleet.hosts[host_name]
    table = Table("filter", {"INPUT": "DROP", "FORWARD": "DROP", "OUTPUT": "DROP"})
    writer = Writer(table, matches, lambda rule: _accept(rule, matches))
    table.add("INPUT", "-i lo", "-j ACCEPT")
    table.add("OUTPUT", "-o lo", "-j ACCEPT")
    if any(leg.address.version == version for leg in host.legs):
        _not_new(table, version)
        if version == 6:
            _neighbours(table)
        for chain in ("INPUT", "OUTPUT", *(("FORWARD",) if host.firewall else ())):
            _known(table, chain)
        if allowed.incoming:
            called = _call(table, "INPUT", "in")
            groups = _groups(model, allowed.incoming, version)
            writer.by_zone(called, groups, _budget(table, "INPUT"), lambda: over_zones().incoming)
        if allowed.crossing:
            called = _call(table, "FORWARD", "fwd")
            groups = _groups(model, allowed.crossing, version)
            writer.by_zone(called, groups, _budget(table, "FORWARD"), lambda: over_zones().crossing)
        if allowed.outgoing:
            called = _call(table, "OUTPUT", "out")
            writer.tree(called, allowed.outgoing, _budget(table, "OUTPUT"))
    _refuse(table, "INPUT", "in", "-j DROP", version)
    _refuse(table, "FORWARD", "fwd", "-j DROP", version)
    _refuse(table, "OUTPUT", "out", f"-j REJECT --reject-with {REJECT[version]}", version)
    return table


def log(name: str, version: int, *, side: str = "src") -> str:
    """Log to ulogd what is about to be dropped, at most 10 packets a second for each peer (an IPv6 peer is a /64).

    The kernel's own log stays empty in containers, so the target is NFLOG.
    """
    mask = f" --hashlimit-{side}mask 64" if version == 6 else ""
    return (
        f"-m hashlimit --hashlimit-upto 10/sec --hashlimit-burst 20 --hashlimit-mode {side}ip "
        f'--hashlimit-name deny-{name}{mask} -j NFLOG --nflog-prefix "deny-{name}: " --nflog-group 1'
    )


def _accept(rule: Rule, matches: Matches) -> str:
    return f"{matches.rule(rule, new=True)} {comment(f'flow:{rule.flow}')} -j ACCEPT"


def _known(table: Table, chain: str) -> None:
    table.add(chain, "-m conntrack --ctstate ESTABLISHED", "-j ACCEPT")
    table.add(chain, "-m conntrack --ctstate INVALID,RELATED", "-j not-new")
    if "ndp" in table.chains and chain != "FORWARD":
        table.add(chain, "-p ipv6-icmp", "-j ndp")
    table.add(chain, "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", comment("deny:invalid"), "-j DROP")


def _not_new(table: Table, version: int) -> None:
    """Packets of known connections which are no part of them: errors pass, what cannot be placed is dropped.

    Of related packets only errors pass: no helper (FTP, SIP) ever opens another connection.
    """
    chain = table.new("not-new")
    for kind in ERRORS[version]:
        table.add(chain, f"{ICMP[version]} {kind}", "-m conntrack --ctstate RELATED", comment("related"), "-j ACCEPT")
    table.add(chain, "-m conntrack --ctstate INVALID", comment("deny:invalid"), "-j DROP")


def _neighbours(table: Table) -> None:
    """Neighbour discovery on the link: the hop limit of 255 shows that no router forwarded it (RFC 4861, 3.1)."""
    chain = table.new("ndp")
    for kind in NEIGHBOURS:
        table.add(chain, f"{ICMP[6]} {kind}", "-m hl --hl-eq 255", comment("ndp"), "-j ACCEPT")


def _groups(model: Model, rules: tuple[Rule, ...], version: int) -> list[Group]:
    """Return the rules by the zone that their packets come from."""
    return [
        Group(zone, source, of_zone)
        for zone, source in _zone_sources(model, version).items()
        if (of_zone := tuple(rule for rule in rules if rule.zone == zone))
    ]


def _zone_sources(model: Model, version: int) -> dict[str, Addresses]:
    """Return the addresses of each zone, the untrusted one (all others) last."""
    zones = model.fleet.zones.values()
    found = {
        zone.name: Addresses.of(network for network in zone.networks if network.version == version)
        for zone in zones
        if not zone.untrusted
    }
    others = Addresses.beyond(network for source in found.values() for network in source.networks)
    return {**found, model.fleet.untrusted.name: others}


def _call(table: Table, chain: str, name: str) -> str:
    called = table.new(name)
    # Flows are TCP and UDP. What has been through the chain for neighbours need not go through theirs as well.
    table.add(chain, "! -p ipv6-icmp" if "ndp" in table.chains and chain != "FORWARD" else "", f"-j {called}")
    return called


def _budget(table: Table, chain: str) -> int:
    """Return how many rules of the tree a packet may meet beside the chain's own, two of which are yet to come."""
    return VISITED - len(table.chains[chain]) - 2


def _refuse(table: Table, chain: str, name: str, verdict: str, version: int) -> None:
    table.add(chain, log(name, version, side="dst" if name == "out" else "src"))
    table.add(chain, comment(f"deny:{name}"), verdict)
