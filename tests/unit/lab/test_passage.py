from network.lab.passage import rules
from tests.unit.lab.fleet import model

INNER = ("192.168.57.0/24", "192.168.60.0/24", "192.168.61.0/24")


def test_visitors_are_not_translated_on_their_way_inwards() -> None:
    assert rules(model())["nat"] == tuple(f"-s 192.168.56.0/24 -d {network} -j ACCEPT" for network in INNER)


def test_packets_that_cross_several_bridges_are_not_dropped() -> None:
    assert rules(model())["raw"] == tuple(f"-d {network} -j ACCEPT" for network in INNER)
