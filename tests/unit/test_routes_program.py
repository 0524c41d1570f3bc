"""The host's routes program: what it reads from its list."""

import pytest

from tests.unit.deployed import deployed

program = deployed("roles/router/files/sallyport_routes.py")


def test_ways_come_before_walls() -> None:
    text = "# made\n10.0.0.0/8 unreachable\ndefault via 192.168.56.1  # out\n2001:db8::/32 via fe80::1\n"
    assert program.wanted(text) == [
        ("-4", "default", "192.168.56.1"),
        ("-6", "2001:db8::/32", "fe80::1"),
        ("-4", "10.0.0.0/8", "unreachable"),
    ]


def test_the_whole_world_is_called_default() -> None:
    assert program.wanted("0.0.0.0/0 via 192.168.56.1\n::/0 via fe80::1\n") == [
        ("-4", "default", "192.168.56.1"),
        ("-6", "default", "fe80::1"),
    ]


def test_a_single_address_is_written_as_ip_shows_it() -> None:
    """Otherwise a route just set would be taken for a stale one, and removed."""
    assert program.wanted("192.0.2.80/32 via 192.168.56.1\n2001:db8::0:1/128 unreachable\n") == [
        ("-4", "192.0.2.80", "192.168.56.1"),
        ("-6", "2001:db8::1", "unreachable"),
    ]


@pytest.mark.parametrize("line", ["default", "default through 1.1.1.1", "default via", "default via 1.1.1.1 dev eth0"])
def test_another_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="cannot read the line"):
        program.wanted(line)
