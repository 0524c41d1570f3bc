#!/usr/bin/python3 -I
"""Load this host's packet filter so that a mistake heals itself.

  test            check the candidate: it loads (in an empty network namespace) and keeps the way of this SSH session
  apply           load the candidate and arm the timer that takes it back; nothing happens when it is already live
  confirm         disarm the timer and make the candidate the rules of the next boot; to be called over a new connection
  rollback        put back what was live before the last apply
  revert          take the last confirmation back: the rules confirmed before it are live and confirmed again
  revert          take the last confirmation back: the rules live and confirmed before it are so again
  load            load the confirmed rules; what the boot does. A host whose rules do not load is closed
  close           let nothing in, out or through
  stage-previous  make the rules that were confirmed before the present ones the candidate
  status          tell what is loaded, as JSON

Files: /etc/sallyport/firewall/{rules.v4,rules.v6,sets} are the confirmed rules, candidate/ holds the ones to come,
previous/ the confirmed ones before. /var/lib/sallyport/firewall/ holds what was live before and after the last apply.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import ipaddress
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CONFIRMED = Path("/etc/sallyport/firewall")
CANDIDATE = CONFIRMED / "candidate"
PREVIOUS = CONFIRMED / "previous"
STATE = Path("/var/lib/sallyport/firewall")
BEFORE = STATE / "before"
LIVE = STATE / "live"
LOCK = Path("/run/sallyport-firewall.lock")
PROGRAM = "/usr/local/sbin/sallyport-firewall"
UNIT = "sallyport-firewall.service"
SHORTEST_TRIAL = 20
TIMER = "sallyport-firewall-rollback"
RIVALS = ("ufw.service", "firewalld.service", "nftables.service", "netfilter-persistent.service")

CHAINS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


class FirewallError(Exception):
    """What went wrong, in a sentence for the person who reads the run."""


# Rules: three texts that are loaded together.


@dataclass(frozen=True)
class Rules:
    """The input of iptables-restore, ip6tables-restore and ipset restore (create and add lines only)."""

    v4: str
    v6: str
    sets: str

    @property
    def digest(self) -> str:
        """A name for exactly these texts."""
        return hashlib.sha256("\0".join((self.v4, self.v6, self.sets)).encode()).hexdigest()


def table(name: str, policy: str = "ACCEPT", *rules: str) -> str:
    """Return a table whose built-in chains have one policy."""
    return "\n".join([f"*{name}", *(f":{chain} {policy} [0:0]" for chain in CHAINS[name]), *rules, "COMMIT", ""])


def complete(text: str) -> str:
    """Empty every table that the text does not speak of: what is live is then what it says, and no more."""
    spoken = set(re.findall(r"^\*(\w+)$", text, re.MULTILINE))
    if "filter" not in spoken:
        raise FirewallError("the rules hold no filter table; refusing to load what would leave the host open")
    return text.rstrip("\n") + "\n" + "".join(table(name) for name in CHAINS if name not in spoken)


LO = ("-A INPUT -i lo -j ACCEPT", "-A OUTPUT -o lo -j ACCEPT")
HOLD = tuple(f"-A {chain} -m conntrack --ctstate ESTABLISHED -j ACCEPT" for chain in CHAINS["filter"])
CLOSED = Rules(complete(table("filter", "DROP", *LO)), complete(table("filter", "DROP", *LO)), "")


def canonical(rules: Rules) -> Rules:
    """Leave out what differs from one reading to the next: counters, comments, hash seeds, order of members."""

    def saved(text: str) -> str:
        lines = (line.strip() for line in text.splitlines() if not line.startswith("#"))
        return "\n".join(re.sub(r" ?\[\d+:\d+\] ?", "", line) for line in lines) + "\n"

    volatile = r" (hashsize|bucketsize|initval|packets|bytes|timeout) \S+"
    sets = sorted(re.sub(volatile, "", line) for line in rules.sets.splitlines() if line.strip())
    return Rules(saved(rules.v4), saved(rules.v6), "\n".join(sets) + "\n")


def parse_sets(text: str) -> dict[str, tuple[str, list[str]]]:
    """Return the sets of a text: name to (type and options, members)."""
    found: dict[str, tuple[str, list[str]]] = {}
    for line in text.splitlines():
        words = line.split(None, 2)
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "create" and len(words) == 3:
            found[words[1]] = (words[2], [])
        elif words[0] == "add" and len(words) == 3 and words[1] in found:
            found[words[1]][1].append(words[2])
        else:
            raise FirewallError(f"sets: only 'create NAME TYPE OPTIONS' and 'add NAME MEMBER' are known, found: {line}")
    return found


def kind(options: str) -> tuple[str, str]:
    """Return what two sets must share to be swapped: type and family."""
    family = re.search(r"\bfamily (\w+)", options)
    return options.split(maxsplit=1)[0], family[1] if family else "inet"


def swap_script(live: str, wanted: str) -> tuple[str, list[str], list[str]]:
    """Plan the way from the live sets to the wanted ones: an ipset script, the sets to remove before and after it.

    Each set is filled under another name and swapped in, so no packet ever meets a half-filled set. A set whose type or
    family changes cannot be swapped and must go first.
    """
    present, target = parse_sets(live), parse_sets(wanted)
    clashing = [name for name in target if name in present and kind(present[name][0]) != kind(target[name][0])]
    lines = []
    for name, (options, members) in target.items():
        new = "new-" + hashlib.sha256(name.encode()).hexdigest()[:16]
        if new in present:
            lines.append(f"destroy {new}")
        lines += [f"create {new} {options}", *(f"add {new} {member}" for member in members)]
        if name in present and name not in clashing:
            lines += [f"swap {new} {name}", f"destroy {new}"]
        else:
            lines.append(f"rename {new} {name}")
    stale = [name for name in present if name not in target and not name.startswith("new-")]
    return "".join(line + "\n" for line in lines), clashing, stale


# The management path: would the rules let a packet in? In doubt, doubt is the answer.


@dataclass(frozen=True)
class Packet:
    """A TCP packet of which only the connection matters; `state` is its conntrack state."""

    p_src: str
    p_sport: int
    p_dst: str
    p_dport: int
    state: str


@dataclass
class Rule:
    """One -A line: (negated, option, argument) in order, and where it goes."""

    matches: list[tuple[bool, str, str]] = field(default_factory=list)
    target: str = ""
    goto: bool = False


SILENT = {"-m", "--match", "--comment", "--match-set-flags", "--reject-with", "--nflog-group", "--nflog-prefix"}
NAMES = {"--source": "-s", "--destination": "-d", "--protocol": "-p", "--jump": "-j", "--goto": "-g"}
NAMES |= {"--source-port": "--sport", "--destination-port": "--dport", "--in-interface": "-i", "--out-interface": "-o"}


def parse_filter(text: str) -> tuple[dict[str, str], dict[str, list[Rule]]]:
    """Return policies and rules by chain of a restore text's filter table."""
    policies: dict[str, str] = {}
    chains: dict[str, list[Rule]] = {}
    inside = False
    for line in text.splitlines():
        if line.startswith("*"):
            inside = line.strip() == "*filter"
        elif inside and line.startswith(":"):
            name, policy = line[1:].split()[:2]
            policies[name] = policy
            chains[name] = []
        elif inside and line.startswith("-A "):
            words = shlex.split(line)
            chains[words[1]].append(parse_rule(words[2:]))
    return policies, chains


