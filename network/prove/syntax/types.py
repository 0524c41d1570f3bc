"""What a packet filter is made of, as small frozen values: match, action, rule, chain, table and ruleset.

They say what was written, not what it means; `network.prove.semantics` says that. Addresses are integers, and the
family (4 or 6) is the ruleset's. Ports, protocols and ICMP types are numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Side(Enum):
    """Which end of a packet a match looks at."""

    SOURCE = "source"
    DESTINATION = "destination"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Prefix:
    """An address under a mask, both integers. The mask may have holes."""

    address: int
    mask: int


# Matches. Each is one condition; those of a rule hold together.


@dataclass(frozen=True, slots=True)
class Address:
    """`-s`, `-d`: the address lies under a prefix."""

    side: Side
    prefix: Prefix
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """`-i` (source), `-o` (destination): the interface has this name, or begins with it where it ends in ``+``."""

    side: Side
    name: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Protocol:
    """`-p`: the protocol of the payload."""

    number: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Fragment:
    """`-f`: a second or later fragment. Unmodelled: conntrack puts packets together before any rule sees them."""

    negated: bool = False


@dataclass(frozen=True, slots=True)
class Ports:
    """`--sport`, `--dport` of tcp, udp, sctp, dccp and udplite; `--sports`, `--dports`, `--ports` of multiport."""

    side: Side
    ranges: tuple[tuple[int, int], ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class TcpFlags:
    """`--tcp-flags`: of the flags in `mask`, exactly those in `flags` are set. FIN is bit 0, URG is bit 5."""

    mask: int
    flags: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class IcmpType:
    """`--icmp-type`, `--icmpv6-type`: type and an inclusive range of codes. Type None is any."""

    type: int | None
    first_code: int = 0
    last_code: int = 255
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """`--ctstate` of conntrack and `--state` of state: one of these holds of the packet's connection."""

    states: frozenset[str]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionAddress:
    """`--ctorigsrc`, `--ctorigdst`, `--ctreplsrc`, `--ctrepldst`: an address in the connection's tuples."""

    original: bool
    side: Side
    prefix: Prefix
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionPort:
    """`--ctorigsrcport`, `--ctorigdstport`, `--ctreplsrcport`, `--ctrepldstport`."""

    original: bool
    side: Side
    first: int
    last: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AddressRange:
    """`--src-range`, `--dst-range` of iprange, inclusive."""

    side: Side
    first: int
    last: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class SetMember:
    """`--match-set`: the packet, looked at from `sides` in turn, is in the named set. `options` are kept as written."""

    name: str
    sides: tuple[Side, ...]
    options: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AddressType:
    """`--src-type`, `--dst-type` of addrtype. `limit` is in or out: only addresses of that interface count as local."""

    side: Side
    types: tuple[str, ...]
    limit: str | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ReversePath:
    """`-m rpfilter`: a reply to the source would leave by the interface the packet came in by."""

    loose: bool = False
    valid_mark: bool = False
    accept_local: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class HopLimit:
    """`-m ttl`, `-m hl`: inclusive range of the time to live or hop limit. `word` is the option as written."""

    word: str
    first: int
    last: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """`--comment`: always holds."""

    text: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """Conditions of a module that this program can read but not model: they may hold or not."""

    words: tuple[str, ...]


Match = (
    Address
    | Interface
    | Protocol
    | Fragment
    | Ports
    | TcpFlags
    | IcmpType
    | ConnectionState
    | ConnectionAddress
    | ConnectionPort
    | AddressRange
    | SetMember
    | AddressType
    | ReversePath
    | HopLimit
    | Comment
    | Opaque
)


@dataclass(frozen=True, slots=True)
class Extension:
    """One `-m` of a rule, with its conditions in the order in which they are printed."""

    module: str
    matches: tuple[Match, ...]


# Actions: what a rule does with a packet it matches. The list is closed; what is not modelled is `Unknown`.


@dataclass(frozen=True, slots=True)
class Accept:
    """The packet passes this table's hook."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The packet is gone."""


@dataclass(frozen=True, slots=True)
class Reject:
    """The packet is gone, and its sender is told."""

    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Return:
    """Back to the calling chain; in a built-in chain, to its policy."""


@dataclass(frozen=True, slots=True)
class Jump:
    """On to another chain, and back here where that does not decide."""

    chain: str


@dataclass(frozen=True, slots=True)
class Goto:
    """On to another chain, and back to the caller of this one where that does not decide."""

    chain: str


@dataclass(frozen=True, slots=True)
class Continue:
    """The next rule, after a side effect that does not change the packet's fate. No target at all is an empty name."""

    target: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Untrack:
    """The next rule, with the packet hidden from conntrack (`NOTRACK`, `CT --notrack`)."""

    target: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NatRange:
    """What a translation may pick from, inclusive; None leaves that part as it is (or to the kernel)."""

    first_address: int | None = None
    last_address: int | None = None
    first_port: int | None = None
    last_port: int | None = None


@dataclass(frozen=True, slots=True)
class DestinationNat:
    """`DNAT`, or `REDIRECT` to this host itself."""

    target: str
    to: NatRange
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceNat:
    """`SNAT`, or `MASQUERADE` behind the address of the interface the packet leaves by."""

    target: str
    to: NatRange
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """A target that this program can read but not model: anything may happen to the packet."""

    target: str
    words: tuple[str, ...] = ()


Action = Accept | Drop | Reject | Return | Jump | Goto | Continue | Untrack | DestinationNat | SourceNat | Unknown


@dataclass(frozen=True, slots=True)
class Counters:
    """Packets and bytes seen."""

    packets: int
    bytes: int


FLOW_MARK = "flow:"
"""How the comment of a rule that carries a flow begins; the flow's id follows."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `header` are the conditions outside any module. `line` and `text` are where and how it was written."""

    header: tuple[Match, ...]
    extensions: tuple[Extension, ...]
    action: Action
    counters: Counters | None = field(default=None, compare=False)
    line: int = field(default=0, compare=False)
    text: str = field(default="", compare=False)

    @property
    def matches(self) -> tuple[Match, ...]:
        """All its conditions."""
        return self.header + tuple(match for extension in self.extensions for match in extension.matches)

    @property
    def comment(self) -> str:
        """The text of its comments, joined by blanks."""
        return " ".join(match.text for match in self.matches if isinstance(match, Comment))

    @property
    def flow(self) -> str | None:
        """The id of the flow that the rule's comment names."""
        for match in self.matches:
            if isinstance(match, Comment) and match.text.startswith(FLOW_MARK):
                return match.text.removeprefix(FLOW_MARK)
        return None


@dataclass(frozen=True, slots=True)
class Chain:
    """A list of rules. A built-in chain has a policy (ACCEPT or DROP); others have None."""

    name: str
    policy: str | None
    rules: tuple[Rule, ...]
    counters: Counters | None = field(default=None, compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Table:
    """The chains of filter, nat, mangle, raw or security, by name, in the order written."""

    name: str
    chains: Mapping[str, Chain]


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All tables of one family, by name, in the order written. `where` is the file, for messages."""

    family: int
    tables: Mapping[str, Table]
    where: str = field(default="", compare=False)
