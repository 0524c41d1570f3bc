# ruff: noqa: D401 - a control's docstring states the rule.
"""The controls, in the order of the report. Each finding says what was found where, and what ought to be there."""

import json
import re

from network.check.control import Control, always
from network.check.expectation import BOOT, SANDBOXED, Expectation
from network.check.facts import Facts, deny_counters
from network.check.gather import split_intended

_SSHD = {
    "permitrootlogin": {"no"},
    "passwordauthentication": {"no"},
    "kbdinteractiveauthentication": {"no"},
    "hostbasedauthentication": {"no"},
    "permitemptypasswords": {"no"},
    "permituserenvironment": {"no"},
    "x11forwarding": {"no"},
    "permittunnel": {"no"},
    "gatewayports": {"no"},
    "authenticationmethods": {"publickey"},
    "maxauthtries": {"1", "2", "3", "4"},
}
_WEAK_SSH = ("cbc", "3des", "arcfour", "md5", "sha1-96", "umac-64", "group1-", "group14-sha1", "group-exchange-sha1")
_SANDBOX = {
    "NoNewPrivileges": {"yes"},
    "ProtectSystem": {"strict"},
    "ProtectHome": {"yes", "read-only", "tmpfs"},
    "PrivateTmp": {"yes"},
    "PrivateDevices": {"yes"},
    "ProtectKernelTunables": {"yes"},
    "ProtectKernelModules": {"yes"},
    "ProtectControlGroups": {"yes"},
    "RestrictSUIDSGID": {"yes"},
    "LockPersonality": {"yes"},
    "CapabilityBoundingSet": {"", "cap_net_bind_service"},
}
_ZERO = ("accept_redirects", "send_redirects", "accept_source_route", "secure_redirects")


def listening_sockets(expected: Expectation, facts: Facts) -> list[str]:
    """Every port that a flow names is listened on, and nothing else is, but on loopback."""
    if not facts.sockets:
        return ["ss says nothing"]
    found = {(socket.protocol, socket.port): socket for socket in facts.sockets if not socket.loopback}
    extra = [
        f"{socket.program or 'something'} listens on {socket.address} {protocol}/{port}; no flow leads there"
        for (protocol, port), socket in sorted(found.items())
        if not any(protocol == kind and first <= port <= last for kind, first, last in expected.open)
    ]
    missing = [
        f"nothing listens on {kind}/{first}, where a flow leads"
        for kind, first, last in sorted(expected.open)
        if not any(protocol == kind and first <= port <= last for protocol, port in found)
    ]
    return extra + missing


def rules_loaded(_: Expectation, facts: Facts) -> list[str]:
    """The loaded rules and sets are those that the policy compiles to, in order, as the kernel itself prints them."""
    if facts.status("intended") != 0:
        return [f"the compiled rules do not load: {facts.text('intended').strip()[-300:]}"]
    intended = Facts(facts.host, {name: {"out": text} for name, text in split_intended(facts.text("intended")).items()})
    findings = []
    for family in ("v4", "v6"):
        live, meant = facts.rules(family), intended.rules(family)
        findings += [
            _difference(f"{family} {chain}", live.get(chain, ()), meant.get(chain, ()))
            for chain in sorted(live.keys() | meant.keys())
            if live.get(chain, ()) != meant.get(chain, ())
        ]
    if _sets(facts) != _sets(intended):
        findings.append("the address sets differ from the compiled ones")
    return findings


def _sets(facts: Facts) -> list[str]:
    """Return the address sets line by line, without the seed that the kernel draws for each."""
    return sorted(re.sub(r" initval \S+", "", line) for line in facts.lines("sets"))


def _difference(where: str, live: tuple[str, ...], meant: tuple[str, ...]) -> str:
    extra = [rule for rule in live if rule not in meant]
    missing = [rule for rule in meant if rule not in live]
    if extra or missing:
        return f"{where}: extra {extra[:3]}, missing {missing[:3]}"
    return f"{where}: the rules stand in another order"


def default_deny(_: Expectation, facts: Facts) -> list[str]:
    """What no rule names is dropped, in both families and all three chains."""
    return [
        f"{family} {chain}: the policy is {facts.policies(family).get(f'filter {chain}', 'missing')}, not DROP"
        for family in ("v4", "v6")
        for chain in ("INPUT", "FORWARD", "OUTPUT")
        if facts.policies(family).get(f"filter {chain}") != "DROP"
    ]


