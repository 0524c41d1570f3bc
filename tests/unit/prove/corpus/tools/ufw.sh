# ufw 0.36.2: a server with limits, a forbidden network, a forwarded port and logging.
set -e
mount -t tmpfs none /mnt && cp -a /etc/ufw /mnt/ && mount --bind /mnt/ufw /etc/ufw
ip link add eth0 type veth peer name wire0 && ip addr add 203.0.113.5/24 dev eth0 && ip link set eth0 up && ip link set lo up
ip link add eth1 type veth peer name wire1 && ip link set eth1 up
ufw default deny incoming
ufw default reject routed
ufw logging medium
ufw limit 22/tcp comment 'operators'
ufw allow from 198.51.100.0/24 to any port 5432,6432 proto tcp
ufw allow in on eth1 to any port 53
ufw deny from 192.0.2.0/25
ufw reject out 25/tcp
ufw route allow in on eth0 out on eth1 to 10.0.3.4 port 443 proto tcp
ufw allow 60000:61000/udp
ufw --force enable
