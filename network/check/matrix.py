"""The live probe of every door of every host from every other host, twice: as the hosts are, and from taken-over hosts.

First each host's own egress has to refuse (`Prepared.egress`). Then the source is taken to be compromised: its OUTPUT
chain is opened for the probe's mark, and the firewalls and the targets have to drop (`Prepared.transit`). A host that
knows no way to a zone is given one, as whoever takes it over would do. What is changed on a host undoes itself,
whatever becomes of this run.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from network.check.facts import Facts, Socket, deny_counters
from network.check.reach import Probe
from network.check.shell import Shell, ask, must
from network.check.temporary import MARK, Visits, changed, egress_opened, listening
from network.check.verdict import Observation, Verdict, decide
from network.model import Host, Model
from network.path import zone_journey

# A SYN is sent again after one second: a door is given less, so that each probe is one packet, and counted as one.
_PATIENCE_DENIED = 0.9
_PATIENCE_ALLOWED = 5.0
# Marks routes of ours (RFC 3549 leaves the numbers from 5 on to users).
_PROTOCOL = 84
_NO_ROUTES = f"ip route flush proto {_PROTOCOL} 2>/dev/null; ip -6 route flush proto {_PROTOCOL} 2>/dev/null; true"
# Probes a second and host. Ten hosts on one kernel share its 1,000 ICMP errors a second.
_PACE_EGRESS = 40
_PACE_TRANSIT = 200

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Judged:
    """A probe, what it means, and why."""

    probe: Probe
    verdict: Verdict
    reason: str

    def __str__(self) -> str:
        flow = f" (flow {self.probe.flow.id})" if self.probe.flow else ""
        return f"{self.probe}{flow}: {self.verdict.value}: {self.reason}"


class Prepared:
    """The fleet with something listening at every door, so that a silence means a denial."""

    def __init__(
        self, model: Model, shells: Mapping[str, Shell], probes: Sequence[Probe], visits: Mapping[str, Visits]
    ) -> None:
        self._model, self._shells, self._probes, self._visits = model, shells, probes, visits
        self._sockets = {
            host: Facts(host, {"sockets": {"out": text}}).sockets
            for host, text in self._everywhere("ss -Hltnup").items()
        }

    def egress(self) -> tuple[Judged, ...]:
        """Probe with the hosts as they are: what no flow allows never leaves its source."""
        return self._twice(self._probes, self._egress)

    def transit(self) -> tuple[Judged, ...]:
        """Probe from taken-over hosts: what leaves is dropped by the first firewall on its way, or by the target."""
        return self._twice([probe for probe in self._probes if probe.masked is None], self._transit)

    def _twice(
        self, probes: Sequence[Probe], attempt: Callable[[Sequence[Probe]], tuple[Judged, ...]]
    ) -> tuple[Judged, ...]:
        """Probe; what stays inconclusive is probed once more, with its sources' canaries. No verdict is ever undone."""
        first = attempt(probes)
        doubtful = {each.probe for each in first if each.verdict is Verdict.INCONCLUSIVE}
        if not doubtful:
            return first
        sources = {probe.source for probe in doubtful}
        again = [probe for probe in probes if probe in doubtful or (probe.flow and probe.source in sources)]
        second = {each.probe: each for each in attempt(again)}
        return tuple(second[each.probe] if each.probe in doubtful else each for each in first)

    def _egress(self, probes: Sequence[Probe]) -> tuple[Judged, ...]:
        before = self.counters()
        outcomes = self._knock(probes, None, _PACE_EGRESS)
        after = self.counters()
        denied = Counter(probe.source for probe in probes if probe.flow is None)
        counted = {host: _risen(before, after, host, ("out",)) >= denied[host] for host in self._shells}
        return self._judge(outcomes, "prohibited", lambda probe: counted[probe.source])

    def _transit(self, probes: Sequence[Probe]) -> tuple[Judged, ...]:
        with together(egress_opened(shell) for shell in self._shells.values()):
            before = self.counters()
            outcomes = self._knock(probes, MARK, _PACE_TRANSIT)
            after = self.counters()
        denied = Counter(probe.denier for probe in probes if probe.flow is None)
        counted = {host: _risen(before, after, host, ("in", "fwd")) >= denied[host] for host in self._shells}
        return self._judge(outcomes, "timeout", lambda probe: counted[probe.denier])

    def counters(self) -> dict[str, dict[str, int]]:
        """Return each host's deny counters."""
        return {
            host: deny_counters(text)
            for host, text in self._everywhere("iptables-save -c && ip6tables-save -c").items()
        }

    def _everywhere(self, command: str) -> dict[str, str]:
        return dict(_parallel(lambda shell: (shell.name, must(shell, command)), self._shells.values()))

    def _knock(self, probes: Sequence[Probe], mark: int | None, pace: int) -> dict[Probe, str]:
        def from_host(shell: Shell) -> list[tuple[Probe, str]]:
            mine = [probe for probe in probes if probe.source == shell.name]
            doors = [
                {
                    "protocol": probe.protocol,
                    "address": str(probe.address),
                    "port": probe.port,
                    "seconds": _PATIENCE_DENIED if probe.flow is None else _PATIENCE_ALLOWED,
                }
                for probe in mine
            ]
            return list(zip(mine, ask(shell, "knock", {"mark": mark, "pace": pace, "probes": doors}), strict=True))

        return dict(pair for pairs in _parallel(from_host, self._shells.values()) for pair in pairs)

    def _judge(
        self, outcomes: Mapping[Probe, str], denial: str, counted: Callable[[Probe], bool]
    ) -> tuple[Judged, ...]:
        alive = {probe.source for probe, outcome in outcomes.items() if probe.flow and outcome == "connected"}
        seen = {visit for visits in _parallel(lambda visits: visits(), self._visits.values()) for visit in visits}
        return tuple(
            Judged(
                probe,
                *decide(
                    allowed=probe.flow is not None,
                    denial=denial,
                    seen=Observation(
                        outcome=outcome,
                        canary=probe.source in alive,
                        listening=self._listening(probe),
                        arrived=self._arrived(probe, seen),
                        counted=counted(probe),
                    ),
                ),
            )
            for probe, outcome in outcomes.items()
        )

    def _listening(self, probe: Probe) -> bool:
        """Whether something waits behind a door; behind a published one that is the flow's real destination."""
        if probe.flow is not None and probe.flow.publish is not None:
            ends = [end.name for end in probe.flow.destinations if end.kind == "host"]
            return any(_bound(self._sockets[end], probe, None) for end in ends)
        return _bound(self._sockets[probe.target], probe, str(probe.address))

    def _arrived(self, probe: Probe, seen: set[tuple[str, str, str, int]]) -> bool:
        """Whether the target's listener saw the probe, and no translated flow explains the visit."""
        if probe.masked is not None or any(
            other.flow is not None
            and other.flow.publish is not None
            and (other.source, other.protocol, other.port) == (probe.source, probe.protocol, probe.port)
            and any(end.name == probe.target for end in other.flow.destinations)
            for other in self._probes
        ):
            return False
        sources = {str(leg.address) for leg in self._model.fleet.hosts[probe.source].legs}
        return any((probe.protocol, source, str(probe.address), probe.port) in seen for source in sources)