def denials_logged(_: Expectation, facts: Facts) -> list[str]:
    """Denials are counted and handed to a logger that runs."""
    findings = []
    if facts.units.get("ulogd2.service") != "active":
        findings.append(f"ulogd2.service is {facts.units.get('ulogd2.service', 'not there')}: denials are not logged")
    missing = {"in", "fwd", "out", "spoof"} - deny_counters(facts.text("v4")).keys()
    if missing:
        findings.append(f"no counted rule denies: {', '.join(sorted(missing))}")
    return findings


def forwarding(expected: Expectation, facts: Facts) -> list[str]:
    """Firewalls forward, and no other host does."""
    if "net.ipv4.ip_forward" not in facts.kernel:
        return ["net.ipv4.ip_forward could not be read"]
    on = sorted(
        name for name, value in facts.kernel.items() if name.endswith((".forwarding", ".ip_forward")) and value != "0"
    )
    if not expected.forwards:
        return [f"{name} is on, but the host is no firewall" for name in on if ".mc_" not in name]
    return [] if facts.kernel.get("net.ipv4.ip_forward") == "1" else ["net.ipv4.ip_forward is off on a firewall"]


def anti_spoofing(_: Expectation, facts: Facts) -> list[str]:
    """Each interface takes only packets whose answer would leave by it (strict reverse path, RFC 3704)."""
    values = {name: value for name, value in facts.kernel.items() if name.endswith(".rp_filter")}
    wrong = [
        f"{name} is {value}, not 1" for name, value in sorted(values.items()) if value != "1" and ".lo." not in name
    ]
    return wrong if values else ["rp_filter could not be read"]


def redirects(_: Expectation, facts: Facts) -> list[str]:
    """Nobody bends this host's routes from outside."""
    values = {name: value for name, value in facts.kernel.items() if name.endswith(_ZERO) and ".lo." not in name}
    wrong = [f"{name} is {value}, not 0" for name, value in sorted(values.items()) if value != "0"]
    return wrong if values else ["accept_redirects could not be read"]


def sshd(expected: Expectation, facts: Facts) -> list[str]:
    """Administrators come in by key, as themselves, with modern cryptography; only a jump host forwards."""
    if not facts.sshd:
        return ["sshd -T says nothing"]
    findings = [
        f"{name} is {facts.sshd.get(name, 'unset')}, not {' or '.join(sorted(good))}"
        for name, good in _SSHD.items()
        if facts.sshd.get(name, "unset") not in good
    ]
    for name in ("ciphers", "macs", "kexalgorithms", "hostkeyalgorithms"):
        weak = [word for word in facts.sshd.get(name, "").split(",") if word.endswith(_WEAK_SSH) or "cbc" in word]
        findings += [f"{name} offers {word}" for word in weak]
    forwards = facts.sshd.get("allowtcpforwarding")
    if "bastion" not in expected.groups and forwards != "no":
        findings.append(f"allowtcpforwarding is {forwards} on a host that is no jump host")
    if "bastion" in expected.groups and facts.sshd.get("permitopen", "any") == "any":
        findings.append("the jump host forwards anywhere (permitopen any)")
    return findings


def accounts(_: Expectation, facts: Facts) -> list[str]:
    """No account has a password, so none can be guessed, and none is open without."""
    kinds = dict(line.split() for line in facts.lines("accounts"))
    if not kinds:
        return ["the accounts could not be read"]
    return [
        f"account {name} has {'no' if kind == 'empty' else 'a'} password"
        for name, kind in sorted(kinds.items())
        if kind != "locked"
    ]


def private_keys(_: Expectation, facts: Facts) -> list[str]:
    """Private keys are readable for root, and for the group that serves TLS, and for nobody else."""
    findings = []
    for file in facts.files:
        if file.path.startswith("/etc/ssh/") and file.path.endswith("_key"):
            good = file.mode & 0o077 == 0 and file.owner == "root"
        elif file.path.endswith(".key"):
            good = file.mode & 0o037 == 0 and file.owner == "root" and file.group in {"root", "ssl-cert"}
        else:
            continue
        if not good:
            findings.append(f"{file.path} is {file.mode:04o} {file.owner}:{file.group}")
    if not any(file.path == "/etc/sallyport/pki/host.key" for file in facts.files):
        findings.append("the host has no key of its own")
    return findings


def secrets(_: Expectation, facts: Facts) -> list[str]:
    """Secrets are root's alone; systemd hands each service its own."""
    if not facts.files:
        return ["the files under /etc/sallyport could not be listed"]
    return [
        f"{file.path} is {file.mode:04o} {file.owner}:{file.group}, not root's alone"
        for file in facts.files
        if ("/secrets/" in file.path or (file.path.endswith(".map") and file.path.startswith("/etc/sallyport/")))
        and (file.mode & 0o077 or file.owner != "root")
    ]


