"""The names that iptables prints for protocols, ICMP types and TCP flags (IANA's registries, as Debian ships them)."""

PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "ipencap": 4,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "ipv6": 41,
    "ipv6-route": 43,
    "ipv6-frag": 44,
    "rsvp": 46,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "eigrp": 88,
    "ospf": 89,
    "ax.25": 93,
    "ipip": 94,
    "etherip": 97,
    "pim": 103,
    "ipcomp": 108,
    "vrrp": 112,
    "l2tp": 115,
    "sctp": 132,
    "mobility-header": 135,
    "udplite": 136,
    "hip": 139,
    "shim6": 140,
}
"""The name that iptables-save prints for a protocol, and the protocol's number."""

OTHER_NAMES = {"icmpv6": 58, "ipv6-mh": 135, "mh": 135, "ipv4": 4}
"""Names that iptables also reads."""

PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}

ICMP = 1
TCP = 6
UDP = 17
DCCP = 33
ICMPV6 = 58
SCTP = 132
UDPLITE = 136

WITH_PORTS = frozenset({TCP, UDP, DCCP, SCTP, UDPLITE})
"""The protocols that have a source and a destination port."""

FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}
"""The bits of the TCP flags that iptables knows (RFC 9293, 3.1)."""

ICMP_TYPES: dict[int, dict[str, tuple[int, int | None]]] = {
    4: {
        "echo-reply": (0, None),
        "pong": (0, None),
        "destination-unreachable": (3, None),
        "network-unreachable": (3, 0),
        "host-unreachable": (3, 1),
        "protocol-unreachable": (3, 2),
        "port-unreachable": (3, 3),
        "fragmentation-needed": (3, 4),
        "source-route-failed": (3, 5),
        "network-unknown": (3, 6),
        "host-unknown": (3, 7),
        "network-prohibited": (3, 9),
        "host-prohibited": (3, 10),
        "communication-prohibited": (3, 13),
        "source-quench": (4, None),
        "redirect": (5, None),
        "echo-request": (8, None),
        "ping": (8, None),
        "router-advertisement": (9, None),
        "router-solicitation": (10, None),
        "time-exceeded": (11, None),
        "ttl-exceeded": (11, None),
        "ttl-zero-during-transit": (11, 0),
        "ttl-zero-during-reassembly": (11, 1),
        "parameter-problem": (12, None),
        "timestamp-request": (13, None),
        "timestamp-reply": (14, None),
        "address-mask-request": (17, None),
        "address-mask-reply": (18, None),
    },
    6: {
        "destination-unreachable": (1, None),
        "no-route": (1, 0),
        "communication-prohibited": (1, 1),
        "beyond-scope": (1, 2),
        "address-unreachable": (1, 3),
        "port-unreachable": (1, 4),
        "failed-policy": (1, 5),
        "reject-route": (1, 6),
        "packet-too-big": (2, None),
        "time-exceeded": (3, None),
        "ttl-exceeded": (3, None),
        "ttl-zero-during-transit": (3, 0),
        "ttl-zero-during-reassembly": (3, 1),
        "parameter-problem": (4, None),
        "bad-header": (4, 0),
        "unknown-header-type": (4, 1),
        "unknown-option": (4, 2),
        "echo-request": (128, None),
        "ping": (128, None),
        "echo-reply": (129, None),
        "pong": (129, None),
        "router-solicitation": (133, None),
        "router-advertisement": (134, None),
        "neighbour-solicitation": (135, None),
        "neighbor-solicitation": (135, None),
        "neighbour-advertisement": (136, None),
        "neighbor-advertisement": (136, None),
        "redirect": (137, None),
    },
}
"""Name, type and code of the ICMP messages that iptables knows by name, in each family."""


def parse_protocol(text: str) -> int:
    """Read a protocol's name or number. Refused with ValueError."""
    name = text.lower()
    if name.isdecimal() and int(name) < 256:
        return int(name)
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    if name in OTHER_NAMES:
        return OTHER_NAMES[name]
    raise ValueError(f"{text!r} is no protocol this program knows; write its number")


def print_protocol(number: int) -> str:
    """Write a protocol as iptables-save does."""
    return PROTOCOL_NAMES.get(number, str(number))


def parse_flags(text: str) -> int:
    """Read a list of TCP flags, ``ALL`` or ``NONE``. Refused with ValueError."""
    if text.upper() == "ALL":
        return 63
    if text.upper() == "NONE":
        return 0
    total = 0
    for name in text.upper().split(","):
        if name not in FLAGS:
            raise ValueError(f"{name!r} is no TCP flag")
        total |= FLAGS[name]
    return total


def print_flags(flags: int) -> str:
    """Write TCP flags as iptables-save does."""
    return ",".join(name for name, bit in FLAGS.items() if flags & bit) or "NONE"
