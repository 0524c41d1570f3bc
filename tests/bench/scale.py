"""How compile, proof and plan grow with the fleet: generated fleets, each measured in a process of its own."""

import gc
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from dataclasses import replace as changed
from itertools import pairwise
from math import floor, log10
from pathlib import Path
from random import Random

from network.change.compare import compare
from network.compile.iptables import compile_host
from network.draw.svg import line, picture, ring, text
from network.model import Model
from network.prove.proof import fleets, prove, required_hosts
from tests.bench.row import Row
from tests.unit.compile.fleets import Builder
from tests.unit.prove import fleets as made

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / ".sallyport/bench"

POINTS = ((10, 20), (10, 200), (100, 200), (100, 1000), (1000, 1000), (1000, 10_000))
"""Hosts and flows."""

STAGES = ("compile", "plan", "prove")
MOST_SECONDS = 300
"""A process that takes longer is ended, and measured anew without its last stage."""


@dataclass(frozen=True)
class Point:
    """Processor seconds, and the peak memory of the process in MiB. rules: of all hosts, both families."""

    hosts: int
    flows: int
    rules: int
    compile: float
    prove: float | None
    plan: float | None
    memory: float


def fleet(hosts: int, flows: int) -> Model:
    """Return a fleet of eight zones in which every flow leads from one host to another, on one of a few ports."""
    random = Random(hosts * flows)  # noqa: S311 the same fleet each time
    builder = Builder(8, False)
    names = [builder.host(f"h{number}", {1 + number % 7: 10 + number}) for number in range(hosts)]
    seen = set()
    while len(builder.flows) < flows:
        source, destination = random.sample(names, 2)
        port = random.choice((443, 5432, 5671, 8443, *range(9000, 9000 + 20)))
        if (source, destination, port) not in seen:
            seen.add((source, destination, port))
            builder.flow((source,), (destination,), ("tcp", port, port))
    return builder.model()


def point(hosts: int, flows: int, stages: int) -> Point:
    """Measure the first so many stages of one fleet in this process."""
    model = fleet(hosts, flows)
    start = time.process_time()
    texts = [compile_host(model, name) for name in model.fleet.hosts]
    compiled = time.process_time() - start
    rules = sum(each.count("\n-A ") for text in texts for each in (text.v4, text.v6))
    planned = proved = None
    if stages > 1:
        less = changed(model, flows=model.flows[:-1])
        start = time.process_time()
        compare(less, model)
        planned = time.process_time() - start
    if stages > 2:
        answers = made.answers(model)
        gc.disable()  # as the command does
        start = time.process_time()
        proof = prove(fleets(model, made.snapshots(model, {name: answers[name] for name in required_hosts(model)})))
        proved = time.process_time() - start
        # A generated fleet has no way in for operators, and the proof says so: it is timed all the same.
        assert proof.obligations
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Point(hosts, flows, rules, compiled, proved, planned, memory)


def measure() -> list[Row]:
    """Measure every point, write the report, and return each figure beside the smallest fleet's."""
    points = [_apart(hosts, flows) for hosts, flows in POINTS]
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "scale.md").write_text(markdown(points))
    (REPORT / "scale.svg").write_text(plot(points))
    first = points[0]
    rows = []
    for each in points:
        what = f"{each.hosts} hosts, {each.flows} flows, {each.rules} rules"
        against = f"{first.hosts} hosts, {first.flows} flows"
        rows.append(Row(f"compile: {what}", 1000 * each.compile, "ms", against, 1000 * first.compile, "told"))
        if each.prove is not None and first.prove is not None:
            rows.append(Row(f"prove: {what}", 1000 * each.prove, "ms", against, 1000 * first.prove, "told"))
        if each.plan is not None and first.plan is not None:
            rows.append(Row(f"plan: {what}", 1000 * each.plan, "ms", against, 1000 * first.plan, "told"))
        rows.append(Row(f"memory: {what}", each.memory, "MiB", against, first.memory, "told"))
    return rows


def markdown(points: list[Point]) -> str:
    """Return the table of the report."""
    lines = ["# How it grows", "", "| hosts | flows | rules | compile s | prove s | plan s | peak MiB |"]
    lines.append("|---:|---:|---:|---:|---:|---:|---:|")
    for each in points:
        seconds = " | ".join(
            "-" if value is None else f"{value:.2f}" for value in (each.compile, each.prove, each.plan)
        )
        lines.append(f"| {each.hosts} | {each.flows} | {each.rules} | {seconds} | {each.memory:.0f} |")
    return "\n".join([*lines, "", "![Seconds over rules](scale.svg)", ""])


def plot(points: list[Point]) -> str:
    """Return seconds over rules, both logarithmic, as SVG."""
    wide, high, left, bottom = 680.0, 400.0, 70.0, 50.0
    most = max(each.rules for each in points)
    slowest = max(max(each.compile, each.prove or 0.0, each.plan or 0.0) for each in points)
    decades = (_decade(min(each.rules for each in points)), _decade(most) + 1), (-3, _decade(slowest) + 1)

    def across(rules: float) -> float:
        first, last = decades[0]
        return left + (wide - left - 50) * (log10(rules) - first) / (last - first)

    def up(seconds: float) -> float:
        first, last = decades[1]
        return high - bottom - (high - bottom - 30) * (log10(max(seconds, 1e-3)) - first) / (last - first)

    parts = []
    for decade in range(decades[0][0], decades[0][1] + 1):
        parts += [line(across(10.0**decade), 30, across(10.0**decade), high - bottom, stroke="#ccd")]
        parts += [text(across(10.0**decade) - 14, high - bottom + 18, f"{10**decade:,}")]
    for decade in range(decades[1][0], decades[1][1] + 1):
        parts += [line(left, up(10.0**decade), wide - 50, up(10.0**decade), stroke="#ccd")]
        parts += [text(8, up(10.0**decade) + 4, f"{10.0**decade:g} s")]
    for number, (name, colour) in enumerate((("compile", "#1f5fae"), ("prove", "#a1161f"), ("plan", "#17643a"))):
        found = [(across(each.rules), up(value)) for each in points if (value := getattr(each, name)) is not None]
        parts += [line(*one, *other, stroke=colour) for one, other in pairwise(found)]
        parts += [ring(x, y, 4, fill=colour) for x, y in found]
        parts += [ring(left + 20 + 110 * number, 16, 4, fill=colour), text(left + 30 + 110 * number, 20, name)]
    parts.append(text(wide / 2 - 60, high - 8, "rules of the whole fleet"))
    return picture("Seconds over rules", "Compile, proof and plan of generated fleets", wide, high, parts)


def _decade(number: float) -> int:
    return floor(log10(number))


def _apart(hosts: int, flows: int) -> Point:
    """Measure in a process of its own, whose memory is its own."""
    for stages in range(len(STAGES), 0, -1):
        order = [sys.executable, "-m", "tests.bench.scale", str(hosts), str(flows), str(stages)]
        limit = MOST_SECONDS if stages > 1 else None
        try:
            done = subprocess.run(order, cwd=ROOT, capture_output=True, text=True, check=True, timeout=limit)
        except subprocess.TimeoutExpired:
            continue
        return Point(**json.loads(done.stdout))
    raise AssertionError


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(point(*(int(word) for word in sys.argv[1:4])))))