def parse_rule(words: list[str]) -> Rule:
    """Read the options of a rule. What is not understood stays as a match, and later as a doubt."""
    rule = Rule()
    negated = False
    at = 0
    while at < len(words):
        if words[at] == "!":
            negated = True
            at += 1
            continue
        option = NAMES.get(words[at], words[at])
        arguments = []
        at += 1
        while at < len(words) and words[at] != "!" and not words[at].startswith("-"):
            arguments.append(words[at])
            at += 1
        if option in {"-j", "-g"}:
            rule.target, rule.goto = arguments[0], option == "-g"
        elif option not in SILENT and not rule.target:
            rule.matches.append((negated, option, " ".join(arguments)))
        negated = False
    return rule


def within(address: str, networks: list[str]) -> bool:
    """Tell whether an address lies in one of the networks."""
    ip = ipaddress.ip_address(address)
    return any(ip in ipaddress.ip_network(each, strict=False) for each in networks)


def in_ports(port: int, spans: str) -> bool:
    """Tell whether a port lies in a list like 22,8000:8099."""
    for span in spans.split(","):
        first, colon, last = span.partition(":")
        if int(first or 0) <= port <= int((last or 65535) if colon else first):
            return True
    return False


def flags_are(argument: str, packet: Packet) -> bool:
    """Tell whether of the flags in the mask exactly the wanted ones are set; a new connection begins with SYN alone."""
    mask, flags = ({flag for flag in part.split(",") if flag != "NONE"} for part in argument.split())
    present = {"SYN"} if packet.state == "NEW" else {"ACK"}
    return present & mask == flags


