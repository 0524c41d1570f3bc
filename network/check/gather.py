"""The one batched look at a host: everything that the controls need, in a single command. Pure but for `gather`."""

import json
import shlex

from network.check.expectation import SANDBOXED, Expectation
from network.check.facts import Facts
from network.check.shell import Shell, agent_command, ask

# A name that no mirror has, and that cannot exist (RFC 6761).
FOREIGN = "foreign.invalid"
KERNEL = (
    r"^(net\.ipv4\.(ip_forward|tcp_syncookies|conf\..*\.(rp_filter|forwarding|accept_redirects|send_redirects|"
    r"accept_source_route|secure_redirects))|net\.ipv6\.conf\..*\.(forwarding|accept_redirects|accept_source_route|"
    r"accept_ra))$"
)
PROPERTIES = (
    "Id,ActiveState,User,DynamicUser,NoNewPrivileges,ProtectSystem,ProtectHome,PrivateTmp,PrivateDevices,"
    "ProtectKernelTunables,ProtectKernelModules,ProtectControlGroups,RestrictSUIDSGID,LockPersonality,"
    "RestrictNamespaces,RestrictRealtime,CapabilityBoundingSet,SystemCallFilter,RestrictAddressFamilies,UMask"
)
AUTHORITY = "/etc/sallyport/pki/ca.pem"
_DATABASE = """
select 'hba', type, array_to_string(database, ','), array_to_string(user_name, ','), coalesce(address, ''),
       coalesce(netmask, ''), auth_method
  from pg_hba_file_rules
union all
select 'role', rolname, case when rolsuper then 'super' else '' end, case when rolcanlogin then 'login' else '' end,
       coalesce(left(rolpassword, 14), ''), '', '' from pg_authid where rolname !~ '^pg_'
union all
select 'setting', name, setting, '', '', '', '' from pg_settings
 where name in ('ssl', 'ssl_min_protocol_version', 'password_encryption', 'listen_addresses', 'log_connections')
"""
# How each broker is asked about itself, as root on its host.
_RABBITMQ = """
io:format("~s~n", [rabbit_json:encode(#{
  users => [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()],
  listeners => [[element(3, L), element(6, L)] || L <- rabbit_networking:active_listeners()]})]).
"""

_REDIS = (
    "set -e; export REDISCLI_AUTH=$(cat /etc/redis/admin.secret); for question in 'CONFIG GET port'"
    " 'CONFIG GET appendonly' 'CONFIG GET appendfsync' 'ACL GETUSER default'; do"
    " redis-cli -s /run/redis/redis.sock --user admin --no-auth-warning --json $question; done"
)
# Without the lines that hold passwords. In force is only what is older than the process.
_KAFKA = (
    "set -e; started=$(systemctl show --timestamp=us --property=ExecMainStartTimestamp --value kafka.service);"
    ' find /etc/kafka/server.properties -newerct "$started" -printf "pending=%p\n";'
    " grep -Ev '^#|password' /etc/kafka/server.properties"
)
BROKERS = {
    "rabbitmq": ["rabbitmqctl", "--quiet", "eval", _RABBITMQ],
    "redis": ["sh", "-c", _REDIS],
    "kafka": ["sh", "-c", _KAFKA],
}


def commands(expected: Expectation, nonce: str) -> dict[str, list[str]]:
    """Return what to run on a host, by the name under which the facts hold it. `nonce` is written to its journal."""
    found = {
        "sockets": ["ss", "-Hltnup"],
        "units": ["systemctl", "list-units", "--all", "--plain", "--no-legend", "--no-pager"],
        "unit-files": ["systemctl", "list-unit-files", "--no-legend", "--no-pager", "--type=timer,service"],
        "properties": ["systemctl", "show", f"--property={PROPERTIES}", *sorted(SANDBOXED & set(expected.units))],
        "kernel": ["sysctl", "-a", "-r", KERNEL],
        "sshd": ["sshd", "-T"],
        "files": _find("-type f -printf", "%m %u %g %p\\n"),
        "v4": ["iptables-save", "-c"],
        "v6": ["ip6tables-save", "-c"],
        "sets": ["ipset", "save", "-sorted"],
        "intended": ["unshare", "-n", "sh", "-c", _intended(expected)],
        "resolver": ["cat", "/etc/resolv.conf"],
        "accounts": ["awk", "-F:", _ACCOUNTS, "/etc/shadow"],
        "journal": ["logger", "-t", "sallyport-check", nonce],
    }
    if expected.proxy is not None:
        found["foreign"] = _curl(expected.proxy, f"http://{FOREIGN}/", "%{http_code}")
        found["foreign-tls"] = _curl(expected.proxy, f"https://{FOREIGN}/", "%{http_connect}")
    if expected.tls:
        doors = [
            {"address": door.address, "port": door.port, "name": door.name, "start": door.start}
            for door in expected.tls
        ]
        found["tls"] = ["sh", "-c", agent_command("handshake", {"ca": AUTHORITY, "doors": doors})]
    if "db" in expected.groups:
        found["database"] = ["runuser", "-u", "postgres", "--", "psql", "-XAtF", "|", "-c", _DATABASE]
    if expected.broker is not None:
        found["broker"] = BROKERS[expected.broker]
    if expected.nginx is not None:
        found |= {f"web {door.key}": _ask_web(door.address, door.port, door.name) for door in expected.tls}
    return found


def gather(shell: Shell, expected: Expectation, nonce: str) -> Facts:
    """Ask a host everything at once. Raises RemoteError."""
    return Facts(expected.host, ask(shell, "observe", commands(expected, nonce)))


# How each account may log in: "empty" is no password at all, "locked" none that could be typed.
_ACCOUNTS = '{ print $1, ($2 == "" ? "empty" : ($2 ~ /^[!*]/ ? "locked" : "password")) }'


def _find(test: str, form: str) -> list[str]:
    return ["find", "/etc/sallyport", "/etc/ssh", "/etc/nginx", *test.split(), form]


def _intended(expected: Expectation) -> str:
    """Load the compiled text in a network namespace of its own: the kernel's own tools print both alike."""
    texts = expected.firewall
    return (
        f"printf %s {shlex.quote(texts['sets'])} | ipset restore && "
        f"printf %s {shlex.quote(texts['v4'])} | iptables-restore && "
        f"printf %s {shlex.quote(texts['v6'])} | ip6tables-restore && "
        "echo '=== v4' && iptables-save && echo '=== v6' && ip6tables-save && echo '=== sets' && ipset save -sorted"
    )


def _curl(proxy: str, url: str, report: str) -> list[str]:
    return ["curl", "-s", "-o", "/dev/null", "-m", "10", "-w", report, "-x", proxy, url]


def _ask_web(address: str, port: int, name: str) -> list[str]:
    host = f"{name}:{port}:{address}"
    return ["curl", "-s", "-i", "-k", "-m", "10", "--resolve", host, f"https://{name}:{port}/no/such"]


def split_intended(text: str) -> dict[str, str]:
    """Return the parts (v4, v6, sets) of what the intended rules look like when loaded."""
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("=== "):
            current = parts.setdefault(line[4:], [])
        else:
            current.append(line)
    return {name: "\n".join(lines) for name, lines in parts.items()}


def report(facts: Facts) -> str:
    """Return what a host said, as JSON, for keeping."""
    return json.dumps(facts.said, indent=1, sort_keys=True)
