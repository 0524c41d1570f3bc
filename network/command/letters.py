"""``sallyport letters``: the dead letters of the environment's queues, over SSH; no flow is needed for it."""

import argparse
import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from network.command import laboratory
from network.errors import Problem, UserError

HELP = "list, show or send again what could not be delivered (dead letters)"

_SECONDS = 60
_ID = re.compile(r"[0-9a-f][0-9a-f-]{0,35}")
# The service's own user, settings and secret; nothing of it is printed, and nothing stays.
_REMOTE = r"""
set -eu
service=$1 unit=$2 secret=$3 module=$4
shift 4
settings=$(systemctl show --property=Environment --value "sallyport-$unit.service" | tr ' ' '\n' |
  sed -nE 's/^(SP_(CA_FILE|(DATABASE|BROKER)_[A-Z]+)=.*)/--setenv=\1/p')
exec systemd-run --pipe --wait --collect --quiet --property="User=sp-$service" \
  --property="WorkingDirectory=/opt/sallyport/$service/current" \
  --property="LoadCredential=$secret:/etc/sallyport/secrets/$service/$secret" \
  --property=NoNewPrivileges=yes --property=ProtectSystem=strict --property=ProtectHome=yes --property=PrivateTmp=yes \
  --property=CapabilityBoundingSet= $settings "/opt/sallyport/$service/current/bin/python" -m "$module" "$@"
"""


@dataclass(frozen=True)
class Queue:
    """Where a queue's letters lie: the group of its hosts, the service and unit there, and the module that tells.

    secret: of the service, for the database or the broker that keeps the letters. choice: of the environment, without
    which there is no such queue.
    """

    group: str
    service: str
    unit: str
    module: str
    holds: str
    secret: str = "database_password"  # noqa: S105 - its name
    choice: tuple[str, str] | None = None

    def there(self, choices: Mapping[str, str]) -> bool:
        """Whether an environment that has chosen so has this queue."""
        return self.choice is None or choices.get(self.choice[0]) == self.choice[1]


