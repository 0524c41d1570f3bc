#!/usr/bin/python3 -I
"""What lies in Redis, as JSON: for each group of a topic how many events wait, and how many are dead letters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SECRET = Path("/etc/redis/admin.secret")
SOCKET = "/run/redis/redis.sock"
EVENTS = "events:"


class RedisError(Exception):
    """What Redis said."""


def ask(*question: str) -> object:
    """Put one question to Redis. Raises RedisError."""
    command = ["redis-cli", "-s", SOCKET, "--user", "admin", "--no-auth-warning", "-e", "--json", *question]
    environment = {"PATH": os.environ["PATH"], "REDISCLI_AUTH": SECRET.read_text().strip()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RedisError(" ".join((done.stderr + done.stdout).split())[-400:])
    return json.loads(done.stdout)


def topics() -> list[str]:
    found: set[str] = set()
    cursor = "0"
    while True:
        cursor, keys = ask("SCAN", cursor, "MATCH", f"{EVENTS}*", "COUNT", "1000")  # type: ignore[misc]
        found |= {key.removeprefix(EVENTS) for key in keys}
        if str(cursor) == "0":
            return sorted(found)


def waiting(key: str, group: dict[str, object]) -> int:
    """Handed out and not settled, and not handed out yet; which Redis does not always know (`lag` is null then)."""
    lag = group["lag"]
    if lag is None:
        lag = len(ask("XRANGE", key, f"({group['last-delivered-id']}", "+"))  # type: ignore[arg-type]
    return int(str(group["pending"])) + int(str(lag))


def groups() -> list[dict[str, object]]:
    """Return topic, group, waiting and dead. Raises RedisError."""
    return [
        {
            "topic": topic,
            "group": group["name"],
            "waiting": waiting(EVENTS + topic, group),
            "dead": ask("XLEN", f"dead:{topic}:{group['name']}"),
        }
        for topic in topics()
        for group in ask("XINFO", "GROUPS", EVENTS + topic)  # type: ignore[attr-defined]
    ]


def main() -> int:
    try:
        sys.stdout.write(json.dumps(groups()) + "\n")
    except (RedisError, OSError) as error:
        sys.stderr.write(f"sallyport-redis-queues: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
