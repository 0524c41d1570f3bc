"""What is likely to be wrong: from the packet's way to the thing that an engineer would have to change."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from network.prove.claim import Gap, Obligation
from network.prove.engine.intervals import contains
from network.prove.fleet.hop import Hop, Outcome
from network.prove.fleet.walk import Fleet
from network.prove.intent import Form
from network.prove.policy import OPENING, Policy
from network.prove.semantics.judge import Judge
from network.prove.semantics.layout import State
from network.prove.semantics.packet import Packet
from network.prove.semantics.trace import Decision
from network.prove.syntax.addresses import print_address
from network.prove.syntax.numbers import TCP
from network.prove.syntax.sets import Addresses
from network.prove.syntax.types import (
    Accept,
    DestinationNat,
    Goto,
    Jump,
    Match,
    Rule,
    Ruleset,
    SetMember,
    Side,
    SourceNat,
    Table,
)

NO_LOOPBACK = "no local route leads to this loopback address"
"""How the note of a gap ends whose packet to the host itself finds no way."""


@dataclass(frozen=True)
class Cause:
    """The likely cause in a sentence, and the thing itself: a rule (file:line), a set's member, a route, a setting."""

    sentence: str
    suspect: str


class Finder:
    """Judges from a packet's way what is likely to be wrong."""

    def __init__(self, fleet: Fleet, policy: Policy) -> None:
        self.fleet = fleet
        self.policy = policy

    def find(self, obligation: Obligation, gap: Gap, hops: Sequence[Hop], flows: Sequence[str]) -> Cause:
        """Find the likely cause of a gap. `flows` are those that the policy has for the packet."""
        if not hops:
            return Cause(gap.note, f"{obligation.subject} {gap.note.split()[0]}")
        if gap.kind == "missing":
            return self._of_stopped(gap, hops, flows)
        if obligation.name == "spoofed":
            return self._forged(hops[0])
        return self._of_passing(hops) if gap.state is State.NEW else self._of_state(gap.state, hops[0])

    def place(self, host: str, rule: Rule) -> str:
        """Give a rule's file and line."""
        return f"{self.fleet.machines[host].host.snapshot.where}:{rule.line}"

    # Something passes that should not.

    def _forged(self, hop: Hop) -> Cause:
        host = self.fleet.machines[hop.host].host
        strictness = host.strictness(hop.arrived.iif)
        source = print_address(hop.arrived.src, self.fleet.family)
        way = host.routes.way(hop.arrived.src)
        if way.interface == hop.arrived.iif:
            sentence = f"the route to {source} leads out by {way.interface}, so that nothing looks wrong about it there"
            return Cause(sentence, f"{hop.host} route to {source}")
        return Cause(
            f"neither rules nor the kernel (rp_filter {strictness}) keep {source} from coming by {hop.arrived.iif}",
            f"{hop.host} raw PREROUTING",
        )

    def _of_state(self, state: State, hop: Hop) -> Cause:
        """Name what accepts a packet that opens no connection."""
        decision = next((each for each in reversed(hop.decisions) if each.table == "filter"), None)
        if decision is None:
            return Cause(f"table filter of {hop.host} is never asked about it", f"{hop.host} filter")
        if decision.by is None:
            return Cause(f"the policy of {decision.chain} accepts it", f"{hop.host} filter {decision.chain} policy")
        return Cause(f"the rule accepts packets in state {state.name} as well", self.place(hop.host, decision.by))

    def _of_passing(self, hops: Sequence[Hop]) -> Cause:
        """Find the decision that no flow justifies."""
        for hop in hops:
            for decision in hop.decisions:
                found = self._unjustified(hop, decision)
                if found is not None:
                    return found
        last = hops[-1]
        for hop in hops:
            for decision in hop.decisions:
                if decision.fate.translation is not None and decision.by is not None:
                    sentence = "a wrong translation: it sends the packet where no flow leads"
                    return Cause(sentence, self.place(hop.host, decision.by))
        if last.outcome is Outcome.SENT_ON and (
            found := self._untranslated(last, SourceNat, "POSTROUTING", "what leaves")
        ):
            return found
        if last.outcome is Outcome.SENT_ON:
            where = f"{last.host} route by {last.left.oif}"
            return Cause(f"{last.host} sends the packet on where no flow leads", where)
        return Cause(f"{last.host} takes the packet in, which no flow sends there", last.host)

    def _unjustified(self, hop: Hop, decision: Decision) -> Cause | None:
        rule = decision.by
        if decision.fate.kind == "DROP":
            return None
        if rule is None:
            if decision.table == "filter" and decision.fate.kind == "ACCEPT":
                return Cause(
                    f"no rule decides, and the policy of {decision.chain} is ACCEPT",
                    f"{hop.host} {decision.table} {decision.chain} policy",
                )
            return None
        if not isinstance(rule.action, Accept | DestinationNat | SourceNat):
            return None
        if decision.table != "filter" and isinstance(rule.action, Accept):
            return None
        return self._of_rule(hop, rule, hop.left if decision.chain == "POSTROUTING" else hop.arrived)

    def _of_rule(self, hop: Hop, rule: Rule, packet: Packet) -> Cause | None:
        """Say what is wrong with a rule that let a packet pass; None if its flow has such packets here."""
        place = self.place(hop.host, rule)
        if rule.flow is None:
            translates = isinstance(rule.action, SourceNat)
            return None if translates else Cause("an extra rule: it carries no flow", place)
        forms = list(self._forms(hop, rule.flow))
        if not forms:
            known = any(flow.id == rule.flow for flow in self.policy.model.flows)
            why = "leads nowhere near this host" if known else "is not in the policy"
            return Cause(f"a stale rule: its flow {rule.flow} {why}", place)
        beyond = self._beyond(forms, packet)
        if beyond == "flags":
            chain = "INPUT" if not hop.left.oif else "FORWARD" if hop.arrived.iif else "OUTPUT"
            sentence = f"nothing drops TCP that is no SYN before it comes to the rule of flow {rule.flow} ({place})"
            return Cause(sentence, f"{hop.host} filter {chain}")
        return self._too_wide(hop.host, rule, packet, beyond) if beyond else None

    def _too_wide(self, host: str, rule: Rule, packet: Packet, beyond: str) -> Cause:
        looked_at = {"source": Side.SOURCE, "destination": Side.DESTINATION}.get(beyond)
        address = packet.src if beyond == "source" else packet.dst
        for match in rule.matches:
            if isinstance(match, SetMember) and looked_at in match.sides:
                if match.negated:
                    shown = print_address(address, self.fleet.family)
                    sentence = f"set {match.name} lacks {shown}, which it should except ({self.place(host, rule)})"
                    return Cause(sentence, f"{host} ipset {match.name}")
                return self._stale(host, match.name, address, rule.flow or "")
        sentence = f"the rule is wider than its flow {rule.flow}: the {beyond} is not the flow's"
        return Cause(sentence, self.place(host, rule))

    def _stale(self, host: str, name: str, address: int, flow: str) -> Cause:
        family = self.fleet.family
        entries = self.fleet.machines[host].host.snapshot.sets[name].entries
        for entry in entries:
            for part in entry.parts:
                if isinstance(part, Addresses) and part.first <= address <= part.last:
                    return Cause(
                        f"set {name} holds {entry.element}, which is no end of flow {flow}",
                        f"{self.fleet.machines[host].host.snapshot.where}:{entry.line}",
                    )
        shown = print_address(address, family)
        return Cause(f"set {name} holds {shown}, which is no end of flow {flow}", f"{host} ipset {name}")

    def _forms(self, hop: Hop, flow: str) -> Iterator[Form]:
        """Give the forms of a flow that this host meets: as packets arrive, or as it sends them."""
        for travel in self.policy.travels:
            if travel.flow.id != flow:
                continue
            if not hop.arrived.iif and hop.host in travel.senders:
                yield travel.forms[0]
            for number, form in enumerate(travel.forms):
                if hop.arrived.iif and hop.host in travel.takers(number):
                    yield form

    def _beyond(self, forms: Sequence[Form], packet: Packet) -> str | None:
        """Say what about a packet no form has; None if one has all of it."""
        checks: dict[str, Callable[[Form], bool]] = {
            "protocol": lambda form: form.protocol == packet.protocol,
            "port": lambda form: form.protocol == packet.protocol and form.ports[0] <= packet.dport <= form.ports[1],
            "source": lambda form: contains(form.sources, packet.src),
            "destination": lambda form: contains(form.destinations, packet.dst),
            "flags": lambda _: packet.protocol != TCP or contains(OPENING, packet.flags),
        }
        if any(all(check(form) for check in checks.values()) for form in forms):
            return None
        for name, check in checks.items():
            if not any(check(form) for form in forms):
                return name
        return "combination of source, destination and port"

    # Something does not pass that should.

    def _of_stopped(self, gap: Gap, hops: Sequence[Hop], flows: Sequence[str]) -> Cause:
        """Find what stopped the packet, or where it went astray."""
        last = hops[-1]
        if gap.hook is not None:
            return self._at_hook(gap.hook, last)
        if gap.note.startswith(("the answer", "the route")):
            return Cause(
                f"a wrong or missing route: {gap.note}", f"{hops[0].host} route to {self._to(hops[0].arrived)}"
            )
        if gap.note.endswith(NO_LOOPBACK):
            return Cause(gap.note, f"{hops[0].host} route to {self._to(hops[0].arrived)}")
        unoffered = self._unoffered(hops[0], flows)
        if unoffered is not None:
            return unoffered
        if last.outcome is not Outcome.STOPPED:
            return self._astray(hops)
        return self._by_kernel(last) if last.reason else self._by_rule(last, last.decisions[-1], flows)

    def _at_hook(self, hook: tuple[str, str, str], hop: Hop) -> Cause:
        stopper = hop.decisions[-1]
        chains = ", ".join(dict.fromkeys((stopper.chain, *_chains(stopper))))
        sentence = f"no rule of {stopper.table} {chains} accepts it ({hook[1] or hook[2]}) before it is stopped"
        policy = f"{hop.host} {stopper.table} {stopper.chain} policy"
        return Cause(sentence, self.place(hop.host, stopper.by) if stopper.by else policy)

    def _unoffered(self, hop: Hop, flows: Sequence[str]) -> Cause | None:
        """Say why a packet to a published service was not sent on to it by the first firewall; None if it was."""
        for travel in self.policy.travels:
            if travel.offered and travel.flow.id in flows and travel.journey.hops[0].host == hop.host:
                if contains(travel.forms[1].destinations, hop.left.dst):
                    return None
                found = self._untranslated(hop, DestinationNat, "PREROUTING", f"flow {travel.flow.id}")
                if found is not None:
                    return found
        return None

    def _astray(self, hops: Sequence[Hop]) -> Cause:
        last = hops[-1]
        where = f"past the fleet by {last.left.oif}" if last.outcome is Outcome.SENT_ON else f"in at {last.host}"
        for hop in reversed(hops):
            for decision in hop.decisions:
                if decision.fate.translation is not None and decision.by is not None:
                    place = self.place(hop.host, decision.by)
                    return Cause(f"a wrong translation: the packet goes {where}", place)
        sentence = f"a wrong route or a missing translation: the packet goes {where}"
        return Cause(sentence, f"{last.host} route to {self._to(last.left)}")

    def _untranslated(self, hop: Hop, kind: type[DestinationNat | SourceNat], chain: str, what: str) -> Cause | None:
        """Say why a packet was not translated as it should be; None where the host translates nothing anyway."""
        host = self.fleet.machines[hop.host].host
        ruleset = host.snapshot.rules[self.fleet.family]
        decision = next((each for each in hop.decisions if (each.table, each.chain) == ("nat", chain)), None)
        if decision is not None and decision.by is not None:
            return Cause("a wrong translation", self.place(hop.host, decision.by))
        judge = Judge(ruleset, host.surroundings)
        nat = ruleset.tables.get("nat")
        rules = [rule for each in nat.chains.values() for rule in each.rules] if nat else []
        for rule in (rule for rule in rules if isinstance(rule.action, kind)):
            failing = judge.failing(rule, hop.left, "nat")
            if len(failing) == 1 and isinstance(failing[0], SetMember):
                name = failing[0].name
                sentence = f"not translated: set {name} stands in the way ({self.place(hop.host, rule)})"
                return Cause(sentence, f"{hop.host} ipset {name}")
        known = any(travel.offered or travel.hidden for travel in self.policy.travels)
        sentence = f"not translated: no rule of nat {chain} translates {what}"
        return Cause(sentence, f"{hop.host} nat {chain}") if known else None

    def _to(self, packet: Packet) -> str:
        return print_address(packet.dst, self.fleet.family)

    def _by_kernel(self, hop: Hop) -> Cause:
        if "forwarding" in hop.reason:
            return Cause(hop.reason, f"{hop.host} net.ipv{self.fleet.family}.conf.{hop.arrived.iif}.forwarding")
        if "source" in hop.reason:
            family = self.fleet.family
            suspect = f"{hop.host} route to {print_address(hop.arrived.src, family)}"
            return Cause(hop.reason, suspect)
        return Cause(hop.reason, f"{hop.host} route to {self._to(hop.left)}")

    def _by_rule(self, hop: Hop, decision: Decision, flows: Sequence[str]) -> Cause:
        host = self.fleet.machines[hop.host].host
        ruleset = host.snapshot.rules[self.fleet.family]
        judge = Judge(ruleset, host.surroundings)
        stopper = f"{hop.host} {decision.table} {decision.chain} policy"
        if decision.by is not None:
            stopper = self.place(hop.host, decision.by)
        if decision.by is not None and decision.by.flow in flows:
            return Cause(f"the rule of flow {decision.by.flow} does not accept", stopper)
        visited = {decision.chain, *_chains(decision)}
        judged = [(each, judge.failing(each[2], hop.left, each[0])) for each in _accepting(ruleset, flows)]
        for (table, chain, rule), failing in judged:
            if not failing:
                barred = _barred(ruleset.tables[table], chain, hop.left, judge)
                return (
                    self._unreached(hop, decision, rule) if barred is None else self._not_led(hop, rule, chain, barred)
                )
        for (_, chain, rule), failing in judged:
            if len(failing) == 1 and chain in visited:  # so it was likely meant for this packet
                return self._too_narrow(hop.host, rule, failing[0])
        for (table, chain, rule), failing in judged:  # a rule may repeat the condition of the one that leads to it
            barred = _barred(ruleset.tables[table], chain, hop.left, judge) or ()
            if len(failing) == 1 and any(judge.failing(each, hop.left, table) == failing for each in barred):
                return self._too_narrow(hop.host, rule, failing[0])
        if flows:
            return Cause(f"a missing rule: none on {hop.host} accepts this packet for flow {flows[0]}", stopper)
        return Cause("a rule stops what should pass", stopper)

    def _unreached(self, hop: Hop, decision: Decision, rule: Rule) -> Cause:
        """Say why a packet did not come to a rule that accepts it, though the way to its chain is open."""
        there = self.place(hop.host, rule)
        sentence = f"wrong order: the rule of flow {rule.flow} ({there}) would accept it, but is not reached"
        astray = [visit.rule for visit in decision.visits if isinstance(visit.rule.action, Goto)]
        if astray or decision.by is not None:
            by = self._led_by(hop.host, decision)
            return Cause(sentence + by, self.place(hop.host, astray[-1] if astray else decision.by or rule))
        return Cause(sentence, f"{hop.host} {decision.table} {decision.chain} policy")

    def _not_led(self, hop: Hop, rule: Rule, chain: str, barred: Sequence[Rule]) -> Cause:
        """Name the rule that should have led a packet on to the chain that accepts it, and what about it fails."""
        sentence = f"nothing leads to chain {chain}, where flow {rule.flow} is accepted ({self.place(hop.host, rule)})"
        if not barred:
            return Cause(sentence, f"{hop.host} filter {chain}")
        host = self.fleet.machines[hop.host].host
        failing = Judge(host.snapshot.rules[self.fleet.family], host.surroundings).failing(
            barred[0], hop.left, "filter"
        )
        sets = [each for each in failing if isinstance(each, SetMember)]
        where = self.place(hop.host, barred[0])
        if len(sets) == len(failing) == 1:
            side, name = "outside" if sets[0].negated else "in", sets[0].name
            return Cause(f"{sentence}: the packet is not {side} set {name} ({where})", f"{hop.host} ipset {name}")
        return Cause(f"{sentence}: the rule that should lead there does not match", where)

    def _led_by(self, host: str, decision: Decision) -> str:
        """Say which rule led a packet into the chain where it was decided on; nothing in a built-in chain."""
        ruleset = self.fleet.machines[host].host.snapshot.rules[self.fleet.family]
        for visit in reversed(decision.visits):
            action = visit.rule.action
            if (
                isinstance(action, Jump | Goto)
                and decision.by in ruleset.tables[decision.table].chains[action.chain].rules
            ):
                return f", for {self.place(host, visit.rule)} leads elsewhere"
        return ""

    def _too_narrow(self, host: str, rule: Rule, failing: Match) -> Cause:
        if isinstance(failing, SetMember):
            sentence = f"the packet is not {'outside' if failing.negated else 'in'} set {failing.name}"
            return Cause(f"{sentence} ({self.place(host, rule)})", f"{host} ipset {failing.name}")
        return Cause(f"the rule of flow {rule.flow} is narrower than the flow", self.place(host, rule))


def _chains(decision: Decision) -> Iterator[str]:
    """Give the chains that a packet has been through."""
    for visit in decision.visits:
        yield visit.chain
        if isinstance(visit.rule.action, Jump | Goto):
            yield visit.rule.action.chain


def _barred(table: Table, chain: str, packet: Packet, judge: Judge) -> Sequence[Rule] | None:
    """Give the rules that could lead a packet to a chain and do not; None if a way there is open."""
    if table.chains[chain].policy is not None:
        return None
    barred: list[Rule] = []
    for each in table.chains.values():
        for rule in each.rules:
            if isinstance(rule.action, Jump | Goto) and rule.action.chain == chain:
                before = _barred(table, each.name, packet, judge)
                if before is None and judge.holds(rule, packet, table.name) is not False:
                    return None
                barred += [rule] if before is None else before
    return barred


def _accepting(ruleset: Ruleset, flows: Sequence[str]) -> Iterator[tuple[str, str, Rule]]:
    """Give the rules that accept packets for some flows, each with its table and chain."""
    for table in ruleset.tables.values():
        for chain in table.chains.values():
            for rule in chain.rules:
                if rule.flow in flows and isinstance(rule.action, Accept):
                    yield table.name, chain.name, rule
