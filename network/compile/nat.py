"""The nat table: published flows are sent on to their host, and what leaves the fleet carries the edge's address."""

from dataclasses import replace

from network.compile.addresses import Addresses
from network.compile.conversation import outside
from network.compile.match import Matches, comment, destination
from network.compile.rule import Access, Rule
from network.compile.table import VISITED, Table, Writer
from network.model import Model


def nat_table(model: Model, access: Access, matches: Matches) -> Table:
    """Return the nat table of a host for the IP version of the matches. It permits nothing: the filter table decides.

    Reading has seen to it that a published flow has one destination, and a public port one flow.
    """
    table = Table("nat", {"PREROUTING": "ACCEPT", "INPUT": "ACCEPT", "OUTPUT": "ACCEPT", "POSTROUTING": "ACCEPT"})
    if access.offered:
        chain = table.new("publish")
        publics = dict.fromkeys(rule.sent_to for rule in access.offered if rule.sent_to is not None)
        for public in publics:
            table.add("PREROUTING", destination(public), f"-j {chain}")
        targets = {_arriving(rule): rule for rule in access.offered}
        writer = Writer(table, matches, lambda rule: _translate(targets[rule], rule, matches))
        writer.tree(chain, tuple(targets), VISITED - len(publics))
    if access.leaves_by is not None:
        ours = replace(outside(model, matches.version), outside=False)
        table.add(
            "POSTROUTING",
            *matches.sides(ours, "inner", outside(model, matches.version), "inner"),
            comment("snat"),
            f"-j SNAT --to-source {access.leaves_by}",
        )
    return table


def _arriving(rule: Rule) -> Rule:
    """Return the rule before the translation: its packets go to the public address."""
    assert rule.sent_to is not None
    return replace(rule, destination=Addresses.of((rule.sent_to,)), sent_to=None)


def _translate(rule: Rule, arriving: Rule, matches: Matches) -> str:
    first, last = rule.ports.spans[0]
    to = rule.destination.networks[0].network_address
    # A range of ports is kept as it is; a single one is named, so that the rule can be read by itself.
    port = f":{first}" if first == last else ""
    return (
        f"{matches.rule(arriving, new=False)} {comment(f'flow:{rule.flow}')} "
        f"-j DNAT --to-destination {f'[{to}]' if port and to.version == 6 else to}{port}"
    )
