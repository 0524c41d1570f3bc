"""A database whose disk is full: it runs on a small file system in memory, which is filled to the last byte.

Its real directory lies untouched below, until the data is copied back. A lab host that dies meanwhile loses what was
committed since; nothing else of the host, and nothing beside it, can run full.
"""

import time

from network.check.shell import must
from network.check.temporary import changed
from network.drill.faults import Place

_DATA = "/var/lib/postgresql/15/main"
_SMALL = "/var/lib/postgresql/15/drill"
_BALLAST = f"{_SMALL}/ballast"
# There while what is in memory is newer than what is on disk.
_LIVE = f"{_DATA}.live"
# MiB beside what is there, for the write-ahead log of the minutes before it is filled.
_ROOM = 96
_MOST_SECONDS = 600
_UNIT = "postgresql@15-main.service"
_START = f"systemctl reset-failed {_UNIT}; systemctl start {_UNIT}"
_FULL = "No space left on device"

_CHANGE = f"""
    systemctl stop {_UNIT} && mkdir {_SMALL} &&
    mount -t tmpfs -o "size=$(( $(du -sm {_DATA} | cut -f1) + {_ROOM} ))m" drill {_SMALL} &&
    cp -a {_DATA}/. {_SMALL}/ && chown --reference={_DATA} {_SMALL} && chmod --reference={_DATA} {_SMALL} &&
    touch {_LIVE} && mount --bind {_SMALL} {_DATA} && {{ {_START}; }}
""".strip()
# It may be cut off anywhere and run again: the copy is whole before it takes the real directory's place.
_MEND = f"""
    if mountpoint -q {_SMALL}; then
        systemctl stop {_UNIT}; rm -f {_BALLAST}
        while mountpoint -q {_DATA}; do umount {_DATA} || exit 1; done
        if test -e {_LIVE} && ! {{ test -d {_DATA} && test -d {_DATA}.old; }}; then
            rm -rf {_DATA}.new && cp -a {_SMALL} {_DATA}.new && sync &&
            {{ test -d {_DATA}.old || mv {_DATA} {_DATA}.old; }} && mv {_DATA}.new {_DATA} || exit 1
        fi
        rm -f {_LIVE}; umount {_SMALL} || exit 1
    fi
    rm -rf {_DATA}.old {_LIVE}; test ! -d {_SMALL} || rmdir {_SMALL}; {_START}
""".strip()


def database_full(place: Place, seconds: float) -> None:
    """Leave PostgreSQL no byte for so many seconds; then make room, and let it go on."""
    shell = place.shell("db")
    since = must(shell, "date +%s").strip()
    with changed(shell, "drill-disk", _CHANGE, _MEND, _MOST_SECONDS):
        must(shell, f"cat /dev/zero > {_BALLAST} 2>/dev/null; df --output=avail {_SMALL} | grep -qx ' *0'")
        time.sleep(seconds)
        # grep fails where it was never said: then there was room enough.
        times = must(shell, f"journalctl -q -t postgresql --since @{since} -o cat | grep -cF '{_FULL}'").strip()
        must(shell, f"rm {_BALLAST}; {_START}")
        time.sleep(seconds / 3)
    place.say(f"PostgreSQL on {shell.name} had a full disk for {seconds:.0f} s, and said {times} times: {_FULL}")
