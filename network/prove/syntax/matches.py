"""The matches of each module as words: read and written. One table says which option of which module makes which match.

What has no entry in `OPTIONS` but stands in `OPAQUE` is kept as written, and neither denied nor granted by the proof.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from network.prove.syntax.addresses import parse_address, parse_prefix, print_address, print_prefix
from network.prove.syntax.numbers import ICMP_TYPES, parse_flags, print_flags, print_protocol
from network.prove.syntax.types import (
    Address,
    AddressRange,
    AddressType,
    Comment,
    ConnectionAddress,
    ConnectionPort,
    ConnectionState,
    Extension,
    Fragment,
    HopLimit,
    IcmpType,
    Interface,
    Match,
    Opaque,
    Ports,
    Protocol,
    ReversePath,
    SetMember,
    Side,
    TcpFlags,
)
from network.prove.syntax.words import quote

STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")
"""The states of a connection, in the order in which iptables-save prints them."""

ADDRESS_TYPES = frozenset(
    {
        "UNSPEC",
        "UNICAST",
        "LOCAL",
        "BROADCAST",
        "ANYCAST",
        "MULTICAST",
        "BLACKHOLE",
        "UNREACHABLE",
        "PROHIBIT",
        "THROW",
        "NAT",
        "XRESOLVE",
    }
)

# fmt: off
OPAQUE = frozenset(
    {
        "ah", "bpf", "cgroup", "cluster", "connbytes", "connlabel", "connlimit", "connmark", "cpu", "devgroup",
        "dscp", "dst", "ecn", "esp", "eui64", "frag", "hashlimit", "hbh", "helper", "ipcomp", "ipv6header",
        "ipvs", "length", "limit", "mac", "mark", "mh", "nfacct", "osf", "owner", "physdev", "pkttype",
        "policy", "quota", "rateest", "realm", "recent", "rt", "socket", "srh", "statistic", "string", "tcpmss",
        "time", "tos", "u32",
        # of xtables-addons:
        "asn", "condition", "fuzzy", "geoip", "iface", "ipp2p", "lscan", "psd", "quota2",
    }
)
# fmt: on
"""The modules of iptables 1.8 and xtables-addons whose conditions are read and kept, but not modelled."""

Make = Callable[[Sequence[str], bool, int], Match]


@dataclass(frozen=True)
class Option:
    """An option of a module: how many words follow it, and the match they make. `make` raises ValueError."""

    words: int
    make: Make


def parse_number(text: str, limit: int) -> int:
    """Read a decimal or hexadecimal number from 0 to `limit`. Refused with ValueError."""
    try:
        value = int(text, 0) if text.lower().startswith("0x") else int(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no number") from error
    if not 0 <= value <= limit:
        raise ValueError(f"{value} is not between 0 and {limit}")
    return value


def parse_range(text: str, limit: int = 65535, mark: str = ":") -> tuple[int, int]:
    """Read ``n``, ``n:m``, ``:m`` or ``n:``, both ends inclusive. Refused with ValueError."""
    first, colon, last = text.partition(mark)
    if not colon:
        value = parse_number(text, limit)
        return value, value
    low = parse_number(first, limit) if first else 0
    high = parse_number(last, limit) if last else limit
    if low > high:
        raise ValueError(f"{text!r} ends before it begins")
    return low, high


def print_range(first: int, last: int, mark: str = ":") -> str:
    """Write an inclusive range, or the one number it holds."""
    return str(first) if first == last else f"{first}{mark}{last}"


def _ports(side: Side) -> Option:
    return Option(1, lambda words, negated, _: Ports(side, (parse_range(words[0]),), negated))


def _port_list(side: Side) -> Option:
    def make(words: Sequence[str], negated: bool, _: int) -> Match:
        return Ports(side, tuple(parse_range(part) for part in words[0].split(",")), negated)

    return Option(1, make)


def _tcp_flags(words: Sequence[str], negated: bool, _: int) -> Match:
    mask = parse_flags(words[0])
    flags = parse_flags(words[1])
    return TcpFlags(mask, flags, negated)


def _icmp(words: Sequence[str], negated: bool, family: int) -> Match:
    text = words[0].lower()
    if text in {"any", "255"} and family == 4:
        return IcmpType(None, negated=negated)
    named = ICMP_TYPES[family].get(text)
    if named:
        kind, code = named
        return IcmpType(kind, code or 0, 255 if code is None else code, negated)
    kind_text, slash, codes = text.partition("/")
    first, last = parse_range(codes, 255) if slash else (0, 255)
    return IcmpType(parse_number(kind_text, 255), first, last, negated)


def _states(words: Sequence[str], negated: bool, _: int) -> Match:
    states = frozenset(words[0].upper().split(","))
    if unknown := sorted(states - set(STATES)):
        raise ValueError(f"{unknown[0]!r} is no state of a connection")
    return ConnectionState(states, negated)


def _connection_address(original: bool, side: Side) -> Option:
    return Option(
        1, lambda words, negated, family: ConnectionAddress(original, side, parse_prefix(words[0], family), negated)
    )


def _connection_port(original: bool, side: Side) -> Option:
    return Option(1, lambda words, negated, _: ConnectionPort(original, side, *parse_range(words[0]), negated))


def _address_range(side: Side) -> Option:
    def make(words: Sequence[str], negated: bool, family: int) -> Match:
        first, dash, last = words[0].partition("-")
        low = parse_address(first, family)
        high = parse_address(last, family) if dash else low
        if low > high:
            raise ValueError(f"{words[0]!r} ends before it begins")
        return AddressRange(side, low, high, negated)

    return Option(1, make)


SIDES = {"src": Side.SOURCE, "dst": Side.DESTINATION}
SIDE_WORDS = {side: word for word, side in SIDES.items()}


def _set_member(words: Sequence[str], negated: bool, _: int) -> Match:
    names = words[1].split(",")
    if unknown := [name for name in names if name not in SIDES]:
        raise ValueError(f"{unknown[0]!r} is neither src nor dst")
    return SetMember(words[0], tuple(SIDES[name] for name in names), (), negated)


def _set_option(option: str, words: int = 0) -> Option:
    def make(values: Sequence[str], negated: bool, _: int) -> Match:
        return SetMember("", (), (*(["!"] if negated else []), option, *values))

    return Option(words, make)


def _address_type(side: Side) -> Option:
    def make(words: Sequence[str], negated: bool, _: int) -> Match:
        types = tuple(words[0].upper().split(","))
        if unknown := [kind for kind in types if kind not in ADDRESS_TYPES]:
            raise ValueError(f"{unknown[0]!r} is no type of address")
        return AddressType(side, types, None, negated)

    return Option(1, make)


def _limit(direction: str) -> Option:
    return Option(0, lambda *_: AddressType(Side.EITHER, (), direction))


def _hops(option: str) -> Option:
    def make(words: Sequence[str], negated: bool, _: int) -> Match:
        value = parse_number(words[0], 255)
        first, last = {"eq": (value, value), "lt": (0, value - 1), "gt": (value + 1, 255)}[option[-2:]]
        return HopLimit(option, first, last, negated)

    return Option(1, make)


def _opaque(option: str, words: int) -> Option:
    def make(values: Sequence[str], negated: bool, _: int) -> Match:
        return Opaque((*(["!"] if negated else []), option, *values))

    return Option(words, make)


_PORTS = {
    "--sport": _ports(Side.SOURCE),
    "--source-port": _ports(Side.SOURCE),
    "--dport": _ports(Side.DESTINATION),
    "--destination-port": _ports(Side.DESTINATION),
}

OPTIONS: Mapping[str, Mapping[str, Option]] = {
    "tcp": _PORTS
    | {
        "--tcp-option": _opaque("--tcp-option", 1),
        "--tcp-flags": Option(2, _tcp_flags),
        "--syn": Option(0, lambda _, negated, __: TcpFlags(0b10111, 0b00010, negated)),
    },
    "udp": _PORTS,
    "udplite": _PORTS,
    "sctp": _PORTS | {"--chunk-types": _opaque("--chunk-types", 2)},
    "dccp": _PORTS | {"--dccp-types": _opaque("--dccp-types", 1), "--dccp-option": _opaque("--dccp-option", 1)},
    "icmp": {"--icmp-type": Option(1, _icmp)},
    "icmp6": {"--icmpv6-type": Option(1, _icmp)},
    "multiport": {
        "--sports": _port_list(Side.SOURCE),
        "--source-ports": _port_list(Side.SOURCE),
        "--dports": _port_list(Side.DESTINATION),
        "--destination-ports": _port_list(Side.DESTINATION),
        "--ports": _port_list(Side.EITHER),
    },
    "conntrack": {
        "--ctstate": Option(1, _states),
        "--ctproto": Option(1, lambda words, negated, _: Opaque(_negated(negated, "--ctproto", words[0]))),
        "--ctorigsrc": _connection_address(True, Side.SOURCE),
        "--ctorigdst": _connection_address(True, Side.DESTINATION),
        "--ctreplsrc": _connection_address(False, Side.SOURCE),
        "--ctrepldst": _connection_address(False, Side.DESTINATION),
        "--ctorigsrcport": _connection_port(True, Side.SOURCE),
        "--ctorigdstport": _connection_port(True, Side.DESTINATION),
        "--ctreplsrcport": _connection_port(False, Side.SOURCE),
        "--ctrepldstport": _connection_port(False, Side.DESTINATION),
        "--ctstatus": _opaque("--ctstatus", 1),
        "--ctexpire": _opaque("--ctexpire", 1),
        "--ctdir": _opaque("--ctdir", 1),
    },
    "state": {"--state": Option(1, _states)},
    "iprange": {"--src-range": _address_range(Side.SOURCE), "--dst-range": _address_range(Side.DESTINATION)},
    "set": {
        "--match-set": Option(2, _set_member),
        "--return-nomatch": _set_option("--return-nomatch"),
        "--update-counters": _set_option("--update-counters"),
        "--update-subcounters": _set_option("--update-subcounters"),
        "--packets-eq": _set_option("--packets-eq", 1),
        "--packets-lt": _set_option("--packets-lt", 1),
        "--packets-gt": _set_option("--packets-gt", 1),
        "--bytes-eq": _set_option("--bytes-eq", 1),
        "--bytes-lt": _set_option("--bytes-lt", 1),
        "--bytes-gt": _set_option("--bytes-gt", 1),
    },
    "addrtype": {
        "--src-type": _address_type(Side.SOURCE),
        "--dst-type": _address_type(Side.DESTINATION),
        "--limit-iface-in": _limit("in"),
        "--limit-iface-out": _limit("out"),
    },
    "rpfilter": {
        "--loose": Option(0, lambda *_: ReversePath(loose=True)),
        "--validmark": Option(0, lambda *_: ReversePath(valid_mark=True)),
        "--accept-local": Option(0, lambda *_: ReversePath(accept_local=True)),
        "--invert": Option(0, lambda *_: ReversePath(negated=True)),
    },
    "ttl": {option: _hops(option) for option in ("--ttl-eq", "--ttl-lt", "--ttl-gt")},
    "hl": {option: _hops(option) for option in ("--hl-eq", "--hl-lt", "--hl-gt")},
    "comment": {"--comment": Option(1, lambda words, *_: Comment(words[0]))},
}
"""The options of the modules that are modelled."""

MODULE_NAMES = {"icmpv6": "icmp6", "ipv6-icmp": "icmp6"}
"""Other names that iptables reads for a module."""

BY_PROTOCOL = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp", 136: "udplite", 1: "icmp", 58: "icmp6"}
"""The module that iptables loads by itself when a rule names the protocol and then an option of that module."""


def _negated(negated: bool, *words: str) -> tuple[str, ...]:
    return ("!", *words) if negated else words


def finish(module: str, matches: Sequence[Match]) -> Extension:
    """Join the options that only make sense together: those of rpfilter, addrtype and set."""
    if module == "rpfilter":
        paths = [match for match in matches if isinstance(match, ReversePath)]
        joined = ReversePath(
            any(path.loose for path in paths),
            any(path.valid_mark for path in paths),
            any(path.accept_local for path in paths),
            any(path.negated for path in paths),
        )
        return Extension(module, (joined,))
    if module == "addrtype":
        types = [match for match in matches if isinstance(match, AddressType)]
        limit = next((match.limit for match in types if match.limit), None)
        return Extension(module, tuple(replace(match, limit=limit) for match in types if match.types))
    if module == "set":
        members = [match for match in matches if isinstance(match, SetMember)]
        options = tuple(word for match in members for word in match.options)
        return Extension(module, tuple(replace(match, options=options) for match in members if match.name))
    return Extension(module, tuple(matches))


# Writing.


def print_header(match: Match, family: int) -> list[str]:
    """Write a condition that stands outside any module."""
    match match:
        case Address(side, prefix, negated):
            return [*_not(negated), "-s" if side is Side.SOURCE else "-d", print_prefix(prefix, family)]
        case Interface(side, name, negated):
            return [*_not(negated), "-i" if side is Side.SOURCE else "-o", name]
        case Protocol(number, negated):
            return [*_not(negated), "-p", print_protocol(number)]
        case Fragment(negated):
            return [*_not(negated), "-f"]
    raise TypeError(f"{match} belongs to a module")


def print_extension(extension: Extension, family: int) -> list[str]:
    """Write a module and its conditions."""
    words = ["-m", extension.module]
    for match in extension.matches:
        words += _print(extension.module, match, family)
    limit = next((match.limit for match in extension.matches if isinstance(match, AddressType) and match.limit), None)
    return [*words, f"--limit-iface-{limit}"] if limit else words


def _not(negated: bool) -> list[str]:
    return ["!"] if negated else []


def _print(module: str, match: Match, family: int) -> list[str]:
    match match:
        case Opaque(words):
            return list(words)
        case Comment(text):
            return ["--comment", quote(text)]
        case ReversePath(loose, valid_mark, accept_local, negated):
            flags = (("--loose", loose), ("--validmark", valid_mark), ("--accept-local", accept_local))
            return [word for word, given in (*flags, ("--invert", negated)) if given]
        case SetMember(name, sides, options, negated):
            looked_at = ",".join(SIDE_WORDS[side] for side in sides)
            return [*_not(negated), "--match-set", name, looked_at, *options]
    return [*_not(match.negated), *_print_option(module, match, family)]


def _print_option(module: str, match: Match, family: int) -> list[str]:
    match match:
        case Ports(side, ranges):
            initial = {Side.SOURCE: "s", Side.DESTINATION: "d", Side.EITHER: ""}[side]
            option = f"--{initial}port" + ("s" if module == "multiport" else "")
            values = [",".join(print_range(*ports) for ports in ranges)]
        case TcpFlags(mask, flags):
            option, values = "--tcp-flags", [print_flags(mask), print_flags(flags)]
        case IcmpType(kind, first, last):
            option = "--icmp-type" if module == "icmp" else "--icmpv6-type"
            codes = "" if (first, last) == (0, 255) else f"/{print_range(first, last)}"
            values = ["any" if kind is None else f"{kind}{codes}"]
        case ConnectionState(states):
            option = "--state" if module == "state" else "--ctstate"
            values = [",".join(state for state in STATES if state in states)]
        case ConnectionAddress(original, side, prefix):
            option, values = _connection_option(original, side), [print_prefix(prefix, family, short=True)]
        case ConnectionPort(original, side, first, last):
            option, values = _connection_option(original, side) + "port", [print_range(first, last)]
        case AddressRange(side, first, last):
            option = f"--{SIDE_WORDS[side]}-range"
            values = [f"{print_address(first, family)}-{print_address(last, family)}"]
        case AddressType(side, types):
            option, values = f"--{SIDE_WORDS[side]}-type", [",".join(types)]
        case HopLimit(word, first, last):
            option, values = word, [str({"eq": first, "lt": last + 1, "gt": first - 1}[word[-2:]])]
        case _:
            raise TypeError(f"{match} is no option of module {module}")
    return [option, *values]


def _connection_option(original: bool, side: Side) -> str:
    return f"--ct{'orig' if original else 'repl'}{SIDE_WORDS[side]}"
