"""Evidence from saved answers: what is counted, judged and said."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from network.check.matrix import Judged
from network.check.reach import Probe, probes
from network.check.verdict import Verdict
from network.evidence.counters import Count, connections
from network.evidence.html import html
from network.evidence.judge import DIFFERS, NOWHERE, evidence
from network.evidence.junit import junit
from network.evidence.probed import possible
from network.evidence.result import ControlEvidence, Evidence, Level
from network.evidence.sarif import sarif
from network.evidence.shadow import shadowed
from network.evidence.since import since
from network.evidence.text import text
from network.model import Model
from network.prove.fleet.compiled import answer
from network.prove.proof import fleets, prove, read_snapshots, required_hosts
from network.read import load

ROOT = Path(__file__).resolve().parents[3]
HOSTILE = '<script>alert("x")</script>\x07'


@pytest.fixture(scope="module")
def model() -> Model:
    return load(ROOT / "network/policy.yml", ROOT / "inventory/lab")


@pytest.fixture(scope="module")
def texts(model: Model) -> Mapping[str, str]:
    return {host: answer(model, host) for host in required_hosts(model)}


def collect(
    model: Model,
    texts: Mapping[str, str],
    *,
    today: date = date(2026, 11, 26),
    probed: Sequence[Judged] | None = None,
    since: Mapping[str, datetime | None] | None = None,
) -> Evidence:
    snapshots = read_snapshots(model, texts, {host: host for host in texts})
    read = fleets(model, snapshots)
    proof = prove(read)
    useless = tuple(shadowed(snapshots, texts, read)) if proof.holds else ()
    return evidence(
        model,
        proof,
        snapshots,
        since=since or {},
        shadowed=useless,
        probed=probed,
        controls=(),
        today=today,
        gathered="gathered by a test",
    )


@pytest.fixture(scope="module")
def sound(model: Model, texts: Mapping[str, str]) -> Evidence:
    return collect(model, texts)


def kinds(found: Evidence, level: Level) -> set[str]:
    return {finding.rule for finding in found.findings if finding.level is level}


def test_fleet_as_compiled_has_no_error_and_no_flow_is_shadowed(sound: Evidence, model: Model) -> None:
    assert not sound.broken
    assert kinds(sound, Level.NOTE) == {"unused"}
    assert {each.flow for each in sound.flows} == {flow.id for flow in model.flows}


def counting(text: str, table: str, flow: str, *counters: str) -> str:
    """Put counters before a flow's rules in a table of an answer, as iptables-save -c prints them."""
    left, inside, lines = list(counters), "", []
    for line in text.splitlines(keepends=True):
        inside = line[1:].strip() if line.startswith("*") else inside
        mine = inside == table and line.startswith("-A") and f'"flow:{flow}"' in line
        lines.append(f"{left.pop(0)} {line}" if mine and left else line)
    assert not left, f"{flow} has fewer rules than counters in {table}"
    return "".join(lines)


def test_connections_are_counted_by_flow_and_host(model: Model, texts: Mapping[str, str]) -> None:
    core = counting(texts["core1"], "filter", "fleet-packages", "[7:420]", "[2:120]")
    web = counting(texts["web1"], "filter", "main-database", "[5:300]")
    found = connections(read_snapshots(model, {**texts, "core1": core, "web1": web}, {host: host for host in texts}))
    assert found == {"fleet-packages": {"core1": Count(9, 540)}, "main-database": {"web1": Count(5, 300)}}


def test_published_connection_is_counted_once_on_its_firewall(model: Model, texts: Mapping[str, str]) -> None:
    edge = counting(texts["edge1"], "filter", "public-https", "[21:1260]")
    edge = counting(edge, "nat", "public-https", "[21:1260]")
    found = connections(read_snapshots(model, {**texts, "edge1": edge}, {host: host for host in texts}))
    assert found == {"public-https": {"edge1": Count(21, 1260)}}


def test_report_trusts_what_the_proof_of_these_hosts_trusts(sound: Evidence) -> None:
    assert any("hosts without the nft program" in sentence for sentence in sound.trust)


