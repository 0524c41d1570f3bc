"""The pictures in the README are those that the policy gives."""

from pathlib import Path

from network.draw.flowmap import flow_map
from network.draw.heatmap import heat_map
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
    assert picture == expected, "put the output of ./sallyport graph --mermaid, fenced as mermaid, between the markers"


def test_pictures_are_drawn_from_the_policy() -> None:
    pictures = README.parent / "docs/pictures"
    model = inventory("lab")
    for name, drawn, option in (("flows", flow_map(model), ""), ("reachability", heat_map(model), " --heat-map")):
        kept = (pictures / f"{name}.svg").read_text()
        assert kept == drawn, f"draw it anew: ./sallyport graph{option} --output docs/pictures/{name}.svg"
        assert f"docs/pictures/{name}.svg" in README.read_text()
