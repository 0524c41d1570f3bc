# ferm 2.5.1: a router in its own language, both families.
set -e
cat > /run/ferm-made.conf <<'R'
@def $NET = (10.1.0.0/24 10.2.0.0/24);
domain (ip ip6) table filter {
    chain (INPUT FORWARD) {
        policy DROP;
        mod conntrack ctstate INVALID DROP;
        mod conntrack ctstate (ESTABLISHED RELATED) ACCEPT;
    }
    chain INPUT {
        interface lo ACCEPT;
        proto tcp dport (ssh http https) mod hashlimit hashlimit-name door hashlimit-above 20/minute hashlimit-burst 5 hashlimit-mode srcip jump greedy;
        proto tcp dport (ssh http https) ACCEPT;
        proto udp mod multiport destination-ports (53 123 5000:5100) ACCEPT;
    }
    chain greedy { mod recent name greedy set NOP; LOG log-prefix "greedy: " log-level debug; DROP; }
    chain OUTPUT { policy ACCEPT; mod owner uid-owner 33 outerface eth0 proto tcp dport ! https REJECT; }
}
domain ip6 table filter chain INPUT proto ipv6-icmp icmpv6-type (neighbour-solicitation neighbour-advertisement router-advertisement echo-request) ACCEPT;
domain ip {
    table filter chain FORWARD {
        interface eth1 outerface eth0 saddr $NET ACCEPT;
        mod set set blocked src DROP;
        mod iprange src-range 10.2.0.10-10.2.0.20 mod time timestart 08:00 timestop 18:00 weekdays "Mon,Tue" ACCEPT;
    }
    table nat {
        chain POSTROUTING saddr $NET outerface eth0 MASQUERADE;
        chain PREROUTING interface eth0 proto tcp dport 8080 DNAT to "10.1.0.5:80";
        chain PREROUTING interface eth1 proto tcp dport 80 mod addrtype ! dst-type LOCAL REDIRECT to-ports 3128;
    }
    table mangle chain FORWARD proto tcp tcp-flags (SYN RST) SYN TCPMSS clamp-mss-to-pmtu;
}
R
ipset create blocked hash:net
ipset add blocked 192.0.2.0/24
ferm /run/ferm-made.conf
rm /run/ferm-made.conf