def test_missing_rule_is_an_error_of_its_flow(model: Model, texts: Mapping[str, str]) -> None:
    less = "".join(line for line in texts["db1"].splitlines(keepends=True) if "flow:worker-database" not in line)
    found = collect(model, {**texts, "db1": less})
    assert found.broken
    assert "reach-missing" in kinds(found, Level.ERROR)
    assert {each.proved for each in found.flows if each.flow == "worker-database"} == {DIFFERS}
    assert {each.proved for each in found.flows if each.flow == "main-broker"} == {"holds"}


def test_rule_behind_another_that_decides_the_same_is_shadowed(model: Model, texts: Mapping[str, str]) -> None:
    doubled = []
    for line in texts["db1"].splitlines(keepends=True):
        doubled.append(line)
        if "-A in-app" in line and "flow:worker-database" in line:
            doubled.append(line.replace("flow:worker-database", "flow:main-database"))
    found = collect(model, {**texts, "db1": "".join(doubled)})
    # The other flow's own rules still do something; what was put in twice does not hide that.
    assert not found.broken
    assert ("worker-database", "db1") in {
        (each.subject, each.text.split()[3]) for each in found.findings if each.rule == "shadowed"
    }


@pytest.mark.parametrize(
    ("today", "level", "rule"),
    [(date(2027, 6, 2), Level.ERROR, "review-past"), (date(2027, 5, 2), Level.NOTE, "review-soon")],
)
def test_reviews_are_due_on_their_day(
    model: Model, texts: Mapping[str, str], today: date, level: Level, rule: str
) -> None:
    found = collect(model, texts, today=today)
    assert rule in kinds(found, level)
    assert found.broken == (level is Level.ERROR)


def hostile(sound: Evidence) -> Evidence:
    control = ControlEvidence("sshd", HOSTILE, ("CIS 5.1.20",), "web1", (HOSTILE,))
    return replace(
        sound,
        flows=tuple(replace(each, why=HOSTILE, owner=HOSTILE) for each in sound.flows),
        controls=(control,),
        findings=tuple(replace(each, text=HOSTILE) for each in sound.findings),
    )


def test_page_escapes_everything_and_needs_nothing_from_elsewhere(sound: Evidence) -> None:
    page = html(hostile(sound))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http://" not in page
    assert "https://" not in page


def test_junit_is_xml_whose_failures_are_the_errors(sound: Evidence) -> None:
    document = ElementTree.fromstring(junit(hostile(sound)))  # noqa: S314 our own text
    assert [suite.get("name") for suite in document] == ["flows", "pairs of zones", "controls", "findings"]
    assert [suite.get("failures") for suite in document] == ["0", "0", "1", "0"]


def test_sarif_points_at_the_policys_lines(sound: Evidence, model: Model) -> None:
    document = json.loads(sarif(sound))
    run = document["runs"][0]
    assert document["version"] == "2.1.0"
    lines = {flow.where.rpartition(":")[2] for flow in model.flows}
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "network/policy.yml"
        assert str(place["region"]["startLine"]) in lines
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_json_and_text_tell_the_same_flows(sound: Evidence) -> None:
    told = json.loads(json.dumps(sound.data()))
    assert [each["flow"] for each in told["flows"]] == [each.flow for each in sound.flows]
    assert told["findings"][0]["level"] == "note"
    shown = text(sound)
    assert all(each.flow in shown for each in sound.flows)
    assert "HOLDS" in shown


def test_flow_of_an_empty_group_carries_nothing(sound: Evidence) -> None:
    assert {each.proved for each in sound.flows if each.source == ""} <= {NOWHERE}


def judged(model: Model, **verdicts: Verdict) -> list[Judged]:
    """Let every probe come out as declared, but those at a target that is named (by host)."""

    def came_out(probe: Probe) -> Verdict:
        return verdicts.get(probe.target) or (Verdict.OPEN if probe.flow else Verdict.DENIED)

    return [Judged(probe, came_out(probe), "by a test") for probe in probes(model)]


