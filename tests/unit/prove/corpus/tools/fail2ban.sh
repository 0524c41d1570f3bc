# fail2ban 1.0.2: two jails with three banned addresses, one of them IPv6, one jail with a set.
set -e
mount -t tmpfs none /mnt && mkdir -p /mnt/run /mnt/lib /mnt/f && cp -a /etc/fail2ban/. /mnt/f && mount --bind /mnt/f /etc/fail2ban && mount --bind /mnt/run /run && mount --bind /mnt/lib /var/lib/fail2ban && mkdir /run/fail2ban
ip link set lo up; : > /mnt/log
rm -f /etc/fail2ban/jail.d/*
cat > /etc/fail2ban/jail.local <<'R'
[DEFAULT]
backend = polling
banaction = iptables-multiport
banaction_allports = iptables-ipset-proto6-allports
[sshd]
enabled = true
logpath = /mnt/log
port = ssh,2222
[recidive]
enabled = true
logpath = /mnt/log
R
fail2ban-server -b --logtarget /mnt/out
for i in 1 2 3 4 5 6 7 8; do sleep 1; fail2ban-client ping && break; done
fail2ban-client set sshd banip 192.0.2.7 198.51.100.9 2001:db8::bad
fail2ban-client set recidive banip 203.0.113.77
sleep 2; cat /mnt/out
