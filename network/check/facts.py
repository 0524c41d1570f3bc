"""What one batched look at a host saw, each thing parsed once. No judgement here."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any

_COUNTER = re.compile(r"\[\d+:\d+\]")
_RULE = re.compile(r"(?:\[(?P<packets>\d+):\d+\] )?-A (?P<chain>\S+) ?(?P<rest>.*)")
_COMMENT = re.compile(r"--comment \"?(?P<comment>[^\"\s]+)")


@dataclass(frozen=True)
class Socket:
    """A socket that waits for strangers. `program` is the first process that holds it, or empty."""

    protocol: str
    address: str
    port: int
    program: str

    @property
    def loopback(self) -> bool:
        """Whether only the host itself reaches it."""
        plain = self.address.partition("%")[0].strip("[]")
        if plain == "*":
            return False
        found = ip_address(plain)
        mapped = getattr(found, "ipv4_mapped", None)
        return bool((mapped or found).is_loopback)


@dataclass(frozen=True)
class File:
    """A file's access mode (an octal number), owner, group and path."""

    mode: int
    owner: str
    group: str
    path: str


@dataclass(frozen=True)
class Facts:
    """What a host said, by the name of the question (`network.check.gather` asks them)."""

    host: str
    said: Mapping[str, Mapping[str, Any]] = field(repr=False)

    def text(self, name: str) -> str:
        """Return what a command printed; empty when it was not asked or not there."""
        return str(self.said.get(name, {}).get("out", ""))

    def lines(self, name: str) -> list[str]:
        """Return what a command printed, line by line, without empty lines."""
        return [line for line in self.text(name).splitlines() if line.strip()]

    def status(self, name: str) -> int:
        """Return a command's exit status; 127 when it was not asked or not there."""
        return int(self.said.get(name, {}).get("status", 127))

    @cached_property
    def sockets(self) -> tuple[Socket, ...]:
        """Every listening TCP socket and bound UDP socket (``ss -Hltnup``)."""
        found = []
        for line in self.lines("sockets"):
            words = line.split(maxsplit=6)
            address, _, port = words[4].rpartition(":")
            program = re.search(r'\(\("([^"]+)"', words[6]) if len(words) > 6 else None
            found.append(Socket(words[0], address, int(port), program.group(1) if program else ""))
        return tuple(found)

    @cached_property
    def files(self) -> tuple[File, ...]:
        """The files under the directories that hold keys, secrets and settings."""
        found = (line.split(" ", 3) for line in self.lines("files"))
        return tuple(File(int(mode, 8), owner, group, path) for mode, owner, group, path in found)

    @cached_property
    def kernel(self) -> Mapping[str, str]:
        """Kernel settings by name, as sysctl spells them."""
        return {
            name.strip(): value.strip() for name, _, value in (line.partition("=") for line in self.lines("kernel"))
        }

    @cached_property
    def sshd(self) -> Mapping[str, str]:
        """What sshd really uses (``sshd -T``), by small-letter name; the first value of each."""
        found: dict[str, str] = {}
        for line in self.lines("sshd"):
            name, _, value = line.partition(" ")
            found.setdefault(name.lower(), value)
        return found

    @cached_property
    def units(self) -> Mapping[str, str]:
        """The state (active, inactive, failed, …) of every unit that systemd has loaded."""
        found = (line.replace("●", " ").split() for line in self.lines("units"))
        return {words[0]: words[2] for words in found if len(words) > 2}

    @cached_property
    def unit_files(self) -> Mapping[str, str]:
        """Whether each service and timer is started at boot (enabled, masked, static, …)."""
        found = (line.split() for line in self.lines("unit-files"))
        return {words[0]: words[1] for words in found if len(words) > 1}

    @cached_property
    def properties(self) -> Mapping[str, Mapping[str, str]]:
        """The settings of Sallyport's own services, by unit."""
        blocks = [
            dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            for block in self.text("properties").split("\n\n")
        ]
        return {block["Id"]: block for block in blocks if "Id" in block}

    def rules(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Return the rules of each "table chain" of an iptables-save text, counters taken off."""
        found: dict[str, tuple[str, ...]] = {}
        table = ""
        for line in self.lines(name):
            if line.startswith("*"):
                table = line[1:]
            elif line.startswith(":"):
                found.setdefault(f"{table} {line[1:].split()[0]}", ())
            elif match := _RULE.match(line):
                key = f"{table} {match['chain']}"
                found[key] = (*found.get(key, ()), _COUNTER.sub("", match["rest"]).strip())
        return found

    def policies(self, name: str) -> Mapping[str, str]:
        """Return the default policy of each built-in "table chain" of an iptables-save text."""
        found = {}
        table = ""
        for line in self.lines(name):
            if line.startswith("*"):
                table = line[1:]
            elif line.startswith(":"):
                chain, policy = line[1:].split()[:2]
                if policy != "-":
                    found[f"{table} {chain}"] = policy
        return found

    def json(self, name: str) -> Any:
        """Return what a command printed as JSON; None when it printed none."""
        try:
            return json.loads(self.text(name))
        except json.JSONDecodeError:
            return None


def deny_counters(saved: str) -> dict[str, int]:
    """Return how many packets each kind of denial (in, fwd, out, spoof, invalid) has met: ``iptables-save -c``."""
    found: dict[str, int] = {}
    for line in saved.splitlines():
        match, comment = _RULE.match(line), _COMMENT.search(line)
        if match and comment and match["packets"] and comment["comment"].startswith("deny:"):
            kind = comment["comment"].removeprefix("deny:")
            found[kind] = found.get(kind, 0) + int(match["packets"])
    return found
