# Shorewall 5.2.8, its own example of three interfaces, with masquerading, a forwarded port, limits and a blacklist.
set -e
mount -t tmpfs none /mnt && mkdir /mnt/s /mnt/v /mnt/run && cp -a /usr/share/doc/shorewall/examples/three-interfaces/. /mnt/s && mount --bind /mnt/s /etc/shorewall
mount --bind /mnt/v /var/lib/shorewall
gunzip -f /etc/shorewall/*.gz 2>/dev/null || true
cp -n /usr/share/shorewall/configfiles/shorewall.conf /etc/shorewall/ || true
for n in 0 1 2; do ip link add eth$n type veth peer name wire$n; ip link set wire$n up; ip addr add 10.$n.0.1/24 dev eth$n; ip link set eth$n up; done; ip link set lo up
ip route add default via 10.0.0.254
cat >> /etc/shorewall/rules <<'R'
DNAT       net  loc:10.1.0.5  tcp  80,443
DNAT       net  dmz:10.2.0.8:22  tcp  2222  -  10.0.0.1
SSH(ACCEPT):info  net:198.51.100.0/24  $FW  -  -  -  -  3/min:5
Limit(SSHA,3,60):none  dmz  $FW  tcp  22
Web(ACCEPT)  loc  dmz
DROP       net:192.0.2.0/28,203.0.113.7  all
ACCEPT     loc:!10.1.0.66  net  tcp  25,465,587
REJECT     all  all  tcp  113
R
sed -i 's/^IP_FORWARDING=.*/IP_FORWARDING=Keep/;s/^OPTIMIZE=.*/OPTIMIZE=All/;s/^STARTUP_ENABLED=.*/STARTUP_ENABLED=Yes/' /etc/shorewall/shorewall.conf
shorewall start