@contextmanager
def prepared(model: Model, shells: Mapping[str, Shell], probes: Sequence[Probe]) -> Iterator[Prepared]:
    """Have something listen at every door, and every host know a way there, while the body runs. Raises RemoteError."""
    tcp = sorted({probe.port for probe in probes if probe.protocol == "tcp"})
    udp = sorted({probe.port for probe in probes if probe.protocol == "udp"})
    with ExitStack() as stack:
        stack.enter_context(together(ways_in(model, shells)))
        listeners = {
            name: listening(shell, [str(leg.address) for leg in model.fleet.hosts[name].legs], tcp, udp)
            for name, shell in shells.items()
        }
        visits = dict(
            zip(listeners, _parallel(lambda name: stack.enter_context(listeners[name]), listeners), strict=True)
        )
        yield Prepared(model, shells, probes, visits)


def ways_in(model: Model, shells: Mapping[str, Shell]) -> list[AbstractContextManager[None]]:
    """Return the routes that hosts lack, to every zone they could have one to: temporary changes, not made yet.

    Hosts outside know no inner zone, and private hosts without a flow outwards know no way out; whoever takes a host
    over gives himself one. Routes that are there stay as they are.
    """
    return [
        changed(shell, "way-in", _routes(model, model.fleet.hosts[name]), _NO_ROUTES) for name, shell in shells.items()
    ]


def _routes(model: Model, host: Host) -> str:
    """Return the command that adds a host's missing routes, marked by a protocol number of their own."""
    links = {leg.network for leg in host.legs}
    added = []
    for zone in model.fleet.zones.values():
        if zone.name in host.zones:
            continue
        hops = zone_journey(model.fleet, host.zones, (zone.name,)).hops
        added += [
            f"ip route add {network} via {leg.address} proto {_PROTOCOL} 2>/dev/null"
            for network in zone.networks
            for leg in model.fleet.hosts[hops[0].host].legs
            if leg.network in links and leg.address.version == network.version
        ]
    return "; ".join([*added, "true"])


@contextmanager
def together(changes: Iterable[AbstractContextManager[None]]) -> Iterator[None]:
    """Enter all at once, leave all at once; one that fails leaves none behind."""
    entered = list(changes)
    with ThreadPoolExecutor(max(len(entered), 1)) as pool, ExitStack() as stack:
        stack.callback(lambda: list(pool.map(lambda change: change.__exit__(None, None, None), begun)))
        begun: list[AbstractContextManager[None]] = []

        def enter(change: AbstractContextManager[None]) -> None:
            change.__enter__()
            begun.append(change)

        list(pool.map(enter, entered))
        yield


def _parallel(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(function, items))


def _risen(
    before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]], host: str, kinds: Iterable[str]
) -> int:
    return sum(after[host].get(kind, 0) - before[host].get(kind, 0) for kind in kinds)


def _bound(sockets: Iterable[Socket], probe: Probe, address: str | None) -> bool:
    return any(
        socket.protocol == probe.protocol
        and socket.port == probe.port
        and not socket.loopback
        and (address is None or socket.address.strip("[]") in {address, "*", "0.0.0.0", "::"})  # noqa: S104
        for socket in sockets
    )
