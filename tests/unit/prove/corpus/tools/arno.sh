# arno-iptables-firewall 2.1.1: NAT for two networks, a DMZ, forwarded ports, open and refused hosts.
set -e
mount -t tmpfs none /mnt && cp -a /etc/arno-iptables-firewall /mnt/a && mount --bind /mnt/a /etc/arno-iptables-firewall
for n in 0 1 2; do ip link add eth$n type veth peer name wire$n; ip link set wire$n up; ip addr add 10.$n.0.1/24 dev eth$n; ip link set eth$n up; done; ip link set lo up
ip route add default via 10.0.0.254
cat > /etc/arno-iptables-firewall/conf.d/made.conf <<'R'
EXT_IF="eth0"
EXT_IF_DHCP_IP=0
INT_IF="eth1"
INTERNAL_NET="10.1.0.0/24"
DMZ_IF="eth2"
DMZ_NET="10.2.0.0/24"
NAT=1
NAT_INTERNAL_NET="10.1.0.0/24 10.2.0.0/24"
NAT_FORWARD_TCP="443>10.2.0.5 198.51.100.0/24~2222>10.1.0.9~22"
OPEN_TCP="22 80"
OPEN_UDP="1194"
HOST_OPEN_TCP="203.0.113.0/24>5432"
DENY_TCP_OUTPUT="25"
LAN_INET_DENY_TCP="6881:6889"
DMZ_LAN_HOST_OPEN_TCP="10.2.0.5>10.1.0.9~3306"
BLOCK_HOSTS="192.0.2.0/25 192.0.2.200"
IPV6_SUPPORT=1
R
chmod 600 /etc/arno-iptables-firewall/conf.d/made.conf
mount --bind /mnt/a /var/lib/arno-iptables-firewall 2>/dev/null || true
arno-iptables-firewall start