def test_probes_are_told_in_the_pair_of_zones_that_they_speak_of(model: Model, texts: Mapping[str, str]) -> None:
    found = collect(model, texts, probed=judged(model))
    told = {(each.flow, each.source, each.destination): each.probed for each in found.flows}
    assert told["fleet-ssh", "mgmt", "data"] == "1 open"
    assert told["fleet-ssh", "mgmt", "app"] == "2 open"
    # The published door is the firewall's; what it leads to stands in the DMZ.
    assert told["public-https", "internet", "dmz"] == "2 open"
    pairs = {(each.source, each.destination): each for each in found.pairs}
    assert len(pairs) == len(model.fleet.zones) ** 2
    assert pairs["data", "dmz"].flows == ()
    assert pairs["data", "dmz"].proved == "holds"
    assert "open" not in pairs["data", "dmz"].probed
    assert "denied" in pairs["data", "dmz"].probed
    assert not found.broken
    assert not found.doubtful


def test_probe_that_proves_nothing_is_no_pass_and_no_finding_of_its_own(model: Model, texts: Mapping[str, str]) -> None:
    found = collect(model, texts, probed=judged(model, db1=Verdict.INCONCLUSIVE))
    assert (found.broken, found.doubtful) == (False, True)
    assert "Not enough is known" in html(found)
    assert "No findings" not in html(found)
    document = ElementTree.fromstring(junit(found))  # noqa: S314 our own text
    assert {suite.get("name"): suite.get("errors") != "0" for suite in document}["findings"]
    assert {result["level"] for result in json.loads(sarif(found))["runs"][0]["results"]} == {"note", "warning"}


def test_leak_is_an_error(model: Model, texts: Mapping[str, str]) -> None:
    found = collect(model, texts, probed=judged(model, db1=Verdict.LEAK))
    assert found.broken
    assert "leak" in {(each.source, each.destination): each.probed for each in found.pairs}["app", "data"]


def test_probes_that_need_a_silent_host_are_left_out(model: Model) -> None:
    there = set(model.fleet.hosts) - {"web1"}
    left = possible(probes(model), there)
    assert left
    assert {probe.source for probe in left} <= there
    assert {probe.target for probe in left} <= there
    # Behind these doors of the firewall waits the silent host.
    assert not [probe for probe in left if probe.flow is not None and probe.flow.id == "public-https"]


def test_extra_rule_is_told_in_its_pair_of_zones(model: Model, texts: Mapping[str, str]) -> None:
    open_host = texts["db1"].replace(":INPUT DROP", ":INPUT ACCEPT").replace('"deny:in" -j DROP', '"deny:in" -j ACCEPT')
    found = collect(model, {**texts, "db1": open_host})
    proved = {(each.source, each.destination): each.proved for each in found.pairs}
    assert proved["data", "data"] == f"{DIFFERS}: extra"
    assert f'<span class="bad">{DIFFERS}: extra</span>' in html(found)


@pytest.mark.parametrize(
    ("answer", "moment"),
    [
        ('{"state": "confirmed", "since": "2026-11-26T12:06:07Z"}\nThu 2026-11-26 11:00:00 UTC\n', (12, 6, 7)),
        ('{"state": "confirmed", "since": "2026-11-26T12:06:07Z"}\nThu 2026-11-26 13:00:00 UTC\n', (13, 0, 0)),
        ('{"state": "none"}\n\n', None),
        ('{"since": 5}\nn/a\n', None),
        ("{cut\n", None),
        ("", None),
    ],
)
def test_counters_begin_with_the_last_load(answer: str, moment: tuple[int, int, int] | None) -> None:
    assert since(answer) == (None if moment is None else datetime(2026, 11, 26, *moment, tzinfo=UTC))


def test_page_tells_since_when_each_host_counts(model: Model, texts: Mapping[str, str]) -> None:
    found = collect(model, texts, since={"db1": datetime(2026, 11, 26, 12, 6, 7, tzinfo=UTC), "web1": None})
    page = html(found)
    assert "2026-11-26 12:06:07 UTC" in page
    assert "not known" in page