def units(expected: Expectation, facts: Facts) -> list[str]:
    """What ought to run runs, what ought to start at boot will, and nothing has failed."""
    down = [
        f"{unit} is {facts.units.get(unit, 'not there')}"
        for unit in expected.units
        if facts.units.get(unit) != "active"
    ]
    off = [
        f"{unit} is {facts.unit_files.get(unit, 'not there')}, not enabled"
        for unit in BOOT
        if facts.unit_files.get(unit) != "enabled"
    ]
    return down + off + [f"{unit} has failed" for unit, state in sorted(facts.units.items()) if state == "failed"]


def sandbox(expected: Expectation, facts: Facts) -> list[str]:
    """Our own services have no privilege to lose: no root, no capability (but for low ports), a read-only system."""
    findings = []
    for unit in sorted(SANDBOXED & set(expected.units)):
        properties = facts.properties.get(unit, {})
        findings += [
            f"{unit}: {name}={properties.get(name, 'unset')}"
            for name, good in _SANDBOX.items()
            if properties.get(name, "unset") not in good
        ]
        if properties.get("User", "") in {"", "root"} and properties.get("DynamicUser") != "yes":
            findings.append(f"{unit} runs as root")
        if not properties.get("SystemCallFilter"):
            findings.append(f"{unit} may make any system call")
    return findings


def tls_versions(expected: Expectation, facts: Facts) -> list[str]:
    """TLS 1.3 is spoken, and nothing older than 1.2."""
    said = facts.json("tls") or {}
    behind = [
        f"{door.service} ({door.key}) speaks {said[door.key]['verified']}, not TLS 1.3"
        for door in expected.tls
        if said.get(door.key, {}).get("verified", "") in {"TLSv1", "TLSv1.1", "TLSv1.2"}
    ]
    return behind + _handshakes(expected, facts, {"tls1.0": False, "tls1.1": False})


def tls_ciphers(expected: Expectation, facts: Facts) -> list[str]:
    """Only authenticated encryption with forward secrecy is agreed on."""
    return _handshakes(expected, facts, {"anonymous": False, "no-forward-secrecy": False, "cbc": False})


def tls_chain(expected: Expectation, facts: Facts) -> list[str]:
    """Each certificate is the environment's, for the name that clients ask for, and for no name asked at random."""
    return _handshakes(expected, facts, {"verified": True, "wrong-name": False})


def _handshakes(expected: Expectation, facts: Facts, good: dict[str, bool]) -> list[str]:
    said = facts.json("tls") or {}
    return [
        f"{door.service} ({door.key}), {attempt}: {said.get(door.key, {}).get(attempt, 'not tried')}"
        for door in expected.tls
        for attempt, agrees in good.items()
        if said.get(door.key, {}).get(attempt, "").startswith("TLS") is not agrees or door.key not in said
    ]


def postgresql(expected: Expectation, facts: Facts) -> list[str]:
    """Clients come by TLS with SCRAM, from where flows come, each role to its database; passwords are kept as SCRAM."""
    rows = [line.split("|") for line in facts.lines("database")]
    if facts.status("database") != 0 or not rows:
        return [f"PostgreSQL could not be asked: {facts.text('database').strip()[:200]}"]
    findings = []
    for row in (row for row in rows if row[0] == "hba"):
        _, kind, database, user, address, _, method = row[:7]
        if kind == "local":
            good = method in {"peer", "scram-sha-256", "reject"}
        elif method == "reject":
            good = True
        else:
            good = kind == "hostssl" and method == "scram-sha-256" and "all" not in {database, user}
            good = good and any(address == network.partition("/")[0] for network in expected.database_clients)
        if not good:
            findings.append(f"pg_hba lets in {kind} {database} {user} {address} by {method}")
    for row in (row for row in rows if row[0] == "role"):
        _, name, super_user, login, stored = row[:5]
        if stored and not stored.startswith("SCRAM-SHA-256$"):
            findings.append(f"role {name} keeps its password in another way than SCRAM")
        if super_user and login and name != "postgres":
            findings.append(f"role {name} is a superuser")
    settings = {row[1]: row[2] for row in rows if row[0] == "setting"}
    wanted = {"ssl": "on", "password_encryption": "scram-sha-256"}
    findings += [
        f"{name} is {settings.get(name)}" for name, good_value in wanted.items() if settings.get(name) != good_value
    ]
    return findings


