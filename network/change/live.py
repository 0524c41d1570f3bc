"""What making the policy real would change on the fleet as it is: the proof's differences, seen from the other side."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from network.change.drift import Item
from network.prove.claim import Difference
from network.prove.report import FAMILIES

UNSEEN = "Of the hosts, only what decides the fate of packets was asked: nginx guards are not compared."


@dataclass(frozen=True)
class Way:
    """Packets to one receiver that the fleet would newly let through, or would no longer, and who sends them."""

    allowed: bool
    family: int
    cells: tuple[tuple[str, str], ...]
    senders: tuple[str, ...]
    receiver: str
    packets: str
    flows: tuple[str, ...]

    @property
    def widens(self) -> bool:
        """Whether more gets through than before."""
        return self.allowed


def ways(differences: Iterable[Difference]) -> tuple[Way, ...]:
    """Give what would change: what is missing would be allowed, what is extra would be denied."""
    found: dict[tuple[bool, int, str, str, tuple[str, ...]], list[Difference]] = {}
    for each in differences:
        key = each.kind == "missing", each.family, each.receiver, each.packets, each.flows
        found.setdefault(key, []).append(each)
    return tuple(
        Way(
            allowed,
            family,
            tuple(dict.fromkeys(each.cell for each in some)),
            tuple(dict.fromkeys(each.sender for each in some)),
            receiver,
            packets,
            flows,
        )
        for (allowed, family, receiver, packets, flows), some in sorted(found.items(), key=lambda item: not item[0][0])
    )


def text(some: Sequence[Way], items: Sequence[Item], what: str) -> str:
    """Write what would change."""
    lines = [what, ""]
    if some:
        lines += [
            "Reachability:",
            *(f"  {'WIDENS ' if way.widens else 'narrows'}  {_sentence(way)}" for way in some),
            "",
        ]
    hosts = list(_hosts(items))
    if hosts:
        lines += ["Hosts that load other things:", *(f"  {line}" for line in hosts), ""]
    return "\n".join([*lines, UNSEEN, verdict(some)])


def markdown(some: Sequence[Way], items: Sequence[Item], what: str) -> str:
    """Write what `text` does, as Markdown."""
    lines = [f"### {verdict(some)}", "", f"{what}. {UNSEEN}"]
    for title, words in (
        ("Reachability", [_sentence(way) for way in some]),
        ("Hosts that load other things", list(_hosts(items))),
    ):
        if words:
            lines += ["", f"**{title}**", "", *(f"- {line}" for line in words)]
    return "\n".join(lines)


def data(some: Sequence[Way], items: Sequence[Item]) -> dict[str, Any]:
    """Give what would change as plain values."""
    return {
        "widens": any(way.widens for way in some),
        "reach": [
            {
                "text": _sentence(way),
                "allowed": way.allowed,
                "widens": way.widens,
                "family": way.family,
                "zones": [list(cell) for cell in way.cells],
                "senders": list(way.senders),
                "receiver": way.receiver,
                "packets": way.packets,
                "flows": list(way.flows),
            }
            for way in some
        ],
        "hosts": list(_hosts(items)),
    }


def verdict(some: Sequence[Way]) -> str:
    """Say in one sentence what would change."""
    wider = sum(way.widens for way in some)
    if some:
        return f"{'WIDENS' if wider else 'Narrows'}: {wider} newly allowed, {len(some) - wider} newly denied."
    return "Nothing would be newly allowed and nothing newly denied."


def _sentence(way: Way) -> str:
    flows = f"flow {', '.join(way.flows)}" if way.flows else "no flow"
    verb = f"newly {'ALLOWED' if way.allowed else 'DENIED'}"
    family = f"  [{FAMILIES[6]}]" if way.family == 6 else ""
    return f"{', '.join(way.senders)}→{way.receiver} {way.packets}: {verb} ({flows}){family}"


def _hosts(items: Sequence[Item]) -> Iterator[str]:
    """Give what each host would load anew and drop, by kind."""
    for host in dict.fromkeys(item.host for item in items):
        parts = []
        for kind in dict.fromkeys(item.kind for item in items if item.host == host):
            sides = [item.extra for item in items if item.host == host and item.kind == kind]
            parts.append(f"{kind} (+{sides.count(False)} -{sides.count(True)})")
        yield f"{host}: {', '.join(parts)}"
