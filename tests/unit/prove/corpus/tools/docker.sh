# Docker 20.10.24, an engine of its own: bridge networks (one internal, one without masquerading), published ports, a rule of the user.
set -e
mount -t tmpfs none /mnt && mkdir -p /mnt/run /mnt/lib && mount --bind /mnt/run /run
ip link add eth0 type veth peer name wire0; ip link set wire0 up; ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up; ip link set lo up
ip route add default via 10.0.0.254
dockerd --data-root /mnt/lib --exec-root /mnt/run/d -H unix:///mnt/d.sock --pidfile /mnt/d.pid --storage-driver vfs --experimental --ip6tables > /mnt/log 2>&1 &
d() { docker -H unix:///mnt/d.sock "$@"; }
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 1; d version >/dev/null 2>&1 && break; done
mkdir -p /mnt/root/bin /mnt/root/lib64 /mnt/root/lib/x86_64-linux-gnu && cp /bin/sleep /mnt/root/bin && cp /lib64/ld-linux-x86-64.so.2 /mnt/root/lib64 && cp /lib/x86_64-linux-gnu/libc.so.6 /mnt/root/lib/x86_64-linux-gnu
tar -C /mnt/root -c . | d import - sleeper
d network create --subnet 172.30.0.0/24 --ipv6 --subnet 2001:db8:30::/64 front
d network create --subnet 172.31.0.0/24 --internal back
d network create --subnet 172.29.0.0/24 -o com.docker.network.bridge.enable_ip_masquerade=false -o com.docker.network.bridge.enable_icc=false plain
d run -d --network front -p 8080:80 -p 127.0.0.1:5432:5432 sleeper /bin/sleep 600
d run -d --network front -p 10.0.0.1:5000-5002:6000-6002/udp sleeper /bin/sleep 600
d run -d --network plain -p 8443:443 sleeper /bin/sleep 600
iptables -I DOCKER-USER -i eth0 -s 192.0.2.0/24 -j DROP
