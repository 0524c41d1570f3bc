import subprocess

import pytest

from network.errors import UserError
from network.lab.bootstrap import jump_host, script
from tests.unit.lab.fleet import model

EDGE = """\
if [ ! -e /etc/systemd/system/sallyport-routes.service ]; then
    ip route replace default via 192.168.56.1
    ip route replace 192.168.60.0/24 via 192.168.57.3
    ip route replace 192.168.61.0/24 via 192.168.57.3
    echo 1 > /proc/sys/net/ipv4/ip_forward
    :
fi
if [ ! -e /etc/sallyport/firewall/rules.v4 ]; then
    iptables-restore <<'EOF'
*nat
-A PREROUTING -d 192.168.56.2 -p tcp --dport 22 -j DNAT --to-destination 192.168.61.10
-A POSTROUTING -d 192.168.57.0/24 -j RETURN
-A POSTROUTING -d 192.168.60.0/24 -j RETURN
-A POSTROUTING -d 192.168.61.0/24 -j RETURN
-A POSTROUTING -s 192.168.57.0/24 -j SNAT --to-source 192.168.56.2
-A POSTROUTING -s 192.168.60.0/24 -j SNAT --to-source 192.168.56.2
-A POSTROUTING -s 192.168.61.0/24 -j SNAT --to-source 192.168.56.2
COMMIT
EOF
fi
"""


def of(host: str) -> str:
    given = model()
    return script(given, given.fleet.hosts[host])


def test_edge_lets_in_to_the_jump_host_and_lends_its_address_outwards() -> None:
    assert of("edge1") == EDGE


def test_inner_host_has_routes_and_no_translation() -> None:
    said = of("web1")
    assert "ip route replace default via 192.168.57.2" in said
    assert "ip route replace 192.168.61.0/24 via 192.168.57.3" in said
    assert "ip_forward" not in said
    assert "NAT" not in said


def test_visitor_knows_no_inner_network() -> None:
    assert [line.strip() for line in of("client1").splitlines() if "ip route" in line] == [
        "ip route replace default via 192.168.56.1"
    ]


@pytest.mark.parametrize("host", sorted(model().fleet.hosts))
def test_script_is_shell(host: str) -> None:
    subprocess.run(["sh", "-n"], input=of(host), text=True, check=True)


def test_policy_without_a_way_in_refused() -> None:
    with pytest.raises(UserError, match="no published flow to a host in the management zone"):
        jump_host(model(way_in=False))