QUEUES = {
    "main": Queue("web", "main", "relay", "services.main.letters", "jobs that the async service refused"),
    "jobs": Queue(
        "worker",
        "status",
        "status",
        "services.status.job_letters",
        "jobs from the broker that the async service refused",
        "broker_password",
        ("transport", "broker"),
    ),
    "status": Queue("worker", "status", "status", "services.status.letters", "results that the callback refused"),
    "gateway": Queue("gateway", "gateway", "sender", "services.gateway.letters", "messages that wait for a person"),
    "due": Queue(
        "gateway",
        "gateway",
        "sender",
        "services.gateway.due_letters",
        "events that the sender could not read",
        "broker_password",
    ),
    "events": Queue("web", "main", "publisher", "services.main.event_letters", "events that no broker takes"),
    "welcome": Queue(
        "gateway",
        "gateway",
        "welcome",
        "services.gateway.welcome_letters",
        "registrations without a welcome mail",
        "broker_password",
    ),
    "statistics": Queue(
        "gateway", "stats", "stats", "services.stats.letters", "registrations that are not counted", "broker_password"
    ),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("action", nargs="?", default="list", choices=("list", "show", "redrive"))
    parser.add_argument("ids", nargs="*", metavar="ID", help="ids, as `list` prints them")
    parser.add_argument("--queue", choices=QUEUES, help="only this one; show and redrive need it")
    parser.add_argument("--all", action="store_true", help="redrive: every dead letter of the queue")
    parser.add_argument("--json", action="store_true", help="for programs: the same as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the letters or what became of them.

    Raises UserError for a wrong call, and for queues that do not answer, once the others are told.
    """
    if (fault := misuse(args)) is not None:
        raise UserError(fault)
    lab = laboratory.read()
    if not lab.state.ssh_config.exists():
        raise UserError(Problem("sallyport letters", "no lab", "the lab must be up", "./sallyport up"))
    words = [args.action, *args.ids, *(["--all"] if args.all else [])]
    names = chosen(args.queue, lab.model.choices)
    hosts = {name: lab.model.fleet.groups.get(QUEUES[name].group, ("",))[0] for name in names}
    told, silent = asked(names, lambda name: _ask(str(lab.state.ssh_config), hosts[name], QUEUES[name], words))
    if told:
        print(json.dumps(told, indent=2) if args.json else "\n".join(text(args.action, told)))
    if silent:
        raise UserError(*silent)
    return 0


def chosen(queue: str | None, choices: Mapping[str, str]) -> list[str]:
    """Return the queues to ask: the one that is named, or all that the environment has. Raises UserError."""
    there = [name for name, each in QUEUES.items() if each.there(choices)]
    if queue is None:
        return there
    if queue not in there:
        name, value = QUEUES[queue].choice or ("", "")
        raise UserError(
            Problem(
                f"sallyport letters --queue {queue}",
                f"network_choices: {name}: {choices.get(name)}",
                f"there is this queue only with {name}: {value}",
                f"take one of {', '.join(there)}",
            )
        )
    return [queue]


def asked(names: Sequence[str], ask: Callable[[str], Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Ask each queue; return the answers, and what the others said instead."""
    told: dict[str, Any] = {}
    silent: list[Problem] = []
    for name in names:
        try:
            told[name] = ask(name)
        except UserError as error:
            silent += error.problems
    return told, silent


def misuse(args: argparse.Namespace) -> Problem | None:
    """Return what is wrong with a call, if anything is."""
    where = f"sallyport letters {args.action}"
    if args.action == "list" and (args.ids or args.all):
        return Problem(where, " ".join(args.ids) or "--all", "list takes no ids", "take show or redrive")
    if args.action != "list" and not args.queue:
        return Problem(where, "no queue", "ids belong to one queue", f"add --queue {' or --queue '.join(QUEUES)}")
    if args.action == "show" and (len(args.ids) != 1 or args.all):
        return Problem(where, f"{len(args.ids)} ids", "show takes one id", "take one of `sallyport letters`")
    if args.action == "redrive" and bool(args.ids) == args.all:
        return Problem(where, "ids and --all" if args.all else "no ids", "either ids or --all", "name one of the two")
    if wrong := [each for each in args.ids if not _ID.fullmatch(each)]:
        return Problem(where, repr(wrong[0]), "an id is a number or a UUID", "take it from `sallyport letters`")
    return None


def text(action: str, told: dict[str, Any]) -> list[str]:
    """Return the answers of the queues as lines for a person."""
    lines: list[str] = []
    for name, answer in told.items():
        if action == "show":
            width = max(map(len, answer))
            lines += [f"{key:<{width}}  {'-' if value is None else value}" for key, value in answer.items()]
        elif action == "redrive":
            lines.append(f"{name}: {len(answer['redriven'])} sent again")
            lines += [f"  {each}: not dead (any more)" for each in answer["not_dead"]]
        else:
            letters = answer["letters"]
            lines.append(f"{name}: {len(letters) or 'no'} dead letters ({QUEUES[name].holds})")
            lines += ["  ".join(["", each["id"], _about(each), *_since(each), each["reason"]]) for each in letters]
            if letters:
                lines.append(f"  Next: ./sallyport letters redrive --queue {name} --all")
    return lines


def _about(letter: dict[str, Any]) -> str:
    """Return what a letter is about: a message to somebody, an event, or a job for a stock."""
    if "channel" in letter:
        return f"{letter['state']}  {letter['channel']} to {letter['recipient']}"
    if "type" in letter:
        return f"{letter['type']} version {letter['version']}" if letter["type"] else f"{letter['bytes']} bytes"
    return f"stock {letter['stock_id']}  request {letter['request_id'] or '-'}"


def _since(letter: dict[str, Any]) -> list[str]:
    """Return what is known of a letter's life. A broker counts no attempts and keeps no time of death."""
    if "dead_since" in letter:
        return [f"{letter['attempts']} attempts", f"dead since {letter['dead_since'][:19]}"]
    return [f"from {letter['created_at'][:19]}"] if "created_at" in letter else []


def _ask(config: str, host: str, queue: Queue, words: list[str]) -> dict[str, Any]:
    called = [queue.service, queue.unit, queue.secret, queue.module, *words]
    command = ["ssh", "-F", config, host, "sudo", "sh", "-s", "--", *called]
    done = subprocess.run(command, input=_REMOTE, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}, and nothing was said"])[-1]
        raise UserError(
            Problem(
                f"{host or queue.group}, {queue.module}",
                said,
                "the queue is asked by its own service's release, over SSH",
                "see that the host is up: ./sallyport status",
            )
        )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
