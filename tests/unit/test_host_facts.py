"""The module that reads a host in one call: what it makes of the texts and links it finds."""

from pathlib import Path

from tests.unit.deployed import deployed

host_facts = deployed("playbooks/library/host_facts.py")

STATUS = """Package: squid
Status: install ok installed
Architecture: amd64
Version: 5.7-2
Description: a proxy
 with: a colon

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""


def test_only_installed_packages_count() -> None:
    found = host_facts.packages(STATUS)
    assert {name: entries[0]["version"] for name, entries in found.items()} == {"squid": "5.7-2"}


def test_units_are_told_by_what_runs_and_by_the_links(tmp_path: Path) -> None:
    wants = tmp_path / "multi-user.target.wants"
    wants.mkdir()
    (wants / "squid.service").symlink_to("/lib/systemd/system/squid.service")
    (wants / "timer.timer").symlink_to("/lib/systemd/system/timer.timer")
    (tmp_path / "timer.timer").symlink_to("/dev/null")
    lines = ["squid.service loaded active running Proxy", "ulogd2.service loaded failed failed Log"]
    lines += ["ssh.socket loaded inactive dead SSH"]
    units = "\n".join(lines)
    found = host_facts.services(units, [*wants.iterdir(), tmp_path / "timer.timer"])
    assert {name: (unit["state"], unit["status"]) for name, unit in found.items()} == {
        "squid.service": ("running", "enabled"),
        "ulogd2.service": ("failed", "disabled"),
        "ssh.socket": ("stopped", "disabled"),
        "timer.timer": ("stopped", "masked"),
    }


def test_a_program_that_is_not_there_has_the_exit_code_of_a_shell() -> None:
    assert host_facts.probe("/nonexistent/program now")["rc"] == 127
