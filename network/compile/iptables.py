"""The whole firewall of a host: what iptables-restore, ip6tables-restore and ipset restore are given."""

from collections.abc import Sequence
from dataclasses import dataclass

from network.compile.access import access
from network.compile.conversation import Conversation, concerning
from network.compile.filter import filter_table, log
from network.compile.ipset import Sets
from network.compile.match import Matches, comment
from network.compile.nat import nat_table
from network.compile.rule import Access
from network.compile.table import Table
from network.model import Host, Model


@dataclass(frozen=True)
class Firewall:
    """Input for iptables-restore, ip6tables-restore and `ipset restore` (see network.compile.ipset).

    Both rule texts hold the tables raw, mangle, nat and filter, so that restoring them replaces whatever stood in any.
    The sets must be there before the rules.
    """

    v4: str
    v6: str
    sets: str


def compile_host(model: Model, host_name: str) -> Firewall:
    """Return the firewall of a host. Pure: the same model gives the same text.

    Raises KeyError for a host that is not in the fleet.
    """
    sets = Sets()
    talks = concerning(model, model.fleet.hosts[host_name])
    return Firewall(_rules(model, talks, host_name, sets, 4), _rules(model, talks, host_name, sets, 6), sets.text())


def _rules(model: Model, talks: Sequence[Conversation], host_name: str, sets: Sets, version: int) -> str:
    matches = Matches(sets, version)
    allowed = access(model, talks, host_name, version)

    def over_zones() -> Access:
        return access(model, talks, host_name, version, over_zones=True)

    tables = (
        _raw_table(version),
        _mangle_table(model.fleet.hosts[host_name], version),
        nat_table(model, allowed, matches),
        filter_table(model, host_name, allowed, over_zones, matches),
    )
    return "".join(table.text() for table in tables)


def _raw_table(version: int) -> Table:
    """Anti-spoofing on every interface: a packet must come from where its answer would go (RFC 3704, strict)."""
    table = Table("raw", {"PREROUTING": "ACCEPT", "OUTPUT": "ACCEPT"})
    spoof = table.new("spoof")
    table.add("PREROUTING", "-m rpfilter --invert", f"-j {spoof}")
    table.add(spoof, log("spoof", version))
    table.add(spoof, comment("deny:spoof"), "-j DROP")
    return table


def _mangle_table(host: Host, version: int) -> Table:
    """Send on nothing new from no address, or from one that is valid on its link only (RFC 4291, 2.5.2 and 2.5.6).

    Routes lead back to such sources, so rpfilter passes them; and where the way out is the way in, Linux sends them on.
    It stands in a table of its own, for the filter table counts what a packet meets there.
    """
    table = Table("mangle", dict.fromkeys(("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"), "ACCEPT"))
    if version == 6 and any(leg.address.version == 6 for leg in host.legs) and host.firewall:
        for source in ("::/128", "fe80::/10"):
            table.add("FORWARD", f"-s {source} -m conntrack --ctstate NEW", comment("deny:link"), "-j DROP")
    return table
