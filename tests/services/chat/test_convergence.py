"""Whatever the network does, both ends of a chat come to show the same messages in the same order, each once.

Between conversation.js (run by node) and a real main stands a network that holds messages back, loses them, doubles
them, brings them in another order, and cuts the line. Hypothesis chooses what happens, and when.
"""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from websockets.exceptions import ConnectionClosed

from tests.services.api import Api
from tests.services.chat.client import Talker, formed_request, session_of, talking
from tests.services.chat.conversation import Conversation, Message, Node, node
from tests.services.processes import eventually

ENDS = ("creator", "moderator")
COPIES = {"pass": 1, "double": 2, "lose": 0}
# Which of the messages under way is next, and what becomes of it.
FATE = st.tuples(st.integers(0, 9), st.sampled_from(["pass", "pass", "double", "lose"]))
FATES = st.lists(FATE, min_size=1, max_size=6)


@dataclass
class End:
    """One user: what they know, their line to main, and what is under way on it in both directions."""

    name: str
    knows: Conversation
    line: ExitStack | None = None
    talker: Talker | None = None
    up: list[Message] = field(default_factory=list)
    down: list[Message] = field(default_factory=list)

    def say(self, messages: list[Message]) -> None:
        if self.talker:
            self.up += messages

    def listen(self) -> None:
        """Take what main has said into the network."""
        with suppress(TimeoutError, ConnectionClosed):
            while self.talker:
                self.down.append(self.talker.take(within=0.003))

    def connect(self, api: Api, chat: int, session: str) -> None:
        self.line = ExitStack()
        self.talker = self.line.enter_context(talking(api, chat, session))
        # A line begins with a hello: until it has come, main says nothing that could go astray.
        hello, *others = self.knows.connected()
        self.talker.say(**hello)
        self.say(others)

    def cut(self) -> None:
        """The line is gone, and with it all that was under way."""
        if self.line:
            self.line.close()
        self.line = self.talker = None
        self.up, self.down = [], []


class Chat(RuleBasedStateMachine):
    api: Api
    node: Node
    sessions: dict[str, str]

    @initialize(reconnects=st.booleans())
    def begin(self, reconnects: bool) -> None:
        """reconnects: whether in the end the lines are new ones, or the old ones serve, with the gaps they have."""
        self.reconnects = reconnects
        self.chat = formed_request(self.api)
        self.ends = {name: End(name, Conversation(self.node, name)) for name in ENDS}
        self.texts: list[str] = []
        for end in self.ends.values():
            end.knows.open([])
            end.connect(self.api, self.chat, self.sessions[end.name])

    @rule(name=st.sampled_from(ENDS), texts=st.integers(1, 3))
    def write(self, name: str, texts: int) -> None:
        for _ in range(texts):
            text = f"{name} {len(self.texts)}"
            self.texts.append(text)
            self.ends[name].say(self.ends[name].knows.send(str(uuid4()), text))

    @rule(name=st.sampled_from(ENDS), which=st.integers(0, 9), gone=st.booleans())
    def change(self, name: str, which: int, gone: bool) -> None:
        end = self.ends[name]
        mine = [each for each in end.knows.view() if each["author"] == name and each["seq"] and not each["deleted"]]
        if mine:
            seq = mine[which % len(mine)]["seq"]
            end.say(
                end.knows.remove(str(uuid4()), seq) if gone else end.knows.edit(str(uuid4()), seq, f"changed {which}")
            )

    @rule(name=st.sampled_from(ENDS))
    def look(self, name: str) -> None:
        self.ends[name].say(self.ends[name].knows.shown())

    @rule(name=st.sampled_from(ENDS))
    def wait(self, name: str) -> None:
        self.ends[name].say(self.ends[name].knows.tick())

    @rule(name=st.sampled_from(ENDS), fates=FATES)
    def carry_up(self, name: str, fates: list[tuple[int, str]]) -> None:
        """Some messages, not always the oldest, come to main: once, twice, or never."""
        end = self.ends[name]
        for which, fate in fates:
            if end.up and end.talker:
                message = end.up.pop(which % len(end.up))
                for _ in range(COPIES[fate]):
                    end.talker.say(**message)

    @rule(name=st.sampled_from(ENDS), fates=FATES)
    def carry_down(self, name: str, fates: list[tuple[int, str]]) -> None:
        end = self.ends[name]
        end.listen()
        for which, fate in fates:
            if end.down:
                message = end.down.pop(which % len(end.down))
                for _ in range(COPIES[fate]):
                    end.say(end.knows.receive(message))

    @rule(name=st.sampled_from(ENDS))
    def carry_all(self, name: str) -> None:
        """For once the network does what it should."""
        self.flow(self.ends[name])

    @rule(name=st.sampled_from(ENDS), seldom=st.integers(0, 3), closes=st.booleans())
    def cut(self, name: str, seldom: int, closes: bool) -> None:
        """The line is cut; or the page is closed too, and only what it had stored is left."""
        if seldom:
            return
        end = self.ends[name]
        end.cut()
        if closes:
            end.knows.open(end.knows.pending)

    @rule(name=st.sampled_from(ENDS))
    def connect(self, name: str) -> None:
        end = self.ends[name]
        if not end.talker:
            end.connect(self.api, self.chat, self.sessions[name])

    def flow(self, end: End) -> None:
        end.listen()
        for message in end.down:
            end.say(end.knows.receive(message))
        end.down = []
        for message in end.up:
            if end.talker:
                end.talker.say(**message)
        end.up = []

    def teardown(self) -> None:
        """The network is mended; now it must come right."""
        try:
            self.converge()
        finally:
            for end in self.ends.values():
                end.cut()

    def converge(self) -> None:
        for end in self.ends.values():
            if self.reconnects:
                end.cut()
            self.connect(end.name)
            # What comes next shows what is missing before it.
            self.write(end.name, 1)

        rounds = count()

        def settled() -> bool:
            ticks = next(rounds) % 20 == 19
            for end in self.ends.values():
                end.say(end.knows.tick() if ticks else [])
                self.flow(end)
            kept = self.kept()
            return all(_seen(end.knows.view()) == kept and not end.knows.pending for end in self.ends.values())

        eventually(settled, within=20, what="agreement")
        kept = self.kept()
        # Each was written once, and none is missing.
        assert len(kept) == len(self.texts)
        # What an end could not do was to change what had gone on meanwhile.
        for end in self.ends.values():
            for failure in end.knows.failed:
                assert failure["operation"]["type"] in {"edit", "delete"}, failure
                assert failure["code"] in {"outdated", "not-found"}, failure

    def kept(self) -> list[Any]:
        with self.api.signed_in() as client:
            answer = client.get(f"/requests/{self.chat}/chat", params={"limit": 100}).raise_for_status().json()
        assert answer["next"] is None
        return [(each["seq"], each["author"], each["text"], each["is_deleted"]) for each in answer["messages"]]


def _seen(view: list[Message]) -> list[Any]:
    return [(each["seq"], each["author"], each["text"], each["deleted"]) for each in view]


@pytest.fixture(scope="module")
def engine() -> Iterator[Node]:
    with node() as found:
        yield found


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("examples", "steps"), [(4, 30), pytest.param(60, 60, marks=pytest.mark.thorough)], ids=["some", "many"]
)
def test_both_ends_always_converge(api: Api, engine: Node, examples: int, steps: int) -> None:
    Chat.api, Chat.node = api, engine
    Chat.sessions = {name: session_of(api, name) for name in ENDS}
    run_state_machine_as_test(
        Chat,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            # A failure takes its time to show; to make it smaller would take hours.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
