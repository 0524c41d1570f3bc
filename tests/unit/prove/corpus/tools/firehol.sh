# FireHOL 3.1.7: a router with three sides, protections, a forwarded port and a squid that is not to be passed by.
set -e
mount -t tmpfs none /mnt && mkdir /mnt/f /mnt/s && mount --bind /mnt/f /etc/firehol && mkdir -p /var/spool/firehol && mount --bind /mnt/s /var/spool/firehol
for n in 0 1 2; do ip link add eth$n type veth peer name wire$n; ip link set wire$n up; ip addr add 10.$n.0.1/24 dev eth$n; ip addr add 2001:db8:$n::1/64 dev eth$n; ip link set eth$n up; done; ip link set lo up
cat > /etc/firehol/firehol.conf <<'R'
version 6
ipv4 dnat to 10.1.0.5 inface eth0 proto tcp dport 443
ipv4 masquerade eth0
interface eth0 internet
    protection strong 10/sec 10
    server "ssh http" accept with limit 5/min 3
    server icmp accept
    client all accept
interface4 eth1 home src 10.1.0.0/24
    policy reject
    server "dns dhcp samba squid" accept
    client "ssh" accept
router home2internet inface eth1 outface eth0
    client all accept
    ipv4 server https accept src not "192.0.2.0/24 203.0.113.0/24"
router dmz2home inface eth2 outface eth1
    ipv4 route "mysql" accept dst 10.1.0.9
R
echo START_FIREHOL=YES > /mnt/default; mount --bind /mnt/default /etc/default/firehol
firehol start </dev/null
