import pytest

from network.check.shell import Completed, RemoteError
from network.check.temporary import changed, egress_opened, opened


class Recorder:
    """A shell that writes down what it is told; `fails` is the beginning of what goes wrong."""

    name = "host"

    def __init__(self, fails: str = "\0") -> None:
        self.told: list[str] = []
        self.fails = fails

    def run(self, command: str, given: str | None = None) -> Completed:
        assert given is None
        self.told.append(command)
        return Completed(1 if self.fails in command else 0, "", "no")


def test_changed_arms_the_mend_before_the_change_and_mends_after() -> None:
    shell = Recorder()
    with changed(shell, "x", "CHANGE", "MEND", 60):
        assert shell.told[0].index("--on-active=60") < shell.told[0].index("{ CHANGE; }")
        assert "/bin/sh -c MEND" in shell.told[0]
        assert len(shell.told) == 1

    assert shell.told[1].startswith("{ MEND; }")


def test_changed_mends_when_the_body_fails() -> None:
    shell = Recorder()
    with pytest.raises(KeyError), changed(shell, "x", "CHANGE", "MEND"):
        raise KeyError

    assert shell.told[1].startswith("{ MEND; }")


def test_changed_does_not_run_the_body_when_the_change_fails() -> None:
    with pytest.raises(RemoteError, match="host: exit 1"), changed(Recorder("CHANGE"), "x", "CHANGE", "MEND"):
        pytest.fail("the body ran")


def test_changed_tells_when_the_mend_fails() -> None:
    shell = Recorder()
    with pytest.raises(RemoteError), changed(shell, "x", "CHANGE", "MEND"):
        shell.fails = "{ MEND"


def test_opened_marks_its_rule_and_takes_back_every_copy() -> None:
    shell = Recorder()
    with opened(shell, "FORWARD -s 192.0.2.1 -j ACCEPT", name="drill"):
        assert "iptables -w -I FORWARD 1 -s 192.0.2.1 -j ACCEPT -m comment --comment probe:drill" in shell.told[0]

    assert "while iptables -w -D FORWARD" in shell.told[1]


def test_egress_opened_opens_both_families() -> None:
    shell = Recorder()
    with egress_opened(shell):
        assert "{ iptables -w -I OUTPUT 1 -m mark" in shell.told[0]
        assert "&& ip6tables -w -I OUTPUT 1 -m mark" in shell.told[0]