def rabbitmq(_: Expectation, facts: Facts) -> list[str]:
    """The broker has no guest, and no port where it speaks without TLS."""
    said = next((line for line in facts.lines("broker") if line.startswith("{")), "")
    state = Facts(facts.host, {"broker": {"out": said}}).json("broker")
    if state is None:
        return [f"RabbitMQ could not be asked: {facts.text('broker').strip()[:200]}"]
    findings = [f"user {name} exists" for name in state["users"] if name == "guest"]
    plain = {"amqp", "http", "mqtt", "stomp", "stream"}
    return findings + [
        f"{protocol} listens on {port}, without TLS" for protocol, port in state["listeners"] if protocol in plain
    ]


def redis(_: Expectation, facts: Facts) -> list[str]:
    """Nobody enters as the default user, nothing is spoken without TLS, and what is answered is on disk."""
    try:
        port, kept, flushed, default = (json.loads(line) for line in facts.lines("broker"))
    except ValueError:
        return [f"Redis could not be asked: {facts.text('broker').strip()[:200]}"]
    findings = [] if "off" in default["flags"] else ["the default user may log in"]
    wanted = {"port": "0", "appendonly": "yes", "appendfsync": "always"}
    found = {**port, **kept, **flushed}
    return findings + [f"{name} is {found.get(name)}" for name, good in wanted.items() if found.get(name) != good]


def kafka(_: Expectation, facts: Facts) -> list[str]:
    """Clients come by TLS, with a password, and may do what they were given; the rest is on the loopback interface."""
    if facts.status("broker") != 0:
        return [f"Kafka could not be asked: {facts.text('broker').strip()[:200]}"]
    found = dict(line.split("=", 1) for line in facts.lines("broker") if "=" in line)
    findings = [f"{found['pending']} is not in force yet"] if "pending" in found else []
    protocols = dict(pair.split(":") for pair in found.get("listener.security.protocol.map", "").split(",") if pair)
    for listener in found.get("listeners", "").split(","):
        name, __, address = listener.partition("://")
        if protocols.get(name) != "SASL_SSL" and not address.startswith("127.0.0.1:"):
            findings.append(f"{name} listens on {address} and speaks {protocols.get(name)}")
    if not found.get("authorizer.class.name"):
        findings.append("nothing asks what a client may do")
    if found.get("allow.everyone.if.no.acl.found") != "false":
        findings.append("what no rule names is open to everyone")
    return findings


def proxy_denies(_: Expectation, facts: Facts) -> list[str]:
    """The package proxy refuses what is no mirror, plainly (403) and through CONNECT."""
    return [
        f"the proxy answers {facts.text(name).strip() or 'nothing'} for a foreign name by {way}, not 403"
        for name, way in (("foreign", "HTTP"), ("foreign-tls", "CONNECT"))
        if facts.text(name).strip() != "403"
    ]


def no_dns(expected: Expectation, facts: Facts) -> list[str]:
    """Names come from files: a resolver would be a way out. Only one that a flow leads to may be configured."""
    if facts.status("resolver") != 0:
        return ["/etc/resolv.conf could not be read"]
    servers = [line.split()[1] for line in facts.lines("resolver") if line.startswith("nameserver")]
    return [
        f"resolver {server} is configured; no flow leads there"
        for server in servers
        if server not in expected.resolvers
    ]


def package_timers(_: Expectation, facts: Facts) -> list[str]:
    """Packages change when an operator says so, through the plan, not when a timer does."""
    timers = {unit: state for unit, state in facts.unit_files.items() if unit.endswith(".timer")}
    if not timers:
        return ["the timers could not be listed"]
    return [f"{unit} is {state}" for unit, state in timers.items() if unit.startswith("apt-") and state != "masked"]


def no_version(expected: Expectation, facts: Facts) -> list[str]:
    """Answers do not tell which release answers, and error pages carry the security headers."""
    findings = []
    for door in expected.tls:
        text = facts.text(f"web {door.key}")
        head = text.partition("\r\n\r\n")[0].lower()
        if not text.startswith("HTTP/"):
            findings.append(f"{door.key} gave no answer")
        elif "nginx/" in text or "server: nginx" not in head:
            findings.append(f"{door.key} tells its version, or is no nginx")
        elif "x-content-type-options: nosniff" not in head:
            findings.append(f"{door.key}: an error page without security headers")
    return findings


