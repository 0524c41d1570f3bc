"""A change in words: for the terminal, for a merge request, and for programs."""

from collections.abc import Iterable, Iterator
from typing import Any

from network.change.compare import Change, Reach, by_cell
from network.change.files import HostFiles
from network.model import HttpGuard
from network.prove.report import FAMILIES


def text(change: Change, what: str) -> str:
    """Write a change. `what` says what was compared."""
    lines = [what, ""]
    lines += _section("Reachability", (_marked(each) for each in change.reach))
    lines += _section("By zones", _cells(change))
    lines += _section("Also changes", (f"{note.subject}: {note.text}" for note in change.notes))
    lines += _section("Hosts that get other files", (_files(each) for each in change.files))
    return "\n".join([*lines, verdict(change)])


def markdown(change: Change, what: str) -> str:
    """Write a change as Markdown, for a comment on a merge request."""
    lines = [f"### {verdict(change)}", "", what, ""]
    if change.reach:
        lines += ["| | from → to | packets | flow |", "|---|---|---|---|"]
        lines += [
            f"| {_verb(each)} | {'→'.join(each.cell)} | {_cell(_packets(each))}{_family(each)} | `{each.flow}` |"
            for each in change.reach
        ]
        lines.append("")
    lines += _bullets("Also changes", (f"**{note.subject}**: {_cell(note.text)}" for note in change.notes))
    lines += _bullets("Hosts that get other files", (_files(each) for each in change.files))
    return "\n".join(lines).rstrip("\n")


def data(change: Change) -> dict[str, Any]:
    """Give a change as plain values."""
    return {
        "widens": change.widens,
        "reach": [_reach_data(each) for each in change.reach],
        "zones": [
            {"from": start, "to": end, "allowed": allowed, "denied": denied}
            for (start, end), (allowed, denied) in by_cell(change.reach).items()
        ],
        "notes": [{"subject": note.subject, "text": note.text} for note in change.notes],
        "files": [
            {
                "host": each.host,
                "files": [{"name": f.name, "added": f.added, "removed": f.removed, "load": f.load} for f in each.files],
            }
            for each in change.files
        ],
    }


def verdict(change: Change) -> str:
    """Say in one sentence what the change does to who may talk to whom."""
    wider = sum(each.widens for each in change.reach)
    narrower = len(change.reach) - wider
    if wider:
        return f"WIDENS: {wider} newly allowed, {narrower} newly denied."
    if narrower:
        return f"Narrows: {narrower} newly denied, nothing newly allowed."
    return "Nothing is newly allowed and nothing newly denied."


def sentence(reach: Reach) -> str:
    """Say what is newly allowed or denied."""
    return f"{reach.cell[0]}→{reach.cell[1]} {_packets(reach)}: {_verb(reach)} (flow {reach.flow})"


def _marked(reach: Reach) -> str:
    return f"{'WIDENS ' if reach.widens else 'narrows'}  {sentence(reach)}{_family(reach)}"


def _family(reach: Reach) -> str:
    return "" if reach.family == 4 else f"  [{FAMILIES[reach.family]}]"


def _verb(reach: Reach) -> str:
    return f"newly {'ALLOWED' if reach.allowed else 'DENIED'}"


def _packets(reach: Reach) -> str:
    leading = "" if reach.taken_to is None else f", published for {reach.taken_to}"
    packets = f"{reach.service} from {reach.source} to {reach.destination}{leading}"
    if reach.requests:
        return f"{packets}: {_request(reach.guard)}"
    return packets + ("" if reach.guard is None else f", only {_request(reach.guard)}")


def _request(guard: HttpGuard | None) -> str:
    return "any request, unguarded" if guard is None else f"{guard.method} {guard.path} with {guard.auth}"


def _cells(change: Change) -> Iterator[str]:
    for (start, end), (allowed, denied) in by_cell(change.reach).items():
        parts = [f"+ {', '.join(allowed)}" if allowed else "", f"- {', '.join(denied)}" if denied else ""]
        yield f"{start}→{end}  {'  '.join(part for part in parts if part)}"


def _files(each: HostFiles) -> str:
    parts = [f"{file.name} (+{file.added} -{file.removed})" for file in each.files]
    loads = dict.fromkeys(file.load for file in each.files if file.load)
    return f"{each.host}: {', '.join(parts)}" + (f"; to load again: {', '.join(loads)}" if loads else "")


def _section(title: str, lines: Iterable[str]) -> list[str]:
    found = [f"  {line}" for line in lines]
    return [f"{title}:", *found, ""] if found else []


def _bullets(title: str, lines: Iterable[str]) -> list[str]:
    found = [f"- {line}" for line in lines]
    return [f"**{title}**", "", *found, ""] if found else []


def _cell(words: str) -> str:
    """Keep words inside their cell or line, whatever the policy says."""
    return words.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _reach_data(reach: Reach) -> dict[str, Any]:
    guard = reach.guard
    return {
        "text": sentence(reach),
        "allowed": reach.allowed,
        "widens": reach.widens,
        "requests": reach.requests,
        "family": reach.family,
        "from": reach.cell[0],
        "to": reach.cell[1],
        "service": reach.service,
        "sources": list(reach.sources),
        "destinations": list(reach.destinations),
        "published_for": reach.taken_to,
        "http": None if guard is None else {"method": guard.method, "path": guard.path, "auth": guard.auth},
        "flow": reach.flow,
    }
