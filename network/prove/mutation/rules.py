"""A rule made wider, narrower or other, by one condition or its action at a time."""

from collections.abc import Iterator
from dataclasses import replace

from network.prove.syntax.addresses import WIDTH, print_address
from network.prove.syntax.types import (
    Accept,
    Address,
    Comment,
    ConnectionAddress,
    ConnectionPort,
    ConnectionState,
    DestinationNat,
    Drop,
    Extension,
    Goto,
    IcmpType,
    Interface,
    Jump,
    Match,
    NatRange,
    Ports,
    Prefix,
    Protocol,
    Reject,
    Return,
    Rule,
    SetMember,
    Side,
    SourceNat,
    TcpFlags,
)

Variant = tuple[str, Rule]
"""What was done to a rule, and the rule that came of it."""

_BY_PROTOCOL = (Ports, TcpFlags, IcmpType)
_STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")


def variants(rule: Rule, family: int) -> Iterator[Variant]:
    """Give a rule with each of its conditions left out, widened and narrowed in turn, and with another action."""
    for place, match in enumerate(rule.header):
        for change, fresh in _changed(match, family):
            kept = (*rule.header[:place], *((fresh,) if fresh else ()), *rule.header[place + 1 :])
            if isinstance(match, Protocol):
                yield change, replace(rule, header=kept, extensions=_without_protocol(rule.extensions))
            else:
                yield change, replace(rule, header=kept)
    for number, extension in enumerate(rule.extensions):
        for place, match in enumerate(extension.matches):
            for change, fresh in _changed(match, family):
                matches = (*extension.matches[:place], *((fresh,) if fresh else ()), *extension.matches[place + 1 :])
                changed = (replace(extension, matches=matches),) if matches else ()
                extensions = (*rule.extensions[:number], *changed, *rule.extensions[number + 1 :])
                yield change, replace(rule, extensions=extensions)
    looked_at = {match.side for match in rule.header if isinstance(match, Address)}
    for side in (Side.SOURCE, Side.DESTINATION):
        if side not in looked_at:
            half = 1 << (WIDTH[family] - 1)
            yield "narrow", replace(rule, header=(Address(side, Prefix(half, half)), *rule.header))
    yield from _acting(rule, family)


def _without_protocol(extensions: tuple[Extension, ...]) -> tuple[Extension, ...]:
    """Leave out what cannot be asked for without a protocol."""
    return tuple(each for each in extensions if not any(isinstance(match, _BY_PROTOCOL) for match in each.matches))


def _changed(match: Match, family: int) -> Iterator[tuple[str, Match | None]]:
    """Give a condition in other words; None leaves it out."""
    if isinstance(match, Comment):
        return
    yield "widen", None
    wider, narrower = ("narrow", "widen") if getattr(match, "negated", False) else ("widen", "narrow")
    match match:
        case Address(prefix=prefix) | ConnectionAddress(prefix=prefix):
            yield from (
                (wider if step < 0 else narrower, replace(match, prefix=fresh))
                for step in (-1, 1)
                if (fresh := stretched(prefix, step, family)) is not None
            )
        case Ports():
            yield from _other_ports(match, wider, narrower)
        case ConnectionPort(first=first, last=last) if last < 65535:
            yield wider, replace(match, last=last + 1)
            yield "alter", replace(match, first=first + 1, last=last + 1)
        case ConnectionState(states=states):
            yield from ((wider, replace(match, states=states | {state})) for state in _STATES if state not in states)
            if len(states) > 1:
                yield from ((narrower, replace(match, states=states - {state})) for state in sorted(states))
        case IcmpType(type=kind) if kind is not None and kind < 255:
            yield "alter", replace(match, type=kind + 1)
        case SetMember() | Interface():
            yield "alter", replace(match, negated=not match.negated)
        case _:
            return


def _other_ports(match: Ports, wider: str, narrower: str) -> Iterator[tuple[str, Match]]:
    for place, (first, last) in enumerate(match.ranges):

        def instead(*fresh: tuple[int, int], place: int = place) -> Match:
            return replace(match, ranges=(*match.ranges[:place], *fresh, *match.ranges[place + 1 :]))

        if last < 65535:
            yield wider, instead((first, last + 1))
            yield "alter", instead((first + 1, last + 1))
        if first < last:
            yield narrower, instead((first + 1, last))
        if len(match.ranges) > 1:
            yield narrower, instead()


def stretched(prefix: Prefix, step: int, family: int) -> Prefix | None:
    """Give a prefix one bit longer (step 1) or shorter (-1); None where there is none, or where the mask has holes."""
    full = (1 << WIDTH[family]) - 1
    rest = prefix.mask ^ full
    if rest & (rest + 1):
        return None
    wanted = rest >> 1 if step > 0 else rest << 1 | 1
    if wanted == rest or wanted > full:
        return None
    mask = wanted ^ full
    return Prefix(prefix.address & mask, mask)


def _acting(rule: Rule, family: int) -> Iterator[Variant]:
    action = rule.action
    match action:
        case Accept():
            yield "verdict", replace(rule, action=Drop())
        case Drop() | Reject():
            yield "verdict", replace(rule, action=Accept())
        case Jump() | Goto():
            yield "verdict", replace(rule, action=Return())
            other = Goto(action.chain) if isinstance(action, Jump) else Jump(action.chain)
            yield "verdict", replace(rule, action=other)
        case DestinationNat(to=to, words=(option, _)) | SourceNat(to=to, words=(option, _)):
            for fresh in _elsewhere(to):
                yield (
                    "translation",
                    replace(rule, action=replace(action, to=fresh, words=(option, _range(fresh, family)))),
                )
        case _:
            return


def _elsewhere(to: NatRange) -> Iterator[NatRange]:
    if to.first_address is not None and to.last_address is not None:
        yield replace(to, first_address=to.first_address + 1, last_address=to.last_address + 1)
        yield replace(to, last_address=to.last_address + 1)
    if to.first_port is not None and to.last_port is not None and to.last_port < 65535:
        yield replace(to, first_port=to.first_port + 1, last_port=to.last_port + 1)


def _range(to: NatRange, family: int) -> str:
    """Write what a translation may pick from."""
    ports = _span(str(to.first_port), str(to.last_port)) if to.first_port is not None else ""
    if to.first_address is None or to.last_address is None:
        return ports
    addresses = _span(print_address(to.first_address, family), print_address(to.last_address, family))
    if not ports:
        return addresses
    return f"[{addresses}]:{ports}" if family == 6 else f"{addresses}:{ports}"


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"
