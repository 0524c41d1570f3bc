"""Random rulesets, sets and packets, drawn from few addresses, ports and names so that rules overlap often."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from network.prove.engine.intervals import Intervals
from network.prove.semantics.layout import State
from network.prove.semantics.packet import Packet
from network.prove.semantics.surroundings import Interfaces, Surroundings
from network.prove.syntax.addresses import parse_address
from network.prove.syntax.sets import parse_sets

INTERFACES = ("lo", "eth0", "eth1", "tun0")
ADDRESSES = {
    4: ("10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.2.3", "192.0.2.7", "203.0.113.9", "224.0.0.5", "0.0.0.3"),
    6: ("2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fe80::1", "ff02::1", "::1", "2001:db8:2::9"),
}
PREFIXES = {
    4: ("10.0.0.0/8", "10.0.0.0/24", "10.0.0.1", "10.0.1.0/24", "192.0.2.0/24", "0.0.0.0/0", "10.0.0.0/255.0.255.0"),
    6: ("2001:db8::/32", "2001:db8::/64", "2001:db8::1", "fe80::/10", "ff00::/8", "::/0"),
}
PORTS = (22, 53, 80, 443, 1024)
SETS = {
    4: """create hosts hash:ip family inet
add hosts 10.0.0.1
add hosts 192.0.2.7
create nets hash:net family inet
add nets 10.0.0.0/8
add nets 10.0.1.0/24 nomatch
add nets 10.0.1.1
create fading hash:ip family inet timeout 30
add fading 10.0.0.2 timeout 7
create pairs hash:ip,port family inet
add pairs 10.0.0.1,tcp:80
add pairs 10.0.0.2,udp:53
add pairs 10.0.0.2,icmp:8/0
create legs hash:net,iface family inet
add legs 10.0.0.0/24,eth0
create ports bitmap:port range 0-1024
add ports 22
add ports 80
create six hash:ip family inet6
add six 2001:db8::1
create all list:set size 8
add all hosts
add all fading
""",
    6: """create hosts hash:ip family inet6
