"""The picture in the README is the one that the policy gives."""

from pathlib import Path

from network.draw.mermaid import diagram
from tests.unit.read.environment import inventory

README = Path(__file__).resolve().parents[2] / "README.md"
START, END = "<!-- sallyport:diagram -->", "<!-- /sallyport:diagram -->"


def test_picture_is_drawn_from_the_policy() -> None:
    assert README.exists(), "README.md is missing"
    text = README.read_text()
    assert text.count(START) == text.count(END) == 1, f"README.md needs {START} before the picture and {END} after it"
    picture = text.split(START)[1].split(END)[0].strip()
    expected = f"```mermaid\n{diagram(inventory('lab'))}\n```"
    assert picture == expected, "put the output of ./sallyport graph, fenced as mermaid, between the markers"
