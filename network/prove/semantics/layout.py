"""The fields of a packet, in the order in which the diagrams look at them.

State and interfaces come first, for they cut the rules of a hook into few and very different parts; destination before
port and source keeps the packets for one host together (measured: this order builds 5,000 random rules 20 % faster than
port first, and lets the composition pick out a host without walking the whole diagram).
"""

from enum import IntEnum

from network.prove.engine.intervals import Intervals
from network.prove.syntax.addresses import WIDTH


class Field(IntEnum):
    """A field's place in a packet.

    `ODST` and `ODPORT` are destination and port before this host translated them; they only matter to rules that ask
    for the connection's original tuple. `DPORT` of ICMP is type * 256 + code. `HOPS` is the time to live or hop limit.
    """

    STATE = 0
    IIF = 1
    OIF = 2
    PROTO = 3
    DST = 4
    ODST = 5
    DPORT = 6
    ODPORT = 7
    SRC = 8
    SPORT = 9
    FLAGS = 10
    HOPS = 11


class State(IntEnum):
    """What conntrack says of a packet."""

    NEW = 0
    ESTABLISHED = 1
    RELATED = 2
    INVALID = 3
    UNTRACKED = 4


INTERFACES = 1 << 16
"""The most interfaces that one host can have. 0 stands for none (a packet that this host itself sends or takes in)."""


def sizes(family: int) -> tuple[int, ...]:
    """Give the number of values of each field."""
    addresses = 1 << WIDTH[family]
    return (len(State), INTERFACES, INTERFACES, 256, addresses, addresses, 65536, 65536, addresses, 65536, 64, 256)


def one(value: int) -> Intervals:
    """Give the set of a single value."""
    return ((value, value),)
