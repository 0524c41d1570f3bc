"""A service whose clock is wrong. Hosts of a lab share the machine's clock, so only the service is told another."""

import shlex
import time

from network.check.shell import must
from network.check.temporary import changed
from network.drill.faults import Fault, Place

# Where the library is unpacked: not under /run, from which nothing is executed.
_FOLDER = "/var/lib/sallyport-drill-clock"
_LIBRARY = f"{_FOLDER}/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketimeMT.so.1"
_MOST_SECONDS = 600


def wrong_clock(group: str, unit: str, ahead: int, told: str) -> Fault:
    """Run a unit with its clock so many seconds ahead, then rightly again.

    libfaketime comes from the distribution, by the host's own way through the bastion, and is not installed. `told` is
    what its log must say meanwhile. Only the time of day is shifted, as on a host whose clock was set wrong.
    """
    settings = f"FAKETIME={ahead:+d} FAKETIME_DONT_FAKE_MONOTONIC=1"
    drop_in = f"/run/systemd/system/{unit}.d"
    restart = f"systemctl daemon-reload && systemctl restart {unit}"
    change = f"""
        mkdir -p {_FOLDER} {drop_in} && cd {_FOLDER} && apt-get -q update && apt-get -q download libfaketime &&
        dpkg-deb -x libfaketime_*.deb . && library={_LIBRARY} && test -e "$library" &&
        {{ echo '[Service]'; echo "Environment=LD_PRELOAD=$library {settings}"; }} > {drop_in}/drill.conf && {restart}
    """.strip()
    mend = f"if test -e {drop_in}/drill.conf; then rm -r {drop_in}; {restart}; fi; rm -rf {_FOLDER}"

    def fault(place: Place, seconds: float) -> None:
        shell = place.shell(group)
        since = must(shell, "date +%s").strip()
        with changed(shell, "drill-clock", change, mend, _MOST_SECONDS):
            time.sleep(seconds)
            # grep fails where it was never said: then nothing was refused, and nothing drilled.
            times = must(
                shell, f"journalctl -q -u {unit} --since @{since} -o cat | grep -cF {shlex.quote(told)}"
            ).strip()
        place.say(f"{unit} on {shell.name} ran {ahead} s ahead for {seconds:.0f} s, and said {times} times: {told}")

    return fault
