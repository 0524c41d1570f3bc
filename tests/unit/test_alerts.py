"""Alerts for Prometheus: well-formed, firing when they should, and on metrics that are served."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from network.lab.state import ROOT

RULES = ROOT / "docs/prometheus/sallyport.rules.yml"
CASES = Path(__file__).parent / "alerts/sallyport.test.yml"


def promtool(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/usr/bin/promtool", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_the_rules_are_well_formed() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES), folder=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_fire_when_they_should_and_not_else(tmp_path: Path) -> None:
    shutil.copy(RULES, tmp_path)
    shutil.copy(CASES, tmp_path)
    done = promtool("test", "rules", CASES.name, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    cases = yaml.safe_load(CASES.read_text())["tests"]
    fired = {each["alertname"] for case in cases for each in case["alert_rule_test"] if "exp_alerts" in each}
    assert fired == {rule["alert"] for rule in alerts()}


def test_alerts_are_on_metrics_that_are_served() -> None:
    """A metric that is renamed in the code must not silence its alert."""
    code = "\n".join(path.read_text() for path in (ROOT / "services/metrics").glob("*.py"))
    served = set(re.findall(r'"(sallyport_[a-z_]+)"', code))
    asked = {name for rule in alerts() for name in re.findall(r"sallyport_[a-z_]+", rule["expr"])}
    assert asked
    assert {name.removesuffix("_total") for name in asked} <= served


def test_every_alert_says_what_to_do() -> None:
    for rule in alerts():
        assert set(rule["annotations"]) == {"summary", "next"}, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "warn"}
