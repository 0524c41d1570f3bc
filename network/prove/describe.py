"""Sets of packets in words that an engineer reads at once."""

from collections.abc import Iterator, Mapping

from network.prove.engine.diagram import Diagrams, Node
from network.prove.engine.intervals import Intervals, complement
from network.prove.semantics.layout import Field
from network.prove.syntax.addresses import print_address
from network.prove.syntax.numbers import ICMP, ICMPV6, WITH_PORTS, print_flags, print_protocol

MOST_PIECES = 4
"""More pieces than this are counted, not listed."""


def ranges(intervals: Intervals, family: int) -> str:
    """Give addresses as prefixes and ranges; what leaves out little is given by what it leaves out."""
    size = 1 << (32 if family == 4 else 128)
    left_out = complement(intervals, size)
    if not left_out:
        return "anywhere"
    if len(left_out) < len(intervals) and len(left_out) <= MOST_PIECES:
        return f"anywhere but {_list(left_out, family)}"
    return _list(intervals, family)


def _list(intervals: Intervals, family: int) -> str:
    shown = [_span(first, last, family) for first, last in intervals[:MOST_PIECES]]
    more = len(intervals) - len(shown)
    return ", ".join(shown) + (f" and {more} more ranges" if more else "")


def _span(first: int, last: int, family: int) -> str:
    size = last - first + 1
    if size & (size - 1) == 0 and first % size == 0:
        length = (32 if family == 4 else 128) - (size.bit_length() - 1)
        return print_address(first, family) + (f"/{length}" if size > 1 else "")
    return f"{print_address(first, family)}-{print_address(last, family)}"


def numbers(intervals: Intervals) -> str:
    """Give numbers and ranges of numbers."""
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in intervals[: 2 * MOST_PIECES]]
    more = len(intervals) - len(shown)
    return ",".join(shown) + (f" and {more} more" if more else "")


def service(box: Mapping[int, Intervals]) -> str:
    """Give protocol and destination port of a box."""
    protocols = box.get(Field.PROTO)
    ports = box.get(Field.DPORT)
    if protocols is None:
        return "any protocol" + (f", port {numbers(ports)}" if ports else "")
    single = protocols[0][0] if len(protocols) == 1 and protocols[0][0] == protocols[0][1] else None
    if single is None:
        return f"protocols {numbers(protocols)}" + (f", port {numbers(ports)}" if ports else "")
    name = print_protocol(single)
    if ports is None:
        return f"{name}, any port" if single in WITH_PORTS else name
    if single in {ICMP, ICMPV6}:
        kinds = ((first >> 8, last >> 8) for first, last in ports)
        return f"{name} type {numbers(tuple(kinds))}"
    return f"{name}/{numbers(ports)}"


def boxes(diagrams: Diagrams, node: Node, family: int) -> Iterator[str]:
    """Give a set of packets, part by part: service, sources, destinations, and what else it asks for."""
    for box in diagrams.boxes(node):
        everywhere: Intervals = ((0, (1 << (32 if family == 4 else 128)) - 1),)
        source = ranges(box.get(Field.SRC, everywhere), family)
        destination = ranges(box.get(Field.DST, everywhere), family)
        extra = []
        if Field.SPORT in box:
            extra.append(f"source port {numbers(box[Field.SPORT])}")
        if Field.FLAGS in box and len(box[Field.FLAGS]) == 1 and box[Field.FLAGS][0][0] == box[Field.FLAGS][0][1]:
            extra.append(f"flags {print_flags(box[Field.FLAGS][0][0])}")
        if Field.HOPS in box:
            extra.append(f"hop limit {numbers(box[Field.HOPS])}")
        yield f"{service(box)} from {source} to {destination}" + (f" ({', '.join(extra)})" if extra else "")
