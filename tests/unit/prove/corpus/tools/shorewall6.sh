# Shorewall6 5.2.8, its own example of two interfaces, optimised, with a service inside and a blocked network.
set -e
mount -t tmpfs none /mnt && mkdir /mnt/s /mnt/v && cp -a /usr/share/doc/shorewall6/examples/two-interfaces/. /mnt/s && mount --bind /mnt/s /etc/shorewall6
mount --bind /mnt/v /var/lib/shorewall6
gunzip -f /etc/shorewall6/*.gz 2>/dev/null || true
for n in 0 1; do ip link add eth$n type veth peer name wire$n; ip link set wire$n up; ip addr add 2001:db8:$n::1/64 dev eth$n; ip link set eth$n up; done; ip link set lo up
ip route add default via 2001:db8::fe
cat >> /etc/shorewall6/rules <<'R'
ACCEPT  net  loc:<2001:db8:1::5>  tcp  80,443
ACCEPT  net:<2001:db8:77::/48>  $FW  tcp  22
DROP    net:<2001:db8:bad::/48>  all
ACCEPT  loc  net  udp  123,500
R
sed -i 's/^IP_FORWARDING=.*/IP_FORWARDING=Keep/;s/^OPTIMIZE=.*/OPTIMIZE=All/;s/^STARTUP_ENABLED=.*/STARTUP_ENABLED=Yes/' /etc/shorewall6/shorewall6.conf
shorewall6 start
