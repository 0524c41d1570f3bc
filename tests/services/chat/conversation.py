"""conversation.js itself, run by node: one end of a chat."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]

DRIVER = Path(__file__).with_name("driver.mjs")


@dataclass
class Node:
    process: subprocess.Popen[str]

    def call(self, *words: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "node has ended; what it said is on standard error"
        return json.loads(line)


@contextmanager
def node() -> Iterator[Node]:
    program = shutil.which("node")
    assert program, "node is missing: apt-get install nodejs"
    # Node 18 warns of nothing here, and takes no options from the surroundings.
    with subprocess.Popen(
        [program, str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env={}
    ) as process:
        yield Node(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


@dataclass
class Conversation:
    """An end by its name. What returns messages returns what is to be said now."""

    node: Node
    name: str

    def open(self, pending: list[Message]) -> None:
        """Begin, as a page does that is loaded: of the visit before only what was pending is left."""
        self.node.call(self.name, "open", pending)

    def connected(self) -> list[Message]:
        return self._said("connected")

    def send(self, client_id: str, text: str) -> list[Message]:
        return self._said("send", client_id, text)

    def edit(self, client_id: str, message: int, text: str) -> list[Message]:
        return self._said("edit", client_id, message, text)

    def remove(self, client_id: str, message: int) -> list[Message]:
        return self._said("remove", client_id, message)

    def shown(self) -> list[Message]:
        return self._said("shown")

    def tick(self) -> list[Message]:
        return self._said("tick")

    def receive(self, message: Message) -> list[Message]:
        return self._said("receive", message)

    def view(self) -> list[Message]:
        return self._said("view")

    @property
    def pending(self) -> list[Message]:
        return self._said("pending")

    @property
    def failed(self) -> list[Message]:
        return self._said("failed")

    def _said(self, *words: object) -> list[Message]:
        found = self.node.call(self.name, *words)
        assert isinstance(found, list)
        return found
