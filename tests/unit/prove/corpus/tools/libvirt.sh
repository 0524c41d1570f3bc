# libvirt 9.0.0: its default network with NAT, a routed one, an isolated one, and one with IPv6.
set -e
mount -t tmpfs none /mnt && mkdir -p /mnt/run /mnt/lib /mnt/cache /mnt/log && cp -a /etc/libvirt /mnt/e && mount --bind /mnt/e /etc/libvirt && mount --bind /mnt/run /run && mount --bind /mnt/lib /var/lib/libvirt && mount --bind /mnt/log /var/log/libvirt && mount --bind /mnt/cache /var/cache/libvirt
mkdir -p /var/lib/libvirt/dnsmasq /var/lib/libvirt/network; ip link set lo up
rm -rf /etc/libvirt/qemu/networks/*
libvirtd --daemon
for i in 1 2 3 4 5 6 7 8; do sleep 1; virsh -q version && break; done
cat > /mnt/n1 <<'R'
<network><name>nat</name><forward mode="nat"><nat ipv6="yes"><port start="2000" end="65000"/></nat></forward><bridge name="virbr0"/><ip address="192.168.122.1" netmask="255.255.255.0"><dhcp><range start="192.168.122.2" end="192.168.122.99"/></dhcp></ip><ip family="ipv6" address="2001:db8:122::1" prefix="64"/></network>
R
cat > /mnt/n2 <<'R'
<network><name>routed</name><forward mode="route" dev="eth0"/><bridge name="virbr1"/><ip address="10.55.0.1" netmask="255.255.255.0"/></network>
R
cat > /mnt/n3 <<'R'
<network><name>isolated</name><bridge name="virbr2"/><ip address="10.56.0.1" netmask="255.255.255.0"/></network>
R
for n in 1 2 3; do virsh net-create /mnt/n$n; done
