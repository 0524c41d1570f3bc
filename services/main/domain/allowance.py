"""How often something may be tried."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address


@dataclass(frozen=True, slots=True)
class Allowance:
    """`burst` tries at once, and one more every `every` seconds."""

    burst: int
    every: float


# An account can be guessed at 2,880 times a day, an address can guess 28,800 times; neither is locked for good.
SIGN_IN_BY_ACCOUNT = Allowance(20, 30.0)
SIGN_IN_BY_ADDRESS = Allowance(100, 3.0)
REGISTRATION = Allowance(20, 60.0)
# What is said on one chat's socket, marks included: a person is slower, a client that was offline may bring a heap.
CHAT = Allowance(100, 0.1)


class Meter:
    """An allowance that one connection uses up, kept in memory (the generic cell rate algorithm)."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._spent_until = 0.0

    def spend(self, now: float) -> float:
        """Take one at a moment of a clock that never goes back; the seconds to wait before it is there."""
        self._spent_until = max(self._spent_until, now) + self._allowance.every
        return max(0.0, self._spent_until - now - self._allowance.every * self._allowance.burst)


def account(name: str) -> str:
    """What counts for a user's name, casefolded, whether there is such a user or not."""
    return f"sign-in account {name}"


def network(address: str) -> str:
    """An address as it is counted: in IPv6 its /64, which is what one subscriber has at least (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(IPv6Address(int(found) >> 64 << 64)) + "/64"
    return str(found)