add hosts 2001:db8::1
create nets hash:net family inet6
add nets 2001:db8::/32
add nets 2001:db8:1::/64 nomatch
create fading hash:ip family inet6 timeout 30
add fading 2001:db8::2 timeout 7
create pairs hash:ip,port family inet6
add pairs 2001:db8::1,tcp:80
add pairs 2001:db8::2,ipv6-icmp:128/0
create legs hash:net,iface family inet6
add legs 2001:db8::/64,eth0
create ports bitmap:port range 0-1024
add ports 22
create six hash:ip family inet
add six 10.0.0.1
create all list:set size 8
add all hosts
add all fading
""",
}
TRANSLATIONS = {4: ("10.0.0.2", "10.0.1.1"), 6: ("2001:db8::2", "2001:db8:1::1")}


@dataclass(frozen=True)
class Style:
    """What may appear in a ruleset."""

    family: int = 4
    open_conditions: bool = True
    interfaces: bool = True
    connections: bool = True
    sets: bool = True
    host: bool = True
    loadable: bool = False


def surroundings(family: int) -> Surroundings:
    """Give a host with two segments: the first network behind eth0, the second behind eth1."""

    def span(text: str) -> tuple[int, int]:
        first, _, last = text.partition("-")
        low = parse_address(first, family)
        return low, parse_address(last or first, family)

    broadcast: Intervals = ()
    strict: dict[int, Intervals]
    if family == 4:
        local: Intervals = (span("10.0.0.1"), span("10.0.1.1"), span("127.0.0.0-127.255.255.255"))
        broadcast = (span("10.0.0.255"), span("10.0.1.255"))
        strict = {2: (span("10.0.0.0-10.0.0.255"),), 3: (span("10.0.1.0-10.0.1.255"), span("192.0.2.0-192.0.2.255"))}
    else:
        local = (span("::1"), span("2001:db8::1"))
        strict = {2: (span("2001:db8::-2001:db8::ffff"), span("fe80::-fe80::ffff")), 3: (span("2001:db8:1::1"),)}
    loose = tuple(sorted(part for parts in strict.values() for part in parts))
    sets = parse_sets(SETS[family], "sets")
    return Surroundings(Interfaces(INTERFACES), sets, local, broadcast, strict, loose, ((1, 1),))


def _not(random: Random) -> str:
    return "! " if random.random() < 0.2 else ""


def _negatable(random: Random, option: str, value: str, style: Style) -> str:
    """Iptables does not load a rule that denies everything in this way."""
    everything = value in {"0.0.0.0/0", "::/0", "+"}
    return f"{'' if style.loadable and everything else _not(random)}{option} {value}"


def _header(random: Random, style: Style, hook: str) -> tuple[list[str], str]:
    words: list[str] = []
    if random.random() < 0.4:
        words.append(_negatable(random, "-s", random.choice(PREFIXES[style.family]), style))
    if random.random() < 0.4:
        words.append(_negatable(random, "-d", random.choice(PREFIXES[style.family]), style))
    names = ("eth0", "eth1", "eth+", "tun0", "+")
    if style.interfaces and hook != "OUTPUT" and random.random() < 0.2:
        words.append(_negatable(random, "-i", random.choice(names), style))
    if style.interfaces and hook in {"OUTPUT", "FORWARD"} and random.random() < 0.2:
        words.append(_negatable(random, "-o", random.choice(names), style))
    icmp = "icmp" if style.family == 4 else "ipv6-icmp"
    protocol = random.choice(("tcp", "tcp", "tcp", "udp", "udp", icmp, "gre", "", ""))
    if protocol:
        words.append(f"{'! ' if random.random() < 0.1 else ''}-p {protocol}")
    return words, "" if words and words[-1].startswith("! -p") else protocol


def _ports(random: Random) -> str:
    first = random.choice(PORTS)
    return str(first) if random.random() < 0.6 else f"{first}:{first + random.randrange(1, 500)}"


def _of_protocol(random: Random, protocol: str, style: Style) -> str:
    if protocol in {"icmp", "ipv6-icmp"}:
        if style.family == 4:
            return f"-m icmp {_not(random)}--icmp-type {random.choice(('8', '0', '3', '3/1', '11', 'any'))}"
        return f"-m icmp6 {_not(random)}--icmpv6-type {random.choice(('128', '135', '1', '1/3'))}"
    if protocol not in {"tcp", "udp"}:
        return ""
    listed = ",".join(str(port) for port in random.sample(PORTS, 2))
    choices = [
        f"-m {protocol} {_not(random)}--dport {_ports(random)}",
        f"-m {protocol} {_not(random)}--sport {_ports(random)} --dport {_ports(random)}",
        f"-m multiport {_not(random)}--dports {listed},{_ports(random)}",
        f"-m multiport {_not(random)}--ports {listed}",
    ]
    if protocol == "tcp":
        choices.append(f"-m tcp {_not(random)}--tcp-flags FIN,SYN,RST,ACK SYN")
        choices.append(
            f"-m tcp --dport {_ports(random)} {_not(random)}--tcp-flags SYN,ACK {random.choice(('ACK', 'NONE'))}"
        )
    return random.choice(choices)


def _extras(random: Random, style: Style, hook: str, table: str) -> list[str]:
    prefix = random.choice(PREFIXES[style.family])
    low, high = sorted(random.sample(ADDRESSES[style.family], 2), key=lambda text: parse_address(text, style.family))
    hops = "-m ttl --ttl-gt" if style.family == 4 else "-m hl --hl-gt"
    choices = [
        f"-m iprange {_not(random)}--{random.choice(('src', 'dst'))}-range {low}-{high}",
        f'-m comment --comment "it is \\"{random.randrange(9)}\\""',
        f"{hops} 63",
    ]
    if style.sets:
        names = ("hosts", "nets", "fading", "ports", "all", "pairs", "pairs", "legs")
        name = random.choice(names if style.loadable else (*names, "six"))
        second = "dst" if hook in {"OUTPUT", "POSTROUTING"} else "src"
        first = random.choice(("src", "dst"))
        sides = {"pairs": f"{first},{random.choice(('src', 'dst'))}", "legs": f"{first},{second}"}.get(name, first)
        if style.open_conditions or name not in {"fading", "all"}:
            choices.append(f"-m set {_not(random)}--match-set {name} {sides}")
    if style.connections and table != "raw":
        states = ",".join(random.sample(("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"), 2))
        choices += [
            f"-m conntrack {_not(random)}--ctstate {states}",
            f"-m state --state {states}",
            f"-m conntrack --ctstate NEW {_not(random)}--ctorigdst {prefix}",
            f"-m conntrack {_not(random)}--ctorigdstport {_ports(random)}",
            f"-m conntrack {_not(random)}--ctstate DNAT,INVALID",
            f"-m conntrack --ctreplsrc {prefix}",
        ]
    if style.host:
        choices.append(f"-m addrtype {_not(random)}--dst-type {random.choice(('LOCAL', 'MULTICAST'))}")
        if hook == "PREROUTING" and table != "nat":
            choices.append(
                f"-m rpfilter{random.choice(('', ' --loose', ' --accept-local'))}{random.choice(('', ' --invert'))}"
            )
    if style.open_conditions:
        choices += ["-m limit --limit 3/min", "-m mark --mark 0x1", "-m conntrack --ctstatus ASSURED"]
    return [random.choice(choices) for _ in range(random.choice((0, 0, 1, 1, 2)))]


def seeded(seed: int) -> Random:
    """Give random choices that a test repeats."""
    return Random(seed)  # noqa: S311 (nothing secret depends on it)


def _rule(random: Random, style: Style, where: tuple[str, str, str], targets: Sequence[str]) -> str:
    """Give a rule; `where` is table, hook and chain."""
    table, hook, chain = where
    words, protocol = _header(random, style, hook)
    words.append(_of_protocol(random, protocol, style) if random.random() < 0.7 else "")
    words += _extras(random, style, hook, table)
    target = random.choice(targets)
    if target in {"DNAT", "SNAT", "REDIRECT", "MASQUERADE"}:
        address = random.choice(TRANSLATIONS[style.family])
        option = {"DNAT": f"--to-destination {address}", "SNAT": f"--to-source {address}"}.get(target, "")
        target = f"-j {target} {option}"
    elif target:
        target = f"-g {target[1:]}" if target.startswith("@") else f"-j {target}"
    return " ".join(word for word in ("-A", chain, *words, target) if word)


def ruleset(random: Random, style: Style, table: str, hook: str, rules: int) -> str:
    """Give a table with rules for one built-in chain, `hook`, and up to three more chains that only call onwards."""
    own = [f"C{number}" for number in range(random.randrange(4))]
    verdicts = {
        "nat": ["ACCEPT", "RETURN", "DNAT", "DNAT", "REDIRECT"] if hook != "POSTROUTING" else ["ACCEPT", "SNAT"],
        "raw": ["ACCEPT", "DROP", "RETURN", "NOTRACK"],
    }.get(table, ["ACCEPT", "ACCEPT", "DROP", "DROP", "REJECT", "RETURN", "LOG", ""])
    if table == "mangle":
        verdicts.remove("REJECT")
    policy = "ACCEPT" if table == "nat" else random.choice(("ACCEPT", "DROP"))
    lines = [f"*{table}", f":{hook} {policy} [0:0]", *(f":{name} - [0:0]" for name in own)]
    for number, chain in enumerate([hook, *own]):
        onward = own[number:]
        targets = [*verdicts, *onward, *onward, *(f"@{name}" for name in onward)]
        lines += [_rule(random, style, (table, hook, chain), targets) for _ in range(random.randrange(rules))]
    return "\n".join([*lines, "COMMIT", ""])


def packet(random: Random, family: int, hook: str, *, translated: bool = False) -> Packet:
    """Give a packet that such rules can tell apart."""
    addresses = [parse_address(text, family) for text in ADDRESSES[family]]
    near = [address + step for address in addresses for step in (0, 0, 1)]
    protocol = random.choice((6, 6, 17, 17, 1 if family == 4 else 58, 47))
    ports = [port + step for port in PORTS for step in (-1, 0, 0, 1)]
    codes = (8 << 8, 0, 3 << 8, (3 << 8) + 1, 128 << 8, 135 << 8, (1 << 8) + 3)
    return Packet(
        family=family,
        state=random.choice(list(State)),
        iif="" if hook in {"OUTPUT", "POSTROUTING"} else random.choice(INTERFACES),
        oif="" if hook in {"INPUT", "PREROUTING"} else random.choice(INTERFACES),
        protocol=protocol,
        src=random.choice(near),
        dst=random.choice(near),
        sport=random.choice(ports),
        dport=random.choice(codes) if protocol in {1, 58} else random.choice(ports),
        flags=random.choice((2, 2, 16, 18, 0, 63)),
        hops=random.choice((1, 63, 64, 255)),
        original_dst=random.choice(near) if translated else None,
        original_dport=random.choice(ports) if translated else None,
    )
