"""The environment as a picture: who takes part is a row, zone by zone; each flow is a column with its own line.

No two lines share a place, so each can be followed whatever the size of the fleet: it starts at rings (who may open
a connection) and ends at triangles (who receives it), and has a bar on every firewall that it goes through.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from network.draw import svg
from network.draw.bands import Band, bands
from network.model import Flow, Model
from network.path import NoPathError, journey
from network.prove.claim import Difference

ROW, COLUMN, MARGIN, SIZE, HEAD = 18, 22, 20, 12, 46
LONG = 40
"""With more rows or columns than this, their names are repeated on the far side."""

_LEGEND = (
    ("ring", "may open connections"),
    ("triangle", "receives them"),
    ("bar", "goes through this firewall"),
    ("diamond", "published on this firewall's public address"),
    ("thick", "a reverse proxy demands method, path and token besides"),
    ("missing", "allowed, but does not get through as loaded (missing)"),
    ("extra", "gets through as loaded, and no flow allows it (extra)"),
)


@dataclass(frozen=True)
class _Column:
    """One line of the picture; all ends are names of rows."""

    label: str
    words: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    crossed: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    guarded: bool = False
    kind: str = ""


@dataclass(frozen=True)
class _Sheet:
    """Where things lie."""

    tops: Mapping[str, float]
    middles: Mapping[str, float]
    gutter: float
    left: float
    top: float
    bottom: float
    right: float


def flow_map(model: Model, differences: Sequence[Difference] | None = None) -> str:
    """Return the picture as SVG. `differences` are those of what is loaded from the policy; None is not compared."""
    rows = _rows(model, differences or ())
    columns = [*_flows(model, differences or ()), *_extras(differences or ())]
    sheet = _sheet(model, rows, columns)
    repeated = sum(len(band.ends) for band in rows) > LONG
    below = _head(columns) if repeated else 0
    legend = [each for each in _LEGEND if differences or each[0] not in {"extra", "missing"}]
    wide = sheet.right + (_names(rows) + 12 if len(columns) > LONG else 0) + MARGIN
    wide = max(wide, 2 * MARGIN + svg.width(max((words for _, words in legend), key=len), SIZE) + 40)
    title = f"{model.fleet.environment}: who may talk to whom"
    wide = max(wide, 2 * MARGIN + svg.width(title, 18), 2 * MARGIN + svg.width(_state(differences), SIZE))
    high = sheet.bottom + below + 16 + len(legend) * ROW + MARGIN
    parts = [
        svg.text(MARGIN, MARGIN + 14, title, 18, font_weight="bold"),
        svg.text(MARGIN, MARGIN + 34, _state(differences), SIZE),
        *_bands(sheet, rows, far=len(columns) > LONG),
        *_walls(model, sheet),
        *(part for number, each in enumerate(columns) for part in _line(sheet, number, each, repeated=repeated)),
        *_legend(legend, sheet.bottom + below + 16),
    ]
    description = (
        f"{len(model.fleet.hosts)} hosts in {len(model.fleet.zones)} zones, {len(model.flows)} flows. "
        "Rows are hosts, columns are flows: " + "; ".join(each.words for each in columns)
    )
    return svg.picture(title, description, wide, high, parts)


def _rows(model: Model, differences: Iterable[Difference]) -> tuple[Band, ...]:
    """Return the bands, and below them the segments that no zone covers but packets come from or go to."""
    found = bands(model)
    known = {name for band in found for name in (band.zone, *band.ends)}
    strange = {name: None for each in differences for name in (each.sender, each.receiver) if name not in known}
    return (*found, Band("elsewhere", "in no zone of the inventory", tuple(strange))) if strange else found


def _state(differences: Sequence[Difference] | None) -> str:
    if differences is None:
        return "by the policy"
    extra = sum(each.kind == "extra" for each in differences)
    return f"as loaded, against the policy: {extra} extra, {len(differences) - extra} missing"


def _flows(model: Model, differences: Sequence[Difference]) -> Iterator[_Column]:
    missing = {flow for each in differences for flow in each.flows if each.kind == "missing"}
    for flow in model.flows:
        ports = ", ".join(
            f"{each.protocol}/{each.first}" + (f"-{each.last}" if each.last != each.first else "")
            for each in flow.services[:3]
        ) + (", …" if len(flow.services) > 3 else "")
        crossed: dict[str, None] = {}
        for source in flow.sources:
            for destination in flow.destinations:
                try:
                    crossed.update((hop.host, None) for hop in journey(model, source, destination).hops)
                except NoPathError:
                    continue
        yield _Column(
            f"{flow.id} {ports}" + (" MISSING" if flow.id in missing else ""),
            f"{flow.id}: {', '.join(flow.source_names)} to {', '.join(flow.destination_names)} on {ports}",
            tuple(end.name for end in flow.sources),
            tuple(end.name for end in flow.destinations),
            tuple(crossed),
            _offered(model, flow),
            flow.http is not None,
            "missing" if flow.id in missing else "",
        )


def _offered(model: Model, flow: Flow) -> tuple[str, ...]:
    return model.fleet.groups.get(flow.publish, ()) if flow.publish else ()


def _extras(differences: Iterable[Difference]) -> Iterator[_Column]:
    """Yield one line for each sender that gets further than it may."""
    found: dict[str, _Column] = {}
    for each in differences:
        if each.kind == "extra":
            label = f"EXTRA from {each.sender}"
            column = found.get(each.sender, _Column(label, label, (each.sender,), (), kind="extra"))
            if each.receiver not in column.destinations:
                words = f"{column.words}, to {each.receiver}: {each.packets}"
                column = replace(column, words=words, destinations=(*column.destinations, each.receiver))
            found[each.sender] = column
    yield from found.values()


def _names(rows: Sequence[Band]) -> float:
    return svg.width(max((end for band in rows for end in band.ends), key=len, default=""), SIZE)


def _head(columns: Sequence[_Column]) -> float:
    return svg.width(max((each.label for each in columns), key=len, default=""), SIZE) + 12


def _sheet(model: Model, rows: Sequence[Band], columns: Sequence[_Column]) -> _Sheet:
    gutter = MARGIN + 14 * sum(host.firewall for host in model.fleet.hosts.values()) + 6
    titles = svg.width(max((band.title for band in rows), key=len), SIZE)
    left = gutter + 10 + max(titles, _names(rows) + svg.width("firewall ", SIZE)) + 16
    top = MARGIN + HEAD + _head(columns)
    tops, middles, y = {}, {}, top
    for band in rows:
        if band.zone:
            tops[band.zone] = y
            y += ROW
        for end in band.ends:
            middles[end] = y + ROW / 2
            y += ROW
        y += 6
    # Whole zones that only a difference names stand on the line with the zone's title.
    for zone, above in tops.items():
        middles.setdefault(zone, above + ROW / 2)
    return _Sheet(tops, middles, gutter, left, top, y, left + len(columns) * COLUMN)


def _bands(sheet: _Sheet, rows: Sequence[Band], *, far: bool) -> Iterator[str]:
    y = sheet.top
    for band in rows:
        high = (len(band.ends) + bool(band.zone)) * ROW
        style = {"fill": "#f2f5f9", "stroke": "#6b7684"} if band.zone else {"fill": "#e3e6ea", "stroke": svg.INK}
        yield svg.box(sheet.gutter, y, sheet.right - sheet.gutter + 6, high, rx="4", **style)
        if band.zone:
            yield svg.text(sheet.gutter + 8, y + 13, band.title, SIZE, font_weight="bold")
        for end in band.ends:
            middle = sheet.middles[end]
            label = end if band.zone else f"firewall {end}"
            label = f"anyone in {end}" if end == band.zone else label
            yield svg.line(sheet.left - 6, middle, sheet.right, middle, stroke=svg.FAINT)
            yield svg.text(sheet.gutter + (20 if band.zone else 8), middle + 4, label, SIZE)
            if far:
                yield svg.text(sheet.right + 12, middle + 4, end, SIZE)
        y += high + 6


def _walls(model: Model, sheet: _Sheet) -> Iterator[str]:
    """Yield the firewalls' own lines: from the firewall's row to each zone that it joins."""
    firewalls = [host for host in model.fleet.hosts.values() if host.firewall]
    for number, host in enumerate(firewalls):
        x = MARGIN + 14 * number + 4
        feet = [sheet.tops[zone] + ROW / 2 for zone in host.zones]
        own = sheet.middles[host.name]
        words = f"{host.name} joins {', '.join(host.zones)}"
        yield f"<g>{svg.note(words)}"
        yield svg.line(x, min(*feet, own), x, max(*feet, own), stroke_width="3")
        yield from (svg.line(x, foot, sheet.gutter, foot, stroke_width="1.5") for foot in feet)
        yield svg.box(x - 4, own - 5, sheet.gutter - x + 4, 10)
        yield "</g>"


def _line(sheet: _Sheet, number: int, column: _Column, *, repeated: bool) -> Iterator[str]:
    x = sheet.left + number * COLUMN + COLUMN / 2
    marks = [sheet.middles[name] for name in (*column.sources, *column.destinations, *column.crossed, *column.offered)]
    colour = {"extra": svg.EXTRA, "missing": svg.MISSING}.get(column.kind, svg.INK)
    yield f"<g>{svg.note(column.words)}"
    yield svg.upwards(x + 4, sheet.top - 8, column.label, SIZE, fill=colour)
    if repeated:
        yield svg.upwards(x + 4, sheet.bottom + svg.width(column.label, SIZE) + 2, column.label, SIZE, fill=colour)
    if marks:
        low, high = min(marks), max(marks)
        if column.kind:
            yield svg.box(x - 8, low - 8, 16, high - low + 16, fill=f"url(#{column.kind})", fill_opacity="0.55")
        dashes = {"stroke_dasharray": "7 3"} if column.kind else {}
        yield svg.line(x, low, x, high, stroke=colour, stroke_width="4" if column.guarded else "1.5", **dashes)
    yield from (_bar(x, sheet.middles[name], colour) for name in column.crossed)
    yield from (_diamond(x, sheet.middles[name], colour) for name in column.offered)
    yield from (svg.ring(x, sheet.middles[name], 6, stroke=colour) for name in column.sources)
    yield from (_triangle(x, sheet.middles[name], colour) for name in column.destinations)
    yield "</g>"


def _bar(x: float, y: float, colour: str) -> str:
    return svg.box(x - 7, y - 2, 14, 4, fill=colour)


def _triangle(x: float, y: float, colour: str) -> str:
    return svg.polygon([(x - 4.5, y - 4), (x + 4.5, y - 4), (x, y + 5)], fill=colour)


def _diamond(x: float, y: float, colour: str) -> str:
    return svg.polygon([(x - 7, y), (x, y - 6), (x + 7, y), (x, y + 6)], fill=svg.PAPER, stroke=colour)


def _legend(entries: Sequence[tuple[str, str]], top: float) -> Iterator[str]:
    for number, (mark, words) in enumerate(entries):
        x, y = MARGIN + 12, top + number * ROW + ROW / 2
        if mark == "ring":
            yield svg.ring(x, y, 6)
        elif mark == "triangle":
            yield _triangle(x, y, svg.INK)
        elif mark == "bar":
            yield _bar(x, y, svg.INK)
        elif mark == "diamond":
            yield _diamond(x, y, svg.INK)
        elif mark == "thick":
            yield svg.line(x, y - 7, x, y + 7, stroke_width="4")
        else:
            yield svg.box(x - 8, y - 7, 16, 14, fill=f"url(#{mark})")
        yield svg.text(x + 18, y + 4, words, SIZE)
