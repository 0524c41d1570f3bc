#!/usr/bin/python3 -I
"""Kafka's chores on its own host.

prepare     format the storage where it is new, and join key and certificates into the one file that Kafka reads
wait PORT   return once the administration listens
users       bring users and their rights to what standard input lists as JSON; says {"changed": true} or false
queues      say as JSON for each group of a topic how many events wait, and how many are dead letters
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

JARS = "/opt/sallyport/kafka/current/*"
SETTINGS = "/etc/kafka/server.properties"
ADMIN = "/etc/kafka/admin.properties"
STORAGE = Path("/var/lib/kafka")
KEYSTORE = Path("/run/kafka/keystore.pem")
PKI = Path("/etc/sallyport/pki")
# What was last put in force, as a digest that tells nothing of the passwords: 600,000 rounds.
MARK = Path("/etc/kafka/users.mark")
RESOURCE = re.compile(r"ResourcePattern\(resourceType=(TOPIC|GROUP), name=(.+?), patternType=(LITERAL|PREFIXED)\)")
START_SECONDS = 90.0
ADDRESS = "127.0.0.1:9092"


class KafkaError(Exception):
    """What went wrong, in a sentence."""


def java(main: str, *arguments: str, given: str | None = None) -> str:
    """Run one of Kafka's programs and return what it prints. Raises KafkaError."""
    command = ["/usr/bin/java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", JARS, main, *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stderr + done.stdout).split())
        raise KafkaError(f"{main}: {said[-400:]}")
    return done.stdout


def prepare() -> None:
    pieces = [PKI / "host.key", PKI / "host.pem", PKI / "ca.pem"]
    KEYSTORE.write_text("".join(piece.read_text() for piece in pieces))
    if not (STORAGE / "meta.properties").exists():
        identity = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        java("kafka.tools.StorageTool", "format", f"--cluster-id={identity}", "-c", SETTINGS, "--standalone")


