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


def account(name: str) -> str:
    """What counts for a user's name, whether there is such a user or not."""
    return f"sign-in account {name.casefold()}"


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
