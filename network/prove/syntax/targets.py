"""The targets of iptables as words: read and written. What is not modelled is kept as written, and is `Unknown`."""

import re
from collections.abc import Mapping, Sequence

from network.prove.syntax.addresses import parse_address
from network.prove.syntax.matches import parse_range
from network.prove.syntax.types import (
    Accept,
    Action,
    Continue,
    DestinationNat,
    Drop,
    Goto,
    Jump,
    NatRange,
    Reject,
    Return,
    SourceNat,
    Unknown,
    Untrack,
)
from network.prove.syntax.words import Word

VERDICTS: Mapping[str, Action] = {"ACCEPT": Accept(), "DROP": Drop(), "RETURN": Return()}
"""The targets that take no options."""

# fmt: off
CONTINUING = frozenset(
    {
        "ACCOUNT", "AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT", "DSCP", "ECN", "HL", "HMARK",
        "IDLETIMER", "LED", "LOG", "MARK", "NFLOG", "RATEEST", "SECMARK", "SET", "TCPMSS", "TCPOPTSTRIP", "TEE",
        "TOS", "TRACE", "TTL", "ULOG",
    }
)
# fmt: on
"""Targets with a side effect, after which the next rule is tried."""

# fmt: off
UNMODELLED = frozenset(
    {
        "CHAOS", "CLUSTERIP", "DELUDE", "DNPT", "MIRROR", "NETMAP", "NFQUEUE", "QUEUE", "SNPT", "SYNPROXY", "TARPIT",
        "TPROXY",
    }
)
# fmt: on
"""Targets of iptables that end a packet's way, or bend it, in a manner that is not modelled."""

TRANSLATING = {"DNAT": "--to-destination", "REDIRECT": "--to-ports", "SNAT": "--to-source", "MASQUERADE": "--to-ports"}
"""The targets of address translation, and the option that says what to pick from."""

_FLAGS = frozenset({"--random", "--random-fully", "--persistent"})
_WITH_PORT_6 = re.compile(r"\[([^\]]+)\](?:-\[([^\]]+)\])?(?::(.+))?\Z")


def known(name: str) -> bool:
    """Tell whether iptables has a target of this name."""
    return any(name in names for names in (VERDICTS, ("REJECT", "NOTRACK"), CONTINUING, UNMODELLED, TRANSLATING))


def parse_target(name: str, words: Sequence[Word], family: int) -> Action:
    """Read a target that is no chain. Refused with ValueError."""
    raw = tuple(word.raw for word in words)
    if name in VERDICTS:
        if raw:
            raise ValueError(f"{name} takes no options, but {raw[0]} follows it")
        return VERDICTS[name]
    if name == "REJECT":
        return Reject(raw)
    if name == "NOTRACK" or (name == "CT" and "--notrack" in raw):
        return Untrack(name, raw)
    if name in TRANSLATING:
        return _translation(name, words, family)
    if name in CONTINUING:
        return Continue(name, raw)
    return Unknown(name, raw)


def _translation(name: str, words: Sequence[Word], family: int) -> Action:
    raw = tuple(word.raw for word in words)
    given = [word for word in words if word.value not in _FLAGS]
    if len(given) > 2:  # several ranges (Linux before 2.6.11) or an option this program does not know
        return Unknown(name, raw)
    if given and given[0].value != TRANSLATING[name]:
        raise ValueError(f"{given[0].value} is no option of {name}")
    if len(given) == 1:
        raise ValueError(f"nothing follows {given[0].value}")
    if not given and name in {"DNAT", "SNAT"}:
        raise ValueError(f"{name} needs {TRANSLATING[name]}")
    to = NatRange()
    if given and name in {"MASQUERADE", "REDIRECT"}:
        first, last = parse_range(given[1].value, mark="-")
        to = NatRange(first_port=first, last_port=last)
    elif given:
        if "/" in given[1].value:  # a base port that shifts the range
            return Unknown(name, raw)
        to = _range(given[1].value, family)
    return DestinationNat(name, to, raw) if name in {"DNAT", "REDIRECT"} else SourceNat(name, to, raw)


def _range(text: str, family: int) -> NatRange:
    """Read ``address[-address][:port[-port]]``; an IPv6 address stands in brackets where a port follows."""
    if family == 6 and (match := _WITH_PORT_6.match(text)):
        low, high, ports = match.groups()
        first, last = low, high or low
    elif family == 6 and not text.startswith(":"):
        ports = None
        first, _, last = text.partition("-")
    else:
        addresses, _, ports = text.partition(":")
        first, _, last = addresses.partition("-")
    low_port, high_port = parse_range(ports, mark="-") if ports else (None, None)
    if not first:
        return NatRange(None, None, low_port, high_port)
    begin = parse_address(first, family)
    end = parse_address(last, family) if last else begin
    if begin > end:
        raise ValueError(f"{text!r} ends before it begins")
    return NatRange(begin, end, low_port, high_port)


def print_action(action: Action) -> list[str]:
    """Write what a rule does, ``-j`` or ``-g`` included."""
    match action:
        case Jump(chain):
            words = ["-j", chain]
        case Goto(chain):
            words = ["-g", chain]
        case Accept() | Drop() | Return():
            words = ["-j", type(action).__name__.upper()]
        case Reject(options):
            words = ["-j", "REJECT", *options]
        case Continue(""):
            words = []
        case _:
            words = ["-j", action.target, *action.words]
    return words