CONTROLS: tuple[Control, ...] = (
    Control(
        "listening-sockets",
        "Nothing listens but what a flow names",
        ("PCI DSS 2.2.4", "PCI DSS 1.2.5", "CIS 2.1.22"),
        listening_sockets,
        always,
    ),
    Control(
        "rules-loaded",
        "The loaded rules are the compiled ones",
        ("PCI DSS 1.2.8", "PCI DSS 1.2.1", "NIST SP 800-41 5.2.2"),
        rules_loaded,
        always,
    ),
    Control(
        "default-deny",
        "What no rule names is dropped",
        ("PCI DSS 1.3.1", "PCI DSS 1.4.2", "NIST SP 800-41 4.1", "CIS 4.4.2.1"),
        default_deny,
        always,
    ),
    Control(
        "denials-logged",
        "Denials are counted and logged",
        ("PCI DSS 10.2.1", "NIST SP 800-41 5.2.3"),
        denials_logged,
        always,
    ),
    Control("forwarding", "Only firewalls forward", ("PCI DSS 1.4.1", "CIS 3.3.1"), forwarding, always),
    Control(
        "anti-spoofing",
        "Forged source addresses are dropped",
        ("PCI DSS 1.4.3", "NIST SP 800-41 4.1.1", "CIS 3.3.7"),
        anti_spoofing,
        always,
    ),
    Control(
        "redirects", "Routes are not bent from outside", ("CIS 3.3.2", "CIS 3.3.5", "CIS 3.3.8"), redirects, always
    ),
    Control(
        "sshd", "Administrators come in by key only", ("PCI DSS 2.2.7", "PCI DSS 8.3.1", "CIS 5.1.20"), sshd, always
    ),
    Control("accounts", "No account has a password", ("PCI DSS 2.2.2", "PCI DSS 8.3.1", "CIS 7.2.2"), accounts, always),
    Control(
        "private-keys",
        "Private keys are readable for their users only",
        ("PCI DSS 3.6.1", "CIS 5.1.2"),
        private_keys,
        always,
    ),
    Control("secrets", "Secrets are root's alone", ("PCI DSS 8.6.2", "PCI DSS 2.2.6"), secrets, always),
    Control("units", "What ought to run runs", ("PCI DSS 10.7.2", "PCI DSS 2.2.1"), units, always),
    Control(
        "sandbox",
        "Our services run without privileges",
        ("PCI DSS 7.2.5", "PCI DSS 2.2.6"),
        sandbox,
        lambda expected: bool(SANDBOXED & set(expected.units)),
    ),
    Control(
        "tls-versions",
        "TLS 1.3 is spoken, and nothing older than 1.2",
        ("PCI DSS 4.2.1", "NIST SP 800-52 3.1"),
        tls_versions,
        lambda expected: bool(expected.tls),
    ),
    Control(
        "tls-ciphers",
        "Authenticated ciphers with forward secrecy",
        ("PCI DSS 4.2.1", "PCI DSS 12.3.3"),
        tls_ciphers,
        lambda expected: bool(expected.tls),
    ),
    Control(
        "tls-chain",
        "Certificates are the environment's own",
        ("PCI DSS 4.2.1.1",),
        tls_chain,
        lambda expected: bool(expected.tls),
    ),
    Control(
        "postgresql",
        "The database lets in its clients, by TLS and SCRAM",
        ("PCI DSS 2.2.7", "PCI DSS 8.3.2", "PCI DSS 7.2.6"),
        postgresql,
        lambda expected: "db" in expected.groups,
    ),
    Control(
        "rabbitmq",
        "The broker has no default user and no plain port",
        ("PCI DSS 2.2.2", "PCI DSS 2.2.5"),
        rabbitmq,
        lambda expected: expected.broker == "rabbitmq",
    ),
    Control(
        "redis",
        "The broker has no default user and no plain port, and keeps what it confirmed",
        ("PCI DSS 2.2.2", "PCI DSS 2.2.5"),
        redis,
        lambda expected: expected.broker == "redis",
    ),
    Control(
        "kafka",
        "The broker takes clients by TLS and password alone, and each for its own",
        ("PCI DSS 2.2.5", "PCI DSS 7.2.6"),
        kafka,
        lambda expected: expected.broker == "kafka",
    ),
    Control(
        "proxy-denies",
        "The package proxy serves mirrors only",
        ("PCI DSS 1.4.2", "NIST SP 800-41 2.1.6"),
        proxy_denies,
        lambda expected: expected.proxy is not None,
    ),
    Control("no-dns", "No resolver is a way out", ("PCI DSS 1.3.2", "NIST SP 800-41 4.2"), no_dns, always),
    Control("package-timers", "Nothing changes by itself", ("PCI DSS 6.5.1",), package_timers, always),
    Control(
        "no-version",
        "Web answers hide what gives them",
        ("PCI DSS 6.2.4", "PCI DSS 2.2.6"),
        no_version,
        lambda expected: expected.nginx is not None,
    ),
)
