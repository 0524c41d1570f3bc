#!/usr/bin/python3 -I
"""What lies in RabbitMQ, as JSON: for each group of a topic how many events wait, and how many are dead letters.

sallyport-rabbitmq-queues VHOST
"""

from __future__ import annotations

import json
import subprocess
import sys

DEAD = ".dead"


def groups(queues: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return topic, group, waiting and dead of each pair TOPIC.GROUP and TOPIC.GROUP.dead; other queues are hints."""
    counts = {str(queue["name"]): int(str(queue["messages"])) for queue in queues}
    return [
        {
            "topic": name.rpartition(".")[0],
            "group": name.rpartition(".")[2],
            "waiting": waiting,
            "dead": counts[name + DEAD],
        }
        for name, waiting in sorted(counts.items())
        if name + DEAD in counts
    ]


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write(__doc__ or "")
        return 2
    # Messages that were handed out and not settled count as well.
    command = ["rabbitmqctl", "-q", "--vhost", arguments[0], "list_queues", "--formatter", "json", "name", "messages"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(f"sallyport-rabbitmq-queues: {' '.join((done.stderr + done.stdout).split())[-400:]}\n")
        return 1
    sys.stdout.write(json.dumps(groups(json.loads(done.stdout))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
