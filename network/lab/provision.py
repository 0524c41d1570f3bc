"""Runs the playbooks and follows them: what is being done, on how many hosts, what changed, and why it failed.

Ansible's own output goes to a log; the progress comes from a callback plugin
(`callback/sallyport_progress.py`) as lines of JSON over a pipe. `Story` makes sense of these; it is pure.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from network.errors import Problem, UserError
from network.lab.program import failure, tail
from network.lab.progress import Progress
from network.lab.state import State

_LOOK_SECONDS, _HEARTBEAT_SECONDS = 2.0, 10.0
_NOTABLE_SECONDS = 3.0
_SHOWN_FAILURES = 5
# What ends the last play, as the next one would.
_END = {"event": "play", "name": ""}
_CALLBACKS = Path(__file__).parent / "callback"


@dataclass
class Task:
    """A task while it runs: what has come of it on each host."""

    name: str
    play: str
    started: float
    seconds: float = 0.0
    outcomes: dict[str, str] = field(default_factory=dict)

    @property
    def notable(self) -> bool:
        """Whether it changed something, failed or took its time: the others would only fill the screen."""
        return self.seconds >= _NOTABLE_SECONDS or bool(
            {"changed", "failed", "unreachable"} & {*self.outcomes.values()}
        )

    def summary(self) -> str:
        """Return hosts done and changed, in words."""
        counts = Counter(self.outcomes.values())
        done = len(self.outcomes) - counts["skipped"]
        words = [f"{done} host{'s' * (done != 1)}"]
        words += [f"{counts[kind]} {kind}" for kind in ("changed", "failed", "unreachable", "ignored") if counts[kind]]
        return ", ".join(words)


@dataclass(frozen=True)
class Failure:
    """A task that failed on a host, and what was said of it."""

    host: str
    task: str
    cause: str


class Story:
    """What the events of a run amount to."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.failures: list[Failure] = []
        self.changed: list[tuple[str, str]] = []
        self._play = ""

    @property
    def play(self) -> str:
        """The play that was begun last."""
        return self._play

    @property
    def current(self) -> Task | None:
        """The task that was begun last."""
        return self.tasks[-1] if self.tasks else None

    def hear(self, event: Mapping[str, str], now: float) -> Task | None:
        """Take in an event at a time in seconds; return the task that it ended, if it did."""
        kind = event.get("event")
        if kind == "play":
            ended = self.close(now)
            self._play = event["name"]
            return ended
        if kind == "task":
            ended = self.close(now)
            self.tasks.append(Task(event["name"], self._play, now))
            return ended
        if kind == "result" and self.current is not None:
            self._result(event, self.current)
        return None

    def close(self, now: float) -> Task | None:
        """End the running task at a time in seconds and return it; None when there is none that still runs."""
        task = self.current
        if task is None or task.seconds:
            return None
        task.seconds = max(now - task.started, 1e-6)
        return task

    def play_seconds(self) -> dict[str, float]:
        """How long the tasks of each play took."""
        sums: dict[str, float] = {}
        for task in self.tasks:
            sums[task.play] = sums.get(task.play, 0.0) + task.seconds
        return sums

    def play_summary(self, play: str) -> str:
        """Return what a play did, in words."""
        tasks = [task for task in self.tasks if task.play == play]
        changes = sum(outcome == "changed" for task in tasks for outcome in task.outcomes.values())
        return f"{len(tasks)} tasks, {changes} changed, {sum(task.seconds for task in tasks):.1f} s"

    def problems(self, log: Path) -> tuple[Problem, ...]:
        """Return the failures as a user is told them: host and task, cause, and what to do next."""
        hosts: dict[tuple[str, str], list[str]] = {}
        for failed in self.failures:
            hosts.setdefault((failed.task, tail(failed.cause)), []).append(failed.host)
        told = tuple(
            Problem(
                f"{', '.join(sorted(names))}: {task}",
                cause or "no words were given",
                "every task succeeds on every host",
                f"mend the cause (all output: {log}; a shell there: ./sallyport ssh {sorted(names)[0]});"
                " then ./sallyport up carries on",
            )
            for (task, cause), names in hosts.items()
        )
        more = len(told) - _SHOWN_FAILURES
        if more <= 0:
            return told
        rest = Problem("other hosts and tasks", f"{more} further failures", "as above", f"see {log}")
        return (*told[:_SHOWN_FAILURES], rest)

    def _result(self, event: Mapping[str, str], task: Task) -> None:
        host, outcome = event["host"], event["outcome"]
        task.outcomes[host] = outcome
        if outcome == "changed":
            self.changed.append((host, event["task"]))
        if outcome in ("failed", "unreachable"):
            self.failures.append(Failure(host, event["task"], event.get("cause", "")))


def run(playbook: str, state: State, progress: Progress, extra: Sequence[str] = ()) -> Story:
    """Run a playbook of the repository against the environment's inventory. Raises UserError with what failed where."""
    state.log.mkdir(parents=True, exist_ok=True)
    log = state.log / f"{Path(playbook).stem}.log"
    story = Story()
    reading, writing = os.pipe()
    command = (str(Path(sys.executable).parent / "ansible-playbook"), playbook, "-i", str(state.inventory), *extra)
    try:
        with log.open("wb") as sink, os.fdopen(reading) as events:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=state.root,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    pass_fds=(writing,),
                    env=_environment(state, writing),
                )
            finally:
                os.close(writing)
            try:
                with _heartbeat(story, progress):
                    for line in events:
                        _follow(story, json.loads(line), progress)
                code = process.wait()
            except BaseException:
                # Ctrl-C has reached Ansible too; give it the time to tell its workers.
                process.terminate()
                process.wait()
                raise
    except OSError as error:
        raise failure("run ansible-playbook", command[0], str(error)) from error
    _follow(story, _END, progress)
    if code:
        problems = story.problems(log)
        if problems:
            raise UserError(*problems)
        raise failure(f"run {playbook}", str(log), tail(log.read_text(errors="replace")) or f"exit code {code}")
    return story


def _follow(story: Story, event: Mapping[str, str], progress: Progress) -> None:
    """Take in an event, and tell of the task and the play that it ended."""
    play = story.play
    ended = story.hear(event, time.monotonic())
    if ended is not None and ended.notable:
        progress(ended.play, f"{ended.name}: {ended.summary()}, {ended.seconds:.1f} s")
    if event["event"] == "play" and play:
        progress(play, f"done: {story.play_summary(play)}")


@contextmanager
def _heartbeat(story: Story, progress: Progress) -> Iterator[None]:
    """Say what is still running whenever it has run for a while."""
    over = threading.Event()

    def beat() -> None:
        told = 0.0
        while not over.wait(_LOOK_SECONDS):
            task, now = story.current, time.monotonic()
            if task is not None and not task.seconds and now - max(task.started, told) >= _HEARTBEAT_SECONDS:
                told = now
                progress(task.play, f"{task.name}: {now - task.started:.0f} s so far, done: {task.summary()}")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _environment(state: State, descriptor: int) -> dict[str, str]:
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(state.root / "ansible.cfg"),
        "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "sallyport_progress",
        "ANSIBLE_NOCOLOR": "1",
        "SALLYPORT_PROGRESS_FD": str(descriptor),
    }
    # Ansible refuses to run in a locale that is not UTF-8.
    locale = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    if "utf" not in locale.lower():
        environment["LC_ALL"] = "C.UTF-8"
    return environment
