"""The pictures are legible: no two labels overlap, nothing lies outside, and differences are seen."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest

from network.draw.flowmap import flow_map
from network.draw.heatmap import heat_map
from network.model import Model
from network.prove.claim import Difference
from network.prove.proof import fleets, prove
from tests.unit.compile.fleets import random_model
from tests.unit.prove import fleets as made
from tests.unit.read.environment import inventory

SVG = "{http://www.w3.org/2000/svg}"
ASCENT, DESCENT, ADVANCE = 0.76, 0.24, 0.602
"""Of DejaVu Sans Mono, in parts of the font's size."""

Box = tuple[float, float, float, float]
Draw = Callable[[Model, Sequence[Difference] | None], str]


def labels(picture: ET.Element) -> Iterator[tuple[str, Box]]:
    for each in picture.iter(f"{SVG}text"):
        x, y, size = (float(each.attrib[name]) for name in ("x", "y", "font-size"))
        words = each.text or ""
        long = len(words) * size * ADVANCE
        before = {"start": 0.0, "middle": long / 2, "end": long}[each.attrib.get("text-anchor", "start")]
        if "transform" in each.attrib:
            assert each.attrib["transform"] == f"rotate(-90 {x:g} {y:g})"
            yield words, (x - ASCENT * size, y - long + before, x + DESCENT * size, y + before)
        else:
            yield words, (x - before, y - ASCENT * size, x - before + long, y + DESCENT * size)


def shapes(picture: ET.Element) -> Iterator[Box]:
    for each in picture.iter():
        at = {name: float(value) for name, value in each.attrib.items() if re.fullmatch(r"-?[\d.]+", value)}
        if each.tag == f"{SVG}line":
            yield min(at["x1"], at["x2"]), min(at["y1"], at["y2"]), max(at["x1"], at["x2"]), max(at["y1"], at["y2"])
        elif each.tag == f"{SVG}rect" and "x" in at:
            yield at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"]
        elif each.tag == f"{SVG}circle":
            yield at["cx"] - at["r"], at["cy"] - at["r"], at["cx"] + at["r"], at["cy"] + at["r"]
        elif each.tag == f"{SVG}polygon":
            points = [tuple(map(float, point.split(","))) for point in each.attrib["points"].split()]
            xs, ys = zip(*points, strict=True)
            yield min(xs), min(ys), max(xs), max(ys)


def overlapping(boxes: Sequence[tuple[str, Box]]) -> list[tuple[str, str]]:
    """Return the pairs of labels that share a place; the sweep goes from left to right."""
    found, open_ = [], list[tuple[str, Box]]()
    for words, box in sorted(boxes, key=lambda each: each[1][0]):
        open_ = [each for each in open_ if each[1][2] > box[0]]
        found += [(each, words) for each, other in open_ if other[1] < box[3] and box[1] < other[3]]
        open_.append((words, box))
    return found


def check(text: str) -> None:
    picture = ET.fromstring(text)  # noqa: S314 our own text
    _, _, wide, high = map(float, picture.attrib["viewBox"].split())
    boxes = list(labels(picture))
    assert boxes
    assert overlapping(boxes) == []
    outside = [box for box in (*(box for _, box in boxes), *shapes(picture)) if not inside(box, wide, high)]
    assert outside == []
    assert picture.findtext(f"{SVG}title")
    assert picture.findtext(f"{SVG}desc")


def inside(box: Box, wide: float, high: float) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= wide and box[3] <= high


def fleet(hosts: int) -> Model:
    if not hosts:
        return inventory("lab")
    drawn = Random(hosts)  # noqa: S311 the same each time
    return random_model(drawn, flows=max(10, hosts // 3), hosts=hosts, zones=4 + hosts // 25)


@pytest.mark.parametrize("draw", [flow_map, heat_map])
@pytest.mark.parametrize("hosts", [0, 1, 20, 200])
def test_no_label_overlaps_and_nothing_lies_outside(draw: Draw, hosts: int) -> None:
    model = fleet(hosts)
    check(draw(model, None))
    check(draw(model, ()))
    names = list(model.fleet.hosts)
    zones = list(model.fleet.zones)
    differences = [
        Difference("extra", 4, (zones[0], zones[-1]), zones[0], names[-1], "tcp/22"),
        Difference("extra", 4, (zones[-1], "unknown0"), names[-1], "unknown0", "any protocol"),
        Difference("missing", 4, (zones[1], zones[-1]), names[0], names[-1], "tcp/1", (model.flows[0].id,)),
    ]
    check(draw(model, differences))


def test_overlaps_and_what_lies_outside_would_be_seen() -> None:
    drawn = flow_map(inventory("lab"))
    with pytest.raises(AssertionError):
        check(drawn.replace('x="74"', 'x="74000"'))
    with pytest.raises(AssertionError):
        check(re.sub(r'(<text x="74") y="[\d.]+"', r'\1 y="400"', drawn))


def test_every_host_and_every_flow_is_drawn_once_at_lab_size() -> None:
    model = inventory("lab")
    drawn = [words for words, _ in labels(ET.fromstring(flow_map(model)))]  # noqa: S314 our own text
    for name, host in model.fleet.hosts.items():
        assert drawn.count(f"firewall {name}" if host.firewall else name) == 1
    for flow in model.flows:
        assert sum(words.startswith(f"{flow.id} ") for words in drawn) == 1


@pytest.mark.parametrize("draw", [flow_map, heat_map])
def test_names_cannot_break_out_of_the_picture(draw: Draw) -> None:
    evil = '"/><script>&'
    difference = Difference("extra", 4, ("app", "data"), evil, "db1", evil)
    text = draw(inventory("lab"), [difference])
    assert "<script" not in text
    check(text)


def differences(change: Callable[[str, str], str]) -> set[tuple[str, str, str, tuple[str, ...]]]:
    model = inventory("lab")
    texts = {name: change(name, text) for name, text in made.answers(model).items()}
    proof = prove(fleets(model, made.snapshots(model, texts)))
    check(flow_map(model, proof.differences))
    check(heat_map(model, proof.differences))
    return {(each.kind, each.sender, each.receiver, each.flows) for each in proof.differences}


def test_a_fleet_that_holds_has_no_differences() -> None:
    assert differences(lambda _, text: text) == set()


def test_a_flow_that_is_not_loaded_is_missing() -> None:
    def without(name: str, text: str) -> str:
        kept = [line for line in text.splitlines(keepends=True) if "flow:status-callback" not in line]
        return "".join(kept) if name == "web1" else text

    assert ("missing", "worker1", "web1", ("status-callback",)) in differences(without)


def test_a_rule_too_many_is_extra() -> None:
    def opened(name: str, text: str) -> str:
        return (
            text.replace(":INPUT DROP", ":INPUT ACCEPT").replace('"deny:in" -j DROP', "x -j ACCEPT")
            if name == "db1"
            else text
        )

    found = differences(opened)
    assert ("extra", "data", "db1", ()) in found
    assert {(kind, receiver) for kind, _, receiver, _ in found} == {("extra", "db1")}