def in_set(argument: str, packet: Packet, sets: dict[str, tuple[str, list[str]]]) -> bool | None:
    """Tell whether a set of addresses holds the packet's source or destination; None for other kinds of sets."""
    name, flag = argument.split()
    if name not in sets or kind(sets[name][0])[0] not in {"hash:ip", "hash:net"} or flag not in {"src", "dst"}:
        return None
    return within(packet.p_src if flag == "src" else packet.p_dst, sets[name][1])


def holds(option: str, argument: str, packet: Packet, sets: dict[str, tuple[str, list[str]]]) -> bool | None:
    """Tell whether a match applies to the packet; None when that cannot be told from here."""
    answers: dict[str, Callable[[], bool | None]] = {
        "-s": lambda: within(packet.p_src, argument.split(",")),
        "-d": lambda: within(packet.p_dst, argument.split(",")),
        "--ctorigdst": lambda: within(packet.p_dst, argument.split(",")),
        "-p": lambda: argument in {"tcp", "6", "all"},
        "--tcp-flags": lambda: flags_are(argument, packet),
        "--dport": lambda: in_ports(packet.p_dport, argument),
        "--dports": lambda: in_ports(packet.p_dport, argument),
        "--sport": lambda: in_ports(packet.p_sport, argument),
        "--sports": lambda: in_ports(packet.p_sport, argument),
        "--ctstate": lambda: packet.state in argument.split(","),
        "-i": lambda: False if argument == "lo" else None,
        "-o": lambda: False if argument == "lo" else None,
        "--match-set": lambda: in_set(argument, packet, sets),
    }
    return answers.get(option, lambda: None)()


def verdict(text: str, sets: dict[str, tuple[str, list[str]]], start: str, packet: Packet) -> str:
    """Tell what the filter table does with the packet: accept, deny or doubt."""
    policies, chains = parse_filter(text)
    answers = {"ACCEPT": "accept", "DROP": "deny", "REJECT": "deny"}
    doubts: set[str] = set()

    def walk(chain: str) -> str | None:
        for rule in chains[chain]:
            known = [(holds(option, argument, packet, sets), negated) for negated, option, argument in rule.matches]
            if any(answer is not None and answer == negated for answer, negated in known):
                continue
            doubtful = any(answer is None for answer, _ in known)
            if rule.target in chains:
                reached = walk(rule.target)
                if reached is None and rule.goto and not doubtful:
                    return None
            else:
                reached = answers.get(rule.target)
                if rule.target == "RETURN":
                    if not doubtful:
                        return None
                    doubts.update(answers.values())
            if reached and doubtful:
                doubts.add(reached)
            elif reached:
                return reached
        return None

    answer = walk(start) or answers.get(policies.get(start, ""), "doubt")
    return answer if doubts <= {answer} else "doubt"


def session() -> Packet | None:
    """Find the SSH session that this runs in, as the first packet of its connection; None on a console.

    sudo clears the environment, so the nearest ancestor that still has SSH_CONNECTION is asked.
    """
    process = os.getpid()
    while process > 1:
        try:
            environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return None
        for entry in environment:
            if entry.startswith(b"SSH_CONNECTION="):
                client, port, server, own_port = entry.decode().partition("=")[2].split()
                return Packet(client, int(port), server, int(own_port), "NEW")
    return None


def refuse_lockout(rules: Rules) -> None:
    """Refuse rules that would surely cut the way of the present session. The timer heals what this cannot see."""
    packet = session()
    if packet is None:
        return
    text = rules.v6 if ":" in packet.p_dst else rules.v4
    sets = parse_sets(rules.sets)
    reply = Packet(packet.p_dst, packet.p_dport, packet.p_src, packet.p_sport, "ESTABLISHED")
    if verdict(text, sets, "INPUT", packet) == "deny":
        raise FirewallError(
            f"the candidate lets no new connection from {packet.p_src} to {packet.p_dst} port {packet.p_dport} in: "
            "the way on which this run came. Nothing was changed. Give the policy a flow for it"
        )
    if verdict(text, sets, "OUTPUT", reply) == "deny":
        raise FirewallError("the candidate lets no answer of an established connection out. Nothing was changed")


