"""How each control is broken and mended: a drill turns it, and only it, red. A check that cannot fail is no check."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sabotage:
    """A change on a host of a group that a control must notice. Both are shell commands; `mend` is harmless twice."""

    control: str
    group: str
    change: str
    mend: str


_NGINX = "/etc/nginx/nginx.conf"
_HBA = "/etc/postgresql/15/main/pg_hba.conf"
_REDIS = "/etc/redis/users.acl"
_KAFKA = "/etc/kafka/server.properties"
_SQUID = "/etc/squid/squid.conf"
_RELOAD_DATABASE = "systemctl reload postgresql@15-main && sleep 0.5"


def _edited(path: str, edit: str, apply: str) -> tuple[str, str]:
    """Return the commands that edit a file with sed and put it back."""
    saved = f"/run/sallyport-drill-{path.rsplit('/', 1)[-1]}"
    change = f"cp -p {path} {saved} && sed -i {edit} {path} && {apply}"
    return change, f"if [ -e {saved} ]; then cp -p {saved} {path} && rm {saved} && {apply}; fi"


def _setting(name: str, bad: str, good: str) -> tuple[str, str]:
    return f"sysctl -q -w {name}={bad}", f"sysctl -q -w {name}={good}"


def _service(change: str) -> tuple[str, str]:
    """Return the commands that weaken the async service's unit at run time and take that back."""
    folder = "/run/systemd/system/sallyport-status.service.d"
    apply = "systemctl daemon-reload && systemctl restart sallyport-status && sleep 2"
    mend = f"if [ -e {folder}/drill.conf ]; then rm -r {folder} && {apply}; fi"
    return f"mkdir -p {folder} && printf '[Service]\\n{change}\\n' > {folder}/drill.conf && {apply}", mend


_LISTENER = "sallyport-drill-listener"

SABOTAGES: tuple[Sabotage, ...] = (
    Sabotage(
        "listening-sockets",
        "gateway",
        f"systemd-run -q --collect --unit={_LISTENER} python3 -m http.server 9998 && sleep 1",
        f"systemctl stop {_LISTENER} 2>/dev/null; true",
    ),
    Sabotage(
        "rules-loaded",
        "gateway",
        "iptables -w -I INPUT 1 -p tcp --dport 9998 -j DROP",
        "while iptables -w -D INPUT -p tcp --dport 9998 -j DROP 2>/dev/null; do :; done",
    ),
    Sabotage("default-deny", "gateway", "ip6tables -w -P FORWARD ACCEPT", "ip6tables -w -P FORWARD DROP"),
    Sabotage("denials-logged", "gateway", "systemctl stop ulogd2", "systemctl start ulogd2"),
    Sabotage("forwarding", "gateway", *_setting("net.ipv4.conf.default.forwarding", "1", "0")),
    Sabotage("anti-spoofing", "gateway", *_setting("net.ipv4.conf.default.rp_filter", "0", "1")),
    Sabotage("redirects", "gateway", *_setting("net.ipv4.conf.default.accept_source_route", "1", "0")),
    Sabotage(
        "sshd",
        "gateway",
        "echo 'PermitTunnel yes' > /etc/ssh/sshd_config.d/00-drill.conf",
        "rm -f /etc/ssh/sshd_config.d/00-drill.conf",
    ),
    Sabotage(
        "accounts",
        "gateway",
        "useradd -M -s /usr/sbin/nologin sp-drill && usermod -p '' sp-drill",
        "userdel sp-drill 2>/dev/null; true",
    ),
    Sabotage(
        "private-keys", "gateway", "chmod 0644 /etc/sallyport/pki/host.key", "chmod 0640 /etc/sallyport/pki/host.key"
    ),
    Sabotage(
        "secrets",
        "web",
        "chmod 0644 /etc/sallyport/nginx/callback-token.map",
        "chmod 0600 /etc/sallyport/nginx/callback-token.map",
    ),
    Sabotage("units", "web", "systemctl stop sallyport-relay", "systemctl start sallyport-relay"),
    Sabotage("sandbox", "worker", *_service("ProtectHome=no")),
    Sabotage(
        "tls-versions",
        "web",
        *_edited(_NGINX, "'s/^    ssl_protocols .*/    ssl_protocols TLSv1.2;/'", "systemctl reload nginx; sleep 1"),
    ),
    Sabotage(
        "tls-ciphers",
        "web",
        *_edited(
            _NGINX, "'s/^    ssl_ciphers .*/    ssl_ciphers ALL:@SECLEVEL=0;/'", "systemctl reload nginx; sleep 1"
        ),
    ),
    Sabotage(
        "tls-chain",
        "web",
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=drill "
        "-addext subjectAltName=DNS:drill -keyout /run/sallyport-drill.key -out /run/sallyport-drill.pem && "
        f"cp -p {_NGINX} /run/sallyport-drill-nginx.conf && "
        f"sed -i 's#/etc/sallyport/pki/host[.]#/run/sallyport-drill.#' {_NGINX} && systemctl reload nginx; sleep 1",
        f"if [ -e /run/sallyport-drill-nginx.conf ]; then cp -p /run/sallyport-drill-nginx.conf {_NGINX} && "
        "rm -f /run/sallyport-drill-nginx.conf && systemctl reload nginx; sleep 1; fi; "
        "rm -f /run/sallyport-drill.key /run/sallyport-drill.pem",
    ),
    Sabotage(
        "postgresql",
        "db",
        *_edited(_HBA, "'$a host all all 192.0.2.1/32 trust'", _RELOAD_DATABASE),
    ),
    Sabotage(
        "rabbitmq",
        "broker",
        "rabbitmqctl -q add_user guest $(openssl rand -hex 16)",
        "rabbitmqctl -q delete_user guest 2>/dev/null; true",
    ),
    Sabotage(
        "redis",
        "broker",
        *_edited(_REDIS, "'s/^user default off/user default on/'", "systemctl restart redis-server"),
    ),
    Sabotage(
        "kafka",
        "broker",
        *_edited(_KAFKA, "'/^allow.everyone/s/false/true/'", "systemctl restart kafka"),
    ),
    Sabotage(
        "proxy-denies",
        "bastion",
        *_edited(_SQUID, "'s/^http_access deny !mirrors$//'", "squid -k reconfigure && sleep 2"),
    ),
    Sabotage(
        "no-dns", "gateway", "echo nameserver 192.0.2.53 >> /etc/resolv.conf", "sed -i /192.0.2.53/d /etc/resolv.conf"
    ),
    Sabotage("package-timers", "gateway", "systemctl -q unmask apt-daily.timer", "systemctl -q mask apt-daily.timer"),
    Sabotage(
        "no-version",
        "web",
        *_edited(_NGINX, "'s/^    server_tokens off;/    server_tokens on;/'", "systemctl reload nginx; sleep 1"),
    ),
)