def wait(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise KafkaError(f"nothing listens on port {port} after {START_SECONDS:.0f} s")


def rules(user: dict[str, object]) -> list[list[str]]:
    """Return the arguments of kafka-acls, a list for each grant. Dead letters and groups are called after the topic."""
    principal = f"User:{user['name']}"
    grants = []
    for topic in sorted({*user["publishes"], *user["consumes"]}):
        grants.append(_grant(principal, ["Create", "Describe", "Write"], "--topic", topic, "literal"))
        # Whoever makes the topic makes those of its dead letters.
        grants.append(_grant(principal, ["Create", "Describe", "Write"], "--topic", f"{topic}.", "prefixed"))
    for topic in user["consumes"]:
        grants.append(_grant(principal, ["Read"], "--topic", topic, "literal"))
        grants.append(_grant(principal, ["Describe", "Read"], "--group", f"{topic}.", "prefixed"))
    for topic in user["announces"]:
        operations = ["Create", "Describe", "Read", "Write"]
        grants.append(_grant(principal, operations, "--topic", f"announce.{topic}", "literal"))
    return grants


def resources(text: str) -> list[list[str]]:
    """Return the arguments of kafka-acls that name each resource with rights, from its list; no word means all."""
    return [
        [f"--{kind.lower()}", name, "--resource-pattern-type", pattern.lower()]
        for kind, name, pattern in sorted(set(RESOURCE.findall(text)))
    ]


def _grant(principal: str, operations: list[str], kind: str, name: str, pattern: str) -> list[str]:
    words = [word for operation in operations for word in ("--operation", operation)]
    return ["--allow-principal", principal, *words, kind, name, "--resource-pattern-type", pattern]


def users(wanted: list[dict[str, object]]) -> bool:
    """Bring the users to their state; whether anything had to be done."""
    salt = MARK.read_bytes()[:16] if MARK.exists() else os.urandom(16)
    digest = hashlib.pbkdf2_hmac("sha256", json.dumps(wanted, sort_keys=True).encode(), salt, 600_000)
    storage = (STORAGE / "meta.properties").read_bytes()
    mark = salt + digest + hashlib.sha256(storage).digest()
    if MARK.exists() and MARK.read_bytes() == mark:
        return False
    access = ["--bootstrap-server", ADDRESS, "--command-config", ADMIN]
    names = {str(user["name"]) for user in wanted}
    for line in java("kafka.admin.ConfigCommand", *access, "--describe", "--entity-type", "users").splitlines():
        if "user-principal '" in line and (known := line.split("user-principal '")[1].split("'")[0]) not in names:
            removed = ["--alter", "--delete-config", "SCRAM-SHA-512", "--entity-type", "users", "--entity-name", known]
            java("kafka.admin.ConfigCommand", *access, *removed)
    for user in wanted:
        # Through a file that only root reads: other users see the arguments of a command.
        with tempfile.NamedTemporaryFile("w", dir="/run", prefix="sallyport-kafka-") as secret:
            secret.write(f"SCRAM-SHA-512=iterations=8192,password={user['password']}\n")
            secret.flush()
            named = ["--entity-type", "users", "--entity-name", str(user["name"])]
            java("kafka.admin.ConfigCommand", *access, "--alter", "--add-config-file", secret.name, *named)
    # Rights that are no longer listed go: all are taken away and given anew. A client that is refused in between tries
    # again.
    for resource in resources(java("org.apache.kafka.tools.AclCommand", *access, "--list")):
        java("org.apache.kafka.tools.AclCommand", *access, "--remove", "--force", *resource)
    for user in wanted:
        for grant in rules(user):
            java("org.apache.kafka.tools.AclCommand", *access, "--add", *grant)
    descriptor = os.open(MARK, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as sink:
        sink.write(mark)
    return True


Places = dict[tuple[str, int], int]


def offsets(text: str) -> Places:
    """Read what GetOffsetShell prints: a line TOPIC:PARTITION:OFFSET each."""
    lines = (line.rsplit(":", 2) for line in text.splitlines() if line.count(":") >= 2)
    return {(topic, int(partition)): int(offset) for topic, partition, offset in lines if offset}


def committed(text: str) -> dict[str, Places]:
    """Read what kafka-consumer-groups prints of all groups: columns group, topic, partition, offset, and more."""
    found: dict[str, Places] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 4 and words[2].isdigit() and words[3].isdigit():
            found.setdefault(words[0], {})[words[1], int(words[2])] = int(words[3])
    return found


def left(topic: str, group: str, starts: Places, ends: Places, places: dict[str, Places]) -> int:
    """How many records of a topic a group has not passed yet; one that never committed begins at the start."""
    passed = places.get(group, {})
    own = [place for place in ends if place[0] == topic]
    return sum(max(0, ends[place] - max(passed.get(place, 0), starts.get(place, 0))) for place in own)


def _offsets_at(time: str, access: list[str]) -> Places:
    try:
        asked = ["--exclude-internal-topics", "--time", time]
        return offsets(java("org.apache.kafka.tools.GetOffsetShell", *access, *asked))
    except KafkaError as error:
        # So it speaks where nobody has published anything yet.
        if "Could not match any topic-partitions" in str(error):
            return {}
        raise


def queues() -> list[dict[str, object]]:
    """Return topic, group, waiting and dead of each group that has a topic of dead letters. Raises KafkaError."""
    access = ["--bootstrap-server", ADDRESS, "--command-config", ADMIN]
    ends, starts = (_offsets_at(time, access) for time in ("latest", "earliest"))
    groups = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
    places = committed(java(groups, *access, "--describe", "--all-groups", "--offsets"))
    found = []
    for dead in sorted({topic for topic, _ in ends if topic.endswith(".dead")}):
        topic, _, group = dead.removesuffix(".dead").rpartition(".")
        found.append(
            {
                "topic": topic,
                "group": group,
                "waiting": left(topic, f"{topic}.{group}", starts, ends, places),
                "dead": left(dead, f"{topic}.{group}.letters", starts, ends, places),
            }
        )
    return found


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["prepare"]:
                prepare()
            case ["wait", port]:
                wait(int(port))
            case ["queues"]:
                sys.stdout.write(json.dumps(queues()) + "\n")
            case ["users"]:
                sys.stdout.write(json.dumps({"changed": users(json.load(sys.stdin))}) + "\n")
            case _:
                sys.stderr.write(__doc__ or "")
                return 2
    except KafkaError as error:
        sys.stderr.write(f"sallyport-kafka: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
