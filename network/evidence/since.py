"""Since when a host's rules count: what it is asked, and its answer. Counters begin at zero with each load."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

SCRIPT = r"""
PATH=/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; TZ=UTC; export PATH LC_ALL TZ
tr -d '\n' 2>/dev/null </var/lib/sallyport/firewall/state.json; echo
systemctl show --value -p ActiveEnterTimestamp sallyport-firewall.service
true
"""
"""Run by a POSIX shell as root; reads only. What the loader last noted, and when the boot's unit last loaded."""


def since(answer: str) -> datetime | None:
    """Return when the rules were last loaded, by the host's clock: by an apply or by the boot. None: not known."""
    return max(_times(answer.splitlines()), default=None)


def _times(lines: Iterable[str]) -> Iterable[datetime]:
    for line in lines:
        if line.startswith("{"):
            try:
                text, form = json.loads(line)["since"], "%Y-%m-%dT%H:%M:%SZ"
            except (ValueError, KeyError):
                continue
        else:
            text, form = line, "%a %Y-%m-%d %H:%M:%S UTC"
        try:
            yield datetime.strptime(text, form).replace(tzinfo=UTC)
        except (TypeError, ValueError):
            continue
