"""Addresses, prefixes and masks as text and as integers, in both families."""

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from network.prove.syntax.types import Prefix

WIDTH = {4: 32, 6: 128}
"""Bits of an address."""

_SOCKET = {4: AF_INET, 6: AF_INET6}


@lru_cache(maxsize=65536)
def parse_address(text: str, family: int) -> int:
    """Read an address. Refused with ValueError where it is none of that family."""
    try:
        return int.from_bytes(inet_pton(_SOCKET[family], text))
    except OSError as error:
        raise ValueError(f"{text!r} is no IPv{family} address") from error


def print_address(address: int, family: int) -> str:
    """Write an address as the kernel's tools do."""
    return inet_ntop(_SOCKET[family], address.to_bytes(WIDTH[family] // 8))


def mask_of(length: int, family: int) -> int:
    """Give the mask that keeps the first bits of an address."""
    width = WIDTH[family]
    if not 0 <= length <= width:
        raise ValueError(f"/{length} is no prefix length of IPv{family}")
    return (1 << width) - (1 << (width - length))


def length_of(mask: int, family: int) -> int | None:
    """Give the prefix length of a mask, or None if it has holes."""
    width = WIDTH[family]
    host = mask ^ ((1 << width) - 1)
    return width - host.bit_length() if host & (host + 1) == 0 else None


@lru_cache(maxsize=65536)
def parse_prefix(text: str, family: int) -> Prefix:
    """Read an address with or without ``/length`` or ``/mask``. Bits outside the mask are cleared."""
    address, slash, mask = text.partition("/")
    if not slash:
        bits = mask_of(WIDTH[family], family)
    elif mask.isdecimal():
        bits = mask_of(int(mask), family)
    else:
        bits = parse_address(mask, family)
    return Prefix(parse_address(address, family) & bits, bits)


def print_prefix(prefix: Prefix, family: int, *, short: bool = False) -> str:
    """Write a prefix; `short` leaves out the length of a single address."""
    address = print_address(prefix.address, family)
    length = length_of(prefix.mask, family)
    if length is None:
        return f"{address}/{print_address(prefix.mask, family)}"
    return address if short and length == WIDTH[family] else f"{address}/{length}"
