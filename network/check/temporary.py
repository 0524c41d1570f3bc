"""Changes to a host that undo themselves: the host's own timer does it, whatever becomes of who asked."""

import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from network.check.shell import Shell, agent_command, must

# The mark of packets that a probe sends from a host which is taken to be compromised.
MARK = 0x5A11
_MOMENT_SECONDS = 30


@contextmanager
def changed(shell: Shell, name: str, change: str, mend: str, seconds: int = 120) -> Iterator[None]:
    """Keep a change while the body runs, `seconds` at most.

    `mend` must be harmless when nothing was changed, or when it ran before. It is armed before the change is made, and
    what is left of a former run under the same name is mended first. Raises RemoteError.
    """
    arm, disarm = _armed(name, mend, seconds)
    must(shell, f"{{ {mend}; }} >/dev/null 2>&1; {disarm}; {arm} && {{ {change}; }}")
    try:
        yield
    finally:
        must(shell, f"{{ {mend}; }}; status=$?; {disarm}; exit $status")


def momentarily(shell: Shell, name: str, change: str, look: str, mend: str) -> str:
    """Make a change, look, and mend it, all in one command: nothing is said before the mending is done.

    So even a change that cuts the connection to the host lasts for no longer than the look. Return what `look`
    printed. `mend` is as in `changed`. Raises RemoteError where the change or the mending failed.
    """
    arm, disarm = _armed(name, mend, _MOMENT_SECONDS)
    steps = (
        f"{disarm}; {arm} || exit 1",
        f"seen=$( {{ {change}; }} >/dev/null && {{ {look}\n}} ); changed=$?",
        f"{{ {mend}; }} >/dev/null; mended=$?",
        disarm,
        'printf "%s\\n" "$seen"; test $changed = 0 && test $mended = 0',
    )
    return must(shell, "\n".join(steps))


def _armed(name: str, mend: str, seconds: int) -> tuple[str, str]:
    """Return the command that has a host's own timer mend a change, and the one that calls that off."""
    unit = f"sallyport-mend-{name}"
    disarm = f"systemctl stop {unit}.timer 2>/dev/null; systemctl reset-failed {unit}.service 2>/dev/null; true"
    arm = (
        f"systemd-run --quiet --collect --unit={unit} --on-active={seconds} --timer-property=AccuracySec=1s "
        f"/bin/sh -c {shlex.quote(mend)}"
    )
    return arm, disarm


def opened(shell: Shell, rule: str, *, name: str = "rule") -> AbstractContextManager[None]:
    """Keep an iptables rule at the head of its chain, such as ``FORWARD -s 192.0.2.1 -j ACCEPT``."""
    return _with_rule(shell, rule, name, ("iptables",))


def egress_opened(shell: Shell, name: str = "egress") -> AbstractContextManager[None]:
    """Let every packet with the probes' mark leave a host, in both families, as if the host were taken over."""
    return _with_rule(shell, f"OUTPUT -m mark --mark {MARK} -j ACCEPT", name, ("iptables", "ip6tables"))


def _with_rule(shell: Shell, rule: str, name: str, programs: tuple[str, ...]) -> AbstractContextManager[None]:
    chain, _, rest = rule.partition(" ")
    marked = f"{rest} -m comment --comment probe:{name}"
    make = " && ".join(f"{program} -w -I {chain} 1 {marked}" for program in programs)
    mend = "; ".join(f"while {program} -w -D {chain} {marked} 2>/dev/null; do :; done" for program in programs)
    return changed(shell, f"{name}-{chain.lower()}", make, f"{mend}; true")


@contextmanager
def listening(
    shell: Shell, addresses: list[str], tcp: list[int], udp: list[int], seconds: int = 120
) -> Iterator["Visits"]:
    """Have something listen on a host's addresses wherever nothing does; hand out who came by."""
    report = "/run/sallyport-probe-visits"
    unit = "sallyport-probe-listener"
    parameters = {"addresses": addresses, "tcp": tcp, "udp": udp, "report": report}
    start = (
        f"rm -f {report}; systemd-run --quiet --collect --unit={unit} --property=RuntimeMaxSec={seconds} "
        f"{agent_command('listen', parameters)}; "
        f"for i in $(seq 100); do grep -qx ready {report} 2>/dev/null && exit 0; sleep 0.05; done; exit 1"
    )
    with changed(shell, "listener", start, f"systemctl stop {unit}.service 2>/dev/null; rm -f {report}; true", seconds):
        yield Visits(shell, report)


class Visits:
    """Who came by at a host's temporary listeners."""

    def __init__(self, shell: Shell, report: str) -> None:
        self._shell, self._report = shell, report

    def __call__(self) -> frozenset[tuple[str, str, str, int]]:
        """Return (protocol, source, destination, port) of every visit so far."""
        lines = (line.split() for line in must(self._shell, f"cat {self._report}").splitlines())
        return frozenset((line[0], line[1], line[2], int(line[3])) for line in lines if len(line) == 4)
