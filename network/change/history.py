"""Who changed a host, and when, as far as the host itself knows: what it is asked, and its answer in words."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

SCRIPT = r"""
PATH=/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; TZ=UTC; export PATH LC_ALL TZ
echo "=== state"; cat /var/lib/sallyport/firewall/state.json 2>/dev/null; echo
echo "=== files"
stat -c '%y %U %n' /etc/sallyport/firewall/rules.v4 /etc/sallyport/firewall/rules.v6 /etc/sallyport/firewall/sets \
  /etc/sysctl.d/*sallyport*.conf 2>/dev/null
echo "=== journal"; journalctl -q --no-pager -o short-iso -t sudo -t sshd -n 2000 2>/dev/null
true
"""
"""Run by a POSIX shell as root; reads only."""

NOT_KNOWN = "who and when: not known"
MOST_LINES = 5

_COMMAND = re.compile(r"(\S+) \S+ sudo\[\d+\]:\s+(\S+) : .*?COMMAND=(\S+)")
_LOGIN = re.compile(r"(\S+) \S+ sshd\[\d+\]: Accepted \S+ for (\S+) from (\S+)")
_TOOL = re.compile(r"(?:\S*/)?(?:ip6?tables\S*|ipset|ip|nft|sysctl|sallyport-firewall)\Z")


def words(answer: str) -> tuple[str, ...]:
    """Give what a host's answer says of changes, latest last. Of a command only the program is shown."""
    parts = _parts(answer)
    found = [*_loader(parts.get("state", [])), *_files(parts.get("files", []))]
    journal = parts.get("journal", [])
    commands = [
        f"{match[1]} {match[2]} ran {match[3]}"
        for line in journal
        if (match := _COMMAND.match(line)) and _TOOL.match(match[3])
    ]
    logins = [f"{match[1]} {match[2]} logged in from {match[3]}" for line in journal if (match := _LOGIN.match(line))]
    found += commands[-MOST_LINES:]
    found += logins[-1:]
    return tuple(found if commands else [*found, NOT_KNOWN])


def _parts(answer: str) -> Mapping[str, list[str]]:
    parts: dict[str, list[str]] = {}
    name = ""
    for line in answer.splitlines():
        if line.startswith("=== "):
            name = line.removeprefix("=== ")
        elif line:
            parts.setdefault(name, []).append(line)
    return parts


def _loader(lines: Iterable[str]) -> Iterator[str]:
    try:
        state = json.loads("\n".join(lines))
    except ValueError:
        return
    if isinstance(state, dict) and "since" in state:
        yield f"{state['since']} the loader noted: {state.get('state', 'nothing')}"


def _files(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        day, clock, _, owner, path = line.split(" ", 4)
        yield f"{day}T{clock[:8]}Z {path} was written (it is {owner}'s)"
