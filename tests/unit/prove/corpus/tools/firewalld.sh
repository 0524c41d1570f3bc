# firewalld 1.3.3 with its iptables backend: zones, rich rules, a policy between zones, forwarded ports, an ipset.
set -e
mount -t tmpfs none /mnt && mkdir -p /mnt/run/dbus && cp -a /etc/firewalld /mnt/ && mount --bind /mnt/firewalld /etc/firewalld && mount --bind /mnt/run /run
sed -i 's/^FirewallBackend=.*/FirewallBackend=iptables/;s/^LogDenied=.*/LogDenied=unicast/' /etc/firewalld/firewalld.conf
for n in 0 1 2; do ip link add eth$n type veth peer name wire$n; ip link set wire$n up; ip addr add 10.$n.0.1/24 dev eth$n; ip link set eth$n up; done; ip link set lo up
dbus-daemon --system --fork --nopidfile
firewalld --nofork --nopid & firewalld=$!
for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; firewall-cmd --state 2>/dev/null && break; done
c() { firewall-cmd -q "$@"; }
c --permanent --new-ipset=blocked --type=hash:net && c --permanent --ipset=blocked --add-entry=192.0.2.0/24 && c --reload
c --zone=external --add-interface=eth0; c --zone=internal --add-interface=eth1; c --zone=dmz --add-interface=eth2
c --zone=drop --add-source=ipset:blocked
c --zone=work --add-source=198.51.100.0/24; c --zone=work --add-service=postgresql
c --zone=external --add-forward-port=port=8443:proto=tcp:toport=443:toaddr=10.2.0.5
c --zone=external --add-rich-rule='rule family=ipv4 source address=203.0.113.0/25 service name=http log prefix="web " level=info limit value=3/m accept'
c --zone=external --add-rich-rule='rule family=ipv6 source not address=2001:db8::/32 port port=8000-8010 protocol=udp reject'
c --zone=internal --add-port=3000-3010/tcp; c --zone=internal --add-icmp-block=redirect
c --zone=dmz --add-icmp-block-inversion
c --permanent --new-policy=inward && c --permanent --policy=inward --add-ingress-zone=dmz && c --permanent --policy=inward --add-egress-zone=internal && c --permanent --policy=inward --set-target=REJECT && c --permanent --policy=inward --add-service=mysql
firewall-cmd --runtime-to-permanent -q && c --reload
