"""Who may talk to whom, as tables: zone by zone, and end by end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from network.model import Endpoint, Flow, Model
from network.path import NoPathError, journey

Cells = Mapping[tuple[str, str], tuple[str, ...]]
"""The names of the services that a row may open to a column, in the order of the policy."""


_CORNER = "from \\ to"


@dataclass(frozen=True)
class Matrix:
    """A table of services. Rows open connections, columns receive them."""

    names: tuple[str, ...]
    cells: Cells

    @property
    def rows(self) -> tuple[str, ...]:
        """The names that open anything."""
        return tuple(name for name in self.names if any(source == name for source, _ in self.cells))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that receive anything."""
        return tuple(name for name in self.names if any(destination == name for _, destination in self.cells))


def zone_matrix(model: Model) -> Matrix:
    """Return the services between zones: the zone a packet starts in, and the one it arrives in."""
    cells: dict[tuple[str, str], dict[str, None]] = {}
    for flow, source, destination in _pairs(model):
        try:
            way = journey(model, source, destination)
        except NoPathError:
            continue
        cells.setdefault((way.start, way.end), {}).update(_services(flow))
    return Matrix(tuple(model.fleet.zones), _frozen(cells))


def end_matrix(model: Model) -> Matrix:
    """Return the services between hosts, externals, and the zones that flows name as a whole."""
    cells: dict[tuple[str, str], dict[str, None]] = {}
    for flow, source, destination in _pairs(model):
        cells.setdefault((source.name, destination.name), {}).update(_services(flow))
    zones = [zone for zone in model.fleet.zones if any(zone in pair for pair in cells)]
    return Matrix((*zones, *model.fleet.externals, *model.fleet.hosts), _frozen(cells))


def text(matrix: Matrix, width: int) -> str:
    """Return a matrix as plain text: a row's name on the left, one service a line in each cell.

    Columns that do not fit into `width` characters continue in a further table below.
    """
    tables: list[list[str]] = [[]]
    room = width - _width(_CORNER, matrix.rows)
    left = room
    for column in matrix.columns:
        needed = 2 + _width(column, (service for row in matrix.rows for service in matrix.cells.get((row, column), ())))
        if needed > left and tables[-1]:
            tables.append([])
            left = room
        tables[-1].append(column)
        left -= needed
    return "\n\n".join(_table(matrix, columns) for columns in tables)


def _width(header: str, lines: Iterable[str]) -> int:
    return max([len(header), *(len(line) for line in lines)])


def _table(matrix: Matrix, columns: list[str]) -> str:
    """Return one table; rows that open nothing to these columns are left out."""
    grid = [[[_CORNER], *([column] for column in columns)]]
    for row in matrix.rows:
        cells = [[*matrix.cells.get((row, column), ())] for column in columns]
        if any(cells):
            grid.append([[row], *cells])
    widths = [max(len(line) for row in grid for line in (row[at] or [""])) for at in range(len(columns) + 1)]
    rule = "  ".join("-" * width for width in widths)
    return f"\n{rule}\n".join("\n".join(_lines(row, widths)) for row in grid)


def _lines(row: list[list[str]], widths: list[int]) -> list[str]:
    """Return the lines of a row; a cell's own lines stand below each other."""
    height = max(len(cell) for cell in row)
    padded = [[*cell, *[""] * (height - len(cell))] for cell in row]
    return [
        "  ".join(cell[at].ljust(width) for cell, width in zip(padded, widths, strict=True)).rstrip()
        for at in range(height)
    ]


def _pairs(model: Model) -> Iterable[tuple[Flow, Endpoint, Endpoint]]:
    for flow in model.flows:
        for source in flow.sources:
            for destination in flow.destinations:
                if source != destination:
                    yield flow, source, destination


def _services(flow: Flow) -> dict[str, None]:
    return dict.fromkeys(service.name for service in flow.services)


def _frozen(cells: dict[tuple[str, str], dict[str, None]]) -> Cells:
    return {pair: tuple(services) for pair, services in cells.items()}