# The kernel.


def run(command: list[str], given: str | None = None) -> str:
    """Run a command of the system; its complaint becomes the error."""
    try:
        result = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    except OSError as error:
        raise FirewallError(f"{command[0]}: {error.strerror}") from error
    if result.returncode != 0:
        raise FirewallError(f"{' '.join(command)}: {(result.stderr or result.stdout).strip()}")
    return result.stdout


def live_sets() -> str:
    """Read the sets in the kernel, as `ipset restore` would take them."""
    return run(["ipset", "save"])


def live() -> Rules:
    """Read what is loaded."""
    return Rules(run(["iptables-save"]), run(["ip6tables-save"]), live_sets())


def put(rules: Rules) -> None:
    """Make the rules live. Fails half-way at worst: the caller puts back what was there.

    Sets, IPv4 and IPv6 are loads of their own. So that no state between is more open than both ends, only established
    connections pass meanwhile; a first packet that meets this moment is lost, and sent again by its sender.
    """
    script, clashing, stale = swap_script(live_sets(), rules.sets)
    v4, v6 = complete(rules.v4), complete(rules.v6)
    hold = table("filter", "DROP", *LO, *HOLD)
    run(["iptables-restore", "-w", "10"], hold)
    run(["ip6tables-restore", "-w", "10"], hold)
    for name in clashing:
        run(["ipset", "destroy", name])
    if script:
        run(["ipset", "restore"], script)
    run(["iptables-restore", "-w", "10"], v4)
    run(["ip6tables-restore", "-w", "10"], v6)
    for name in stale:
        run(["ipset", "destroy", name])


def legacy_tables() -> list[str]:
    """Tables of the older kernel interface that filter beside the rules, unseen by iptables-save."""
    if "legacy" in run(["iptables", "--version"]):
        return []
    tables = []
    for family in ("ip", "ip6"):
        names = Path(f"/proc/net/{family}_tables_names")
        for name in names.read_text().split() if names.exists() else []:
            saved = run([f"{family}tables-legacy-save", "-t", name])
            if re.search(r"^-A |^:\w+ DROP", saved, re.MULTILINE):
                tables.append(f"{family}:{name}")
    return tables


WATCH = "sallyport-watch"


def watch_connections() -> bool:
    """See to it that the kernel follows connections; tells whether it does so only from now on.

    Where nothing has asked it to, the session that carries this command is unknown to it, and strict rules would take
    its next packet for one out of nowhere. An inert rule is enough to start; the next packets make the session known.
    """
    count = Path("/proc/sys/net/netfilter/nf_conntrack_count")
    if session() is None or (count.exists() and int(count.read_text()) > 0):
        return False
    if f":{WATCH} " in run(["iptables-save", "-t", "filter"]):
        return False
    for restore in ("iptables-restore", "ip6tables-restore"):
        rule = f"-A {WATCH} -m conntrack --ctstate INVALID -j RETURN"
        run([restore, "-w", "10", "--noflush"], f"*filter\n:{WATCH} - [0:0]\n{rule}\nCOMMIT\n")
    return True


def panic() -> None:
    """Close the host, by every means: what is left when rules do not load."""
    try:
        put(CLOSED)
    except FirewallError as error:
        tell(f"closing by restore failed ({error}); closing chain by chain")
        for program in ("iptables", "ip6tables"):
            for chain in CHAINS["filter"]:
                for step in (["-P", chain, "DROP"], ["-F", chain]):
                    subprocess.run([program, "-w", *step], check=False)


# Files.


def read(directory: Path) -> Rules:
    """Read the three texts of a directory."""
    try:
        return Rules(*((directory / name).read_text() for name in ("rules.v4", "rules.v6", "sets")))
    except OSError as error:
        raise FirewallError(f"{directory} holds no complete rules: {error}") from error


def write(directory: Path, rules: Rules) -> None:
    """Keep the three texts, each whole or not at all."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in (("rules.v4", rules.v4), ("rules.v6", rules.v6), ("sets", rules.sets)):
        replace(directory / name, text)


def replace(path: Path, text: str) -> None:
    """Write a file and let it take the old one's place only when it is on the disk."""
    new = path.with_name(f".{path.name}.new")
    with new.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.chmod(0o600)
    new.replace(path)


