"""Two processes of main, one database, and each of the brokers between them."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import sleep
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import WebSocketException

from tests.services.api import Api
from tests.services.broker.servers import MAKERS, Server, serving
from tests.services.certificates import Certificates
from tests.services.chat.client import Talker, formed_request, session_of, talking
from tests.services.cluster import Cluster
from tests.services.ports import free_port
from tests.services.processes import Launcher, eventually, reaching

HEARD = "sallyport_chat_hints_heard_total"
LOST = "sallyport_chat_hints_lost_total"


pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module", params=MAKERS, ids=[kind.value for kind in MAKERS])
def server(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serving(request.param, tmp_path_factory.mktemp("chat-broker"), certificates) as found:
        yield found


@dataclass
class Pair:
    """Two processes. metrics: the ports of theirs."""

    first: Api
    second: Api
    metrics: tuple[int, int]
    server: Server

    def value(self, number: int, name: str) -> float:
        text = httpx.get(f"http://127.0.0.1:{self.metrics[number]}/metrics", trust_env=False).text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@pytest.fixture
def pair(launcher: Launcher, cluster: Cluster, database: str, server: Server) -> Pair:
    ends, ports = [], (free_port(), free_port())
    for port in ports:
        main, url = launcher.main(database, SP_METRICS_PORT=str(port), **reaching(server.settings))
        credential = main.folder / "credentials" / "broker_password"
        credential.write_text(server.settings.password.reveal(), "utf-8")
        launcher.start(main, url)
        ends.append(Api(launcher, main, url, cluster, database))
    return Pair(ends[0], ends[1], ports, server)


def both_listen(pair: Pair, here: Talker, there: Talker) -> None:
    """Talk until each process hears the hints of the other."""
    before = [pair.value(number, HEARD) for number in (0, 1)]

    def listening() -> bool:
        here.send("are you there?")
        there.entries(1)
        return all(pair.value(number, HEARD) > before[number] for number in (0, 1))

    eventually(listening, what="hints")


@pytest.mark.timeout(240)
def test_what_is_said_to_one_process_is_heard_from_the_other_with_a_broker_and_without(pair: Pair) -> None:
    chat = formed_request(pair.first)
    creator, moderator = session_of(pair.first, "creator"), session_of(pair.second, "moderator")
    with talking(pair.first, chat, creator) as here, talking(pair.second, chat, moderator) as there:
        here.hello()
        there.hello()
        both_listen(pair, here, there)
        for number in range(20):
            seq = here.send(f"text {number}")
            assert [entry["seq"] for entry in there.entries(1)] == [seq]
        there.say(type="mark", delivered=seq, read=seq)
        told = {"author": "moderator", "delivered": seq, "read": seq}
        while told not in here.hear("marks")["marks"]:
            pass

        pair.server.kill()
        for number in range(3):
            assert here.send(f"without a broker {number}") == seq + number + 1
        assert [entry["seq"] for entry in there.entries(3)] == [seq + 1, seq + 2, seq + 3]
        eventually(lambda: pair.value(0, LOST) > 0, what="a lost hint")
        pair.server.start()
        both_listen(pair, here, there)


@pytest.mark.timeout(240)
def test_processes_that_are_killed_lose_and_double_nothing(pair: Pair) -> None:
    chat = formed_request(pair.first)
    sessions = {name: session_of(pair.first, name) for name in ("creator", "moderator")}
    chance = random.Random(7)
    texts = 40
    done = dict.fromkeys(sessions, 0)

    def write(name: str) -> None:
        own = random.Random(name)
        for number in range(texts):
            client_id = str(uuid4())
            while True:
                api = own.choice([pair.first, pair.second])
                try:
                    with talking(api, chat, sessions[name]) as talker:
                        talker.send(f"{name} {number:02}", client_id)
                        break
                except (OSError, WebSocketException):
                    sleep(0.05)
            done[name] += 1

    def written(least: int) -> bool:
        return min(done.values()) >= least

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, name) for name in sessions]
        for kills in range(1, 5):
            eventually(partial(written, kills * 7), what="progress")
            victim = chance.choice([pair.first, pair.second])
            victim.main.kill()
            victim.launcher.start(victim.main, victim.url)
        for writer in writers:
            writer.result(120)
    with talking(pair.second, chat, sessions["creator"]) as reader:
        reader.hello()
        entries = reader.entries(texts * len(sessions))
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    for name in sessions:
        said = [entry["text"] for entry in entries if entry["author"] == name]
        assert said == [f"{name} {number:02}" for number in range(texts)]
