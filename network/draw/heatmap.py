"""Reachability as a heat map: rows open connections, columns receive them, a cell counts the services between."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from network.draw import svg
from network.draw.bands import bands
from network.draw.matrix import Matrix, end_matrix, zone_matrix
from network.model import Model
from network.prove.claim import Difference

CELL, MARGIN, SIZE = 20, 20, 12
LONG = 40
"""With more names than this, they are repeated on the far sides."""

_SHADES = ("#dbe9f7", "#a9cdec", "#6aa5d9", "#2f74b5", "#0f4780")
_MOST_DARK_ON_LIGHT = 3


@dataclass(frozen=True)
class _Table:
    """A heat map to be drawn: names with the group each belongs to, what the cells hold, and which differ how."""

    title: str
    names: tuple[tuple[str, str], ...]
    matrix: Matrix
    differing: Mapping[tuple[str, str], Mapping[str, str]]


def heat_map(model: Model, differences: Sequence[Difference] | None = None) -> str:
    """Return zone by zone, and below it host by host, as SVG. `differences` are as for the map of flows."""
    zones = dict.fromkeys((*model.fleet.zones, *(zone for each in differences or () for zone in each.cell)))
    tables = (
        _Table(
            "Zone to zone",
            tuple((name, name) for name in zones),
            zone_matrix(model),
            _differing((each.cell, each) for each in differences or ()),
        ),
        _Table(
            "Host to host",
            _ends(model, differences or ()),
            end_matrix(model),
            _differing(((each.sender, each.receiver), each) for each in differences or ()),
        ),
    )
    title = f"{model.fleet.environment}: reachability"
    by = "as loaded, against the policy" if differences is not None else "by the policy"
    state = f"{by}; rows open connections, columns receive them"
    legend = _legend(compared=differences is not None)
    wide = 2 * MARGIN + max(
        *(_side(table) + len(table.names) * CELL + _far(table) for table in tables),
        *(svg.width(words, SIZE) + 34 for _, words in legend),
        svg.width(title, 18),
        svg.width(state, SIZE),
    )
    parts = [
        svg.text(MARGIN, MARGIN + 14, title, 18, font_weight="bold"),
        svg.text(MARGIN, MARGIN + 34, state, SIZE),
    ]
    y = MARGIN + 60.0
    for table in tables:
        parts += _drawn(table, y)
        y += 26 + _side(table) + len(table.names) * CELL + _far(table) + 24
    for number, (fill, words) in enumerate(legend):
        parts += [
            svg.box(MARGIN, y + number * CELL + 2, 16, 16, fill=fill, stroke="#6b7684"),
            svg.text(MARGIN + 26, y + number * CELL + 14, words, SIZE),
        ]
    high = y + len(legend) * CELL + MARGIN
    description = "; ".join(
        f"{row} to {column}: {', '.join(services)}" for (row, column), services in tables[0].matrix.cells.items()
    )
    return svg.picture(title, f"Between zones, {by}: {description}", wide, high, parts)


def _ends(model: Model, differences: Sequence[Difference]) -> tuple[tuple[str, str], ...]:
    used = {end.name for flow in model.flows for end in (*flow.sources, *flow.destinations)}
    used |= {name for each in differences for name in (each.sender, each.receiver)} | set(model.fleet.hosts)
    found: dict[str, str] = {}
    for band in bands(model):
        group = band.zone or band.ends[0]
        found.update((name, group) for name in dict.fromkeys((band.zone, *band.ends)) if name in used)
    # Segments that no zone of the inventory covers come last.
    found.update((name, "") for each in differences for name in (each.sender, each.receiver) if name not in found)
    return tuple(found.items())


def _differing(found: Iterable[tuple[tuple[str, str], Difference]]) -> dict[tuple[str, str], dict[str, str]]:
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for cell, each in found:
        cells.setdefault(cell, {}).setdefault(each.kind, each.packets)
    return cells


def _side(table: _Table) -> float:
    return svg.width(max((name for name, _ in table.names), key=len), SIZE) + 10


def _far(table: _Table) -> float:
    return _side(table) if len(table.names) > LONG else 0


def _drawn(table: _Table, top: float) -> Iterator[str]:
    side = _side(table)
    left, above = MARGIN + side, top + 26 + side
    extent = len(table.names) * CELL
    yield svg.text(MARGIN, top + 14, table.title, 14, font_weight="bold")
    for number, (name, _) in enumerate(table.names):
        yield svg.text(left - 6, above + number * CELL + 14, name, SIZE, text_anchor="end")
        yield svg.upwards(left + number * CELL + 14, above - 6, name, SIZE)
        if _far(table):
            below = above + extent + 6 + svg.width(name, SIZE)
            yield svg.text(left + extent + 6, above + number * CELL + 14, name, SIZE)
            yield svg.upwards(left + number * CELL + 14, below, name, SIZE)
    for down, (row, _) in enumerate(table.names):
        for across, (column, _) in enumerate(table.names):
            yield from _cell(table, row, column, left + across * CELL, above + down * CELL)
    for number in range(len(table.names) + 1):
        group = [table.names[at][1] if 0 <= at < len(table.names) else "" for at in (number - 1, number)]
        style = {"stroke": svg.INK, "stroke_width": "1.2"} if group[0] != group[1] else {"stroke": svg.FAINT}
        yield svg.line(left, above + number * CELL, left + extent, above + number * CELL, **style)
        yield svg.line(left + number * CELL, above, left + number * CELL, above + extent, **style)


def _cell(table: _Table, row: str, column: str, x: float, y: float) -> Iterator[str]:
    services = table.matrix.cells.get((row, column), ())
    differing = table.differing.get((row, column), {})
    if not services and not differing:
        return
    words = [f"{row} to {column}: {', '.join(services) or 'nothing allowed'}"]
    words += [f"{kind}: {packets}" for kind, packets in sorted(differing.items())]
    shade = min(len(services), len(_SHADES)) - 1
    label, dark = str(len(services)) if len(services) < 100 else "…", shade >= _MOST_DARK_ON_LIGHT
    yield f"<g>{svg.note('; '.join(words))}"
    if services:
        yield svg.box(x, y, CELL, CELL, fill=_SHADES[shade])
    for kind in sorted(differing, reverse=True):
        yield svg.box(x, y, CELL, CELL, fill=f"url(#{kind})")
        yield svg.box(x + 3, y + 3, CELL - 6, CELL - 6, fill=svg.PAPER)
    if differing:
        label, dark = "".join("+" if kind == "extra" else "−" for kind in sorted(differing)), False
    yield svg.text(
        x + CELL / 2,
        y + 14,
        label,
        SIZE,
        text_anchor="middle",
        fill=svg.PAPER if dark else svg.INK,
    )
    yield "</g>"


def _legend(*, compared: bool) -> list[tuple[str, str]]:
    entries = [(svg.PAPER, "nothing is allowed")]
    entries += [(shade, f"{n} {'service' if n == 1 else 'services'}") for n, shade in enumerate(_SHADES[:-1], 1)]
    entries.append((_SHADES[-1], f"{len(_SHADES)} services or more"))
    if compared:
        entries.append(("url(#extra)", "+  extra: gets through as loaded, and no flow allows it"))
        entries.append(("url(#missing)", "−  missing: a flow allows it, and it does not get through as loaded"))
    return entries