def state() -> dict[str, str]:
    """Read the last thing that happened."""
    try:
        return {str(key): str(value) for key, value in json.loads((STATE / "state.json").read_text()).items()}
    except (OSError, ValueError):
        return {"state": "none"}


def note(what: str, **more: str) -> None:
    """Remember what happened, and when."""
    STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    entry = {"state": what, "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **more}
    replace(STATE / "state.json", json.dumps(entry))


def loaded_as(rules: Rules) -> bool:
    """Whether exactly these rules were loaded last and nobody has changed what is live since."""
    try:
        kept = read(LIVE)
    except FirewallError:
        return False
    return state().get("digest") == rules.digest and canonical(live()) == kept


def remember(what: str, rules: Rules, **more: str) -> None:
    """Note that the rules have just been loaded, and how the kernel tells them back."""
    write(LIVE, canonical(live()))
    note(what, digest=rules.digest, **more)


# Commands.


def tell(message: str) -> None:
    """Say something; from a unit, this is the journal."""
    sys.stderr.write(f"{message}\n")


def systemctl(*arguments: str) -> str:
    """Return what systemctl says; it may well complain."""
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False).stdout.strip()


def disarm() -> None:
    """Stop the timer that takes the candidate back."""
    systemctl("stop", f"{TIMER}.timer")
    systemctl("reset-failed", f"{TIMER}.timer", f"{TIMER}.service")


def test(keep_session: bool = True) -> dict[str, object]:
    """Check the candidate without touching what is live."""
    rules = read(CANDIDATE)
    rivals = [unit for unit in RIVALS if systemctl("is-enabled", unit) == "enabled"]
    if rivals:
        raise FirewallError(f"{', '.join(rivals)} also loads rules on this host. Disable it: systemctl disable --now")
    run(["unshare", "--net", "--", PROGRAM, "try"])
    if keep_session:
        refuse_lockout(rules)
    return {"changed": False, "message": "the candidate loads and keeps the way of this session"}


def apply(seconds: int, keep_session: bool) -> dict[str, object]:
    """Load the candidate for a trial of some seconds."""
    rules = read(CANDIDATE)
    now = state()["state"]
    if now == "confirmed" and loaded_as(rules) and systemctl("is-enabled", UNIT) == "enabled":
        return {"changed": False, "state": now, "message": "the candidate is live and confirmed"}
    test(keep_session)
    if watch_connections():
        return {
            "changed": False,
            "state": now,
            "again": True,
            "message": "connections are followed from now on; call again in 6 s",
        }
    if now == "pending":
        put(read(BEFORE))
    write(BEFORE, live())
    disarm()
    timer = ["--timer-property=AccuracySec=500ms", f"--on-active={seconds}"]
    reason = f"--reason=not confirmed within {seconds} seconds"
    run(["systemd-run", "--quiet", "--collect", f"--unit={TIMER}", *timer, PROGRAM, "rollback", reason])
    try:
        put(rules)
        remember("pending", rules, seconds=str(seconds))
    except FirewallError as error:
        rollback(f"the candidate did not load: {error}")
        raise
    message = f"loaded; taken back in {seconds} seconds unless confirmed"
    return {"changed": True, "state": "pending", "message": message}


def confirm() -> dict[str, object]:
    """Keep what apply has loaded, for the next boot too."""
    last, rules = state(), read(CANDIDATE)
    if last["state"] != "pending" or last.get("digest") != rules.digest:
        reason = last.get("reason", "no trial is running")
        raise FirewallError(f"nothing to confirm ({last['state']}: {reason})")
    disarm()
    try:
        confirmed = read(CONFIRMED)
    except FirewallError:
        confirmed = rules
    replaced = confirmed != rules
    if replaced:
        write(PREVIOUS, confirmed)
    write(CONFIRMED, rules)
    systemctl("enable", UNIT)
    note("confirmed", digest=rules.digest, replaced="yes" if replaced else "no")
    return {"changed": True, "message": "confirmed"}


