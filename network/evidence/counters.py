"""How often each flow was used: what the loaded rules that carry its id have counted. Pure."""

import re
from collections import Counter
from collections.abc import Mapping

# iptables-save -c writes [packets:bytes] before each rule; a rule of ours carries `flow:ID` as its comment.
_RULE = re.compile(r'^\[(\d+):\d+\] -A .*--comment "?flow:([a-z][a-z0-9-]*)"?(?: |$)', re.MULTILINE)


def connections(texts: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Return, for each flow, the packets that opened a connection by host, from the hosts' saved answers.

    Established connections pass before these rules, so what they count are beginnings.
    """
    found: dict[str, dict[str, int]] = {}
    for host, text in texts.items():
        seen: Counter[str] = Counter()
        for packets, flow in _RULE.findall(text):
            seen[flow] += int(packets)
        for flow, packets in seen.items():
            found.setdefault(flow, {})[host] = packets
    return found
