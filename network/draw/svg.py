"""The few shapes of SVG that the pictures are made of, as text.

Pictures bring their own paper, so they read the same on light and on dark pages, and every mark differs in shape or
hatching as well as in colour, so they survive a print in black and white. All text is monospaced: its width is then
known without measuring a font.
"""

from collections.abc import Iterable
from html import escape

ADVANCE = 0.61
"""The width of a character in a monospaced font, in parts of the font's size."""

INK, FAINT, PAPER = "#1b1f24", "#c9ced6", "#ffffff"
EXTRA, MISSING = "#b3001e", "#8a5a00"

_STYLE = "text{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}"
_HATCH = (
    '<pattern id="extra" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect width="6" height="6" fill="#ffe3e6"/><rect width="2" height="6" fill="{EXTRA}"/></pattern>'
    '<pattern id="missing" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<rect width="6" height="6" fill="#ffc145"/><rect width="6" height="1" fill="#8a5a00"/></pattern>'
)


def width(text: str, size: float) -> float:
    """Return how wide a text is at a font size."""
    return len(text) * size * ADVANCE


def text(x: float, y: float, content: str, size: float = 12, **given: str) -> str:
    """Return a text whose baseline starts at a point. `given` are attributes; underscores in names become hyphens."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}"{_attributes(given)}>{escape(content)}</text>'


def upwards(x: float, y: float, content: str, size: float = 12, **given: str) -> str:
    """Return a text that starts at a point and is read from below to above."""
    return text(x, y, content, size, transform=f"rotate(-90 {x:g} {y:g})", **given)


def line(x1: float, y1: float, x2: float, y2: float, **given: str) -> str:
    """Return a straight line."""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"{_attributes({"stroke": INK, **given})}/>'


def box(x: float, y: float, wide: float, high: float, **given: str) -> str:
    """Return a rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}"{_attributes(given)}/>'


def ring(x: float, y: float, radius: float, **given: str) -> str:
    """Return a circle with paper inside."""
    style = {"fill": PAPER, "stroke": INK, "stroke_width": "1.6", **given}
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}"{_attributes(style)}/>'


def polygon(points: Iterable[tuple[float, float]], **given: str) -> str:
    """Return a filled shape."""
    return f'<polygon points="{" ".join(f"{x:g},{y:g}" for x, y in points)}"{_attributes(given)}/>'


def note(content: str) -> str:
    """Return the words that a reader sees on pointing at what it is put into, and that a screen reader speaks."""
    return f"<title>{escape(content)}</title>"


def picture(title: str, description: str, wide: float, high: float, parts: Iterable[str]) -> str:
    """Return a whole picture on its own paper."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" '
            f'width="{wide:g}" height="{high:g}" role="img" aria-labelledby="title desc">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="desc">{escape(description)}</desc>',
            f"<style>{_STYLE}</style>",
            f"<defs>{_HATCH}</defs>",
            box(0, 0, wide, high, fill=PAPER),
            f'<g fill="{INK}">',
            *parts,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _attributes(given: dict[str, str]) -> str:
    return "".join(f' {name.replace("_", "-")}="{escape(value)}"' for name, value in given.items())