def revert() -> dict[str, object]:
    """Take the last confirmation back. The rules before it were live minutes ago, so no trial is needed.

    A host that had no other rules before keeps the ones it has: it is never opened.
    """
    last = state()
    if last["state"] != "confirmed":
        raise FirewallError(f"there is no confirmation to take back ({last['state']})")
    if last.get("replaced") != "yes":
        return {"changed": False, "message": "no other rules were confirmed before: kept"}
    rules, confirmed = read(PREVIOUS), read(CONFIRMED)
    try:
        put(rules)
    except FirewallError as error:
        put(confirmed)
        raise FirewallError(f"the rules before do not load, so the confirmed ones stay: {error}") from error
    write(CONFIRMED, rules)
    remember("confirmed", rules, replaced="no")
    return {"changed": True, "message": "the rules confirmed before are live and confirmed again"}


def rollback(reason: str) -> dict[str, object]:
    """Put back what was live before the last apply, or else the confirmed rules, or else close."""
    disarm()
    tell(f"taking the rules back: {reason}")
    for rules, name in ((BEFORE, "before"), (CONFIRMED, "confirmed")):
        try:
            put(read(rules))
        except FirewallError as error:
            tell(f"the rules of {rules} do not load: {error}")
        else:
            note("rolled-back", reason=reason, to=name)
            return {"changed": True, "message": f"put back: {name}"}
    panic()
    note("closed", reason="neither the rules before nor the confirmed ones load")
    raise FirewallError("neither the rules before nor the confirmed ones load: the host is closed. Use its console")


def load() -> dict[str, object]:
    """Load the confirmed rules, or close."""
    try:
        rules = read(CONFIRMED)
        put(rules)
        remember("confirmed", rules)
    except FirewallError as error:
        panic()
        note("closed", reason=str(error))
        raise FirewallError(f"THE HOST IS CLOSED, its rules do not load: {error}. Use its console") from error
    return {"changed": True, "message": "the confirmed rules are loaded"}


def close() -> dict[str, object]:
    """Close the host by hand."""
    panic()
    note("closed", reason="by hand")
    return {"changed": True, "message": "the host is closed; 'load' opens it again"}


def stage_previous() -> dict[str, object]:
    """Make the rules confirmed before the present ones the candidate."""
    rules = read(PREVIOUS)
    changed = rules != read(CANDIDATE)
    write(CANDIDATE, rules)
    return {"changed": changed, "message": "the rules confirmed before are the candidate"}


def status() -> dict[str, object]:
    """Compare what is loaded with what was staged and confirmed."""

    def digest(directory: Path) -> str | None:
        try:
            return read(directory).digest
        except FirewallError:
            return None

    try:
        kept: Rules | None = read(LIVE)
    except FirewallError:
        kept = None
    return {
        **state(),
        "confirmed": digest(CONFIRMED),
        "candidate": digest(CANDIDATE),
        "live_as_loaded": kept is not None and canonical(live()) == kept,
        "boot": systemctl("is-enabled", UNIT),
        "legacy_tables": legacy_tables(),
    }


def locked() -> Iterator[None]:
    """One at a time: the timer may fire while a confirmation is on its way."""
    with LOCK.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Run one command; the answer is one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["test", "apply", "confirm", "rollback", "revert", "load", "close", "stage-previous", "status", "try"]
    parser.add_argument("command", choices=names, metavar="COMMAND")
    parser.add_argument("--seconds", type=int, default=45, help="how long a trial lasts (apply)")
    parser.add_argument("--lose-session", action="store_true", help="load even what shuts this session out (apply)")
    parser.add_argument("--reason", default="by hand", help="for the journal (rollback)")
    arguments = parser.parse_args()
    if arguments.seconds < SHORTEST_TRIAL:
        parser.error(f"a new connection may take 15 seconds to fail, so a trial lasts at least {SHORTEST_TRIAL}")
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    try:
        if arguments.command == "try":
            # In the empty network namespace that test made: what is live outside is not touched, nor is the lock taken.
            put(read(CANDIDATE))
            return 0
        for _ in locked():
            if arguments.command == "apply":
                answer = apply(arguments.seconds, not arguments.lose_session)
            elif arguments.command == "rollback":
                answer = rollback(arguments.reason)
            else:
                commands = {"test": test, "confirm": confirm, "load": load, "close": close}
                commands |= {"stage-previous": stage_previous, "status": status, "revert": revert}
                answer = commands[arguments.command]()
        sys.stdout.write(json.dumps(answer) + "\n")
    except (FirewallError, OSError) as error:
        tell(f"sallyport-firewall {arguments.command}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
