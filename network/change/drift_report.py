"""A drift in words: for the terminal, for a merge request, and for programs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from network.change.drift import Item
from network.prove.claim import Difference
from network.prove.report import FAMILIES

MOST_ITEMS = 20
"""More items of one host than this are counted, not shown; JSON has them all."""

History = Mapping[str, Sequence[str]]
"""By host, what it knows of who changed it, and when."""


def text(items: Sequence[Item], differences: Sequence[Difference], broken: Sequence[str], history: History) -> str:
    """Write what differs, host by host; then what gets through for it, and the obligations that do not hold."""
    lines: list[str] = []
    for host, some in _by_host(items).items():
        lines.append(f"{host}:")
        lines += [f"  {_item(item)}" for item in some[:MOST_ITEMS]]
        if len(some) > MOST_ITEMS:
            lines.append(f"  and {len(some) - MOST_ITEMS} more; --json has them all")
        lines += [f"    {line}" for line in history.get(host, ())]
        lines.append("")
    meaning = list(_meaning(differences))
    if meaning:
        lines += ["What gets through:", *(f"  {line}" for line in meaning), ""]
    if broken:
        lines += [f"Obligations that do not hold: {', '.join(broken)}; `sallyport prove` tells why.", ""]
    return "\n".join([*lines, verdict(items, differences, broken)])


def markdown(items: Sequence[Item], differences: Sequence[Difference], broken: Sequence[str], history: History) -> str:
    """Write what `text` does, as Markdown."""
    shown = text(items, differences, broken, history).split("\n")
    return "\n".join([f"### {shown[-1]}", *(["", "```", *shown[:-2], "```"] if len(shown) > 1 else [])])


def data(
    items: Sequence[Item], differences: Sequence[Difference], broken: Sequence[str], history: History
) -> dict[str, Any]:
    """Give it all as plain values."""
    return {
        "drift": bool(items or differences or broken),
        "items": [
            {"host": i.host, "kind": i.kind, "where": i.where, "extra": i.extra, "text": i.text, "place": i.place}
            for i in items
        ],
        "meaning": [
            {
                "extra": each.kind == "extra",
                "family": each.family,
                "from": each.cell[0],
                "to": each.cell[1],
                "sender": each.sender,
                "receiver": each.receiver,
                "packets": each.packets,
                "flows": list(each.flows),
            }
            for each in differences
        ],
        "broken": list(broken),
        "history": {host: list(lines) for host, lines in history.items()},
    }


def verdict(items: Sequence[Item], differences: Sequence[Difference], broken: Sequence[str]) -> str:
    """Say in one sentence whether there is drift, and whether it matters to packets."""
    if not (items or differences or broken):
        return "NO DRIFT: every host has loaded what policy and inventory compile to."
    hosts = _by_host(items)
    extra = sum(each.kind == "extra" for each in differences)
    meaning = "from end to end, nothing more gets through and nothing less"
    if differences:
        closed = len(differences) - extra
        meaning = f"from end to end, ways open that should not be: {extra}; closed that should be open: {closed}"
    return f"DRIFT: differences: {len(items)}, on {', '.join(hosts) or 'no host'}; {meaning}."


def _by_host(items: Sequence[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.host, []).append(item)
    return found


def _item(item: Item) -> str:
    shown = f"{'+' if item.extra else '-'} {item.kind} ({item.where}): {item.text}"
    return f"{shown}   [{item.place}]" if item.place else shown


def _meaning(differences: Sequence[Difference]) -> Iterator[str]:
    """Give the ways, each once, with all their senders."""
    senders: dict[tuple[object, ...], dict[str, None]] = {}
    for each in differences:
        key = each.kind, each.family, each.receiver, each.packets, each.flows
        senders.setdefault(key, {})[each.sender] = None
    for (kind, family, receiver, packets, flows), names in senders.items():
        sign, what = (
            ("+", "gets through and should not") if kind == "extra" else ("-", "should get through and does not")
        )
        flow = f" (flow {', '.join(flows)})" if isinstance(flows, tuple) and flows else ""
        suffix = f"  [{FAMILIES[6]}]" if family == 6 else ""
        yield f"{sign} {', '.join(names)}→{receiver}: {packets}: {what}{flow}{suffix}"
