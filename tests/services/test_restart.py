"""What visitors see of a restart of main: nothing, where its listening socket is kept."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import httpx
import pytest

from tests.services import nginx
from tests.services.api import Api
from tests.services.cluster import Cluster
from tests.services.keeper import Keeper, keeping
from tests.services.ports import free_port
from tests.services.processes import Launcher

# GET, which nginx may ask again over a fresh connection, and POST, which it may not.
CALLS = (("GET", "/stocks", 200), ("POST", "/stocks/1/draft", 401))

# Visitors that ask one of them after the other.
THREADS = 4


@pytest.fixture
def kept(launcher: Launcher, cluster: Cluster, database: str, tmp_path: Path) -> Iterator[tuple[Api, Keeper]]:
    """Main behind nginx, with a keeper of its listening socket."""
    port, secure = free_port(), free_port()
    url = f"https://localhost:{secure}"
    main = launcher.service(
        "services.main", database, "sp_main", SP_BIND_PORT=str(port), SP_PUBLIC_ORIGINS=url, SP_TLS_CERT="-"
    )
    with keeping(tmp_path) as keeper, nginx.before(tmp_path, launcher.certificates, secure, port):
        main.keeper = keeper
        launcher.start(main, f"http://127.0.0.1:{port}")
        yield Api(launcher, main, url, cluster, database), keeper


@pytest.mark.thorough
@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_five_restarts_under_load_are_not_seen(kept: tuple[Api, Keeper], ending: str) -> None:
    api, _ = kept
    inner_url = f"http://127.0.0.1:{api.main.environment['SP_BIND_PORT']}"
    answers, over = Counter[tuple[str, int | str]](), threading.Event()

    def ask(method: str, path: str) -> None:
        with api.guest() as guest:
            guest.timeout = 20
            while not over.is_set():
                try:
                    answers[method, guest.request(method, path).status_code] += 1
                except httpx.TransportError as error:
                    answers[method, repr(error)] += 1
                sleep(0.005)

    threads = [threading.Thread(target=ask, args=call[:2]) for call in CALLS for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        sleep(1)
        if ending == "stop":
            assert api.main.stop() == 0
        else:
            api.main.kill()
        sleep(0.5)
        api.launcher.start(api.main, inner_url)
    sleep(1)
    over.set()
    for thread in threads:
        thread.join()
    expected: set[tuple[str, int | str]] = {(method, status) for method, _, status in CALLS}
    if ending == "kill":
        # What had become of a POST that was under way, nobody knows.
        under_way = 5 * sum(method == "POST" for method, *_ in CALLS) * THREADS
        assert answers.pop(("POST", 502), 0) <= under_way
    assert set(answers) == expected, answers


def test_callers_wait_for_a_start_and_are_refused_after_a_stop_for_good(kept: tuple[Api, Keeper]) -> None:
    api, keeper = kept
    assert api.main.stop() == 0
    keeper.look()
    with ThreadPoolExecutor(1) as pool, api.guest() as guest:
        waiting = pool.submit(guest.get, "/stocks")
        sleep(0.5)
        assert not waiting.done()
        api.main.start()
        assert waiting.result().status_code == 200
    assert api.main.stop() == 0
    keeper.look()
    assert len(keeper.kept) == 1
    keeper.let_go()
    with api.guest() as guest:
        assert guest.get("/stocks").status_code == 502


def test_a_socket_that_listens_elsewhere_is_given_back(kept: tuple[Api, Keeper]) -> None:
    api, keeper = kept
    assert api.main.stop() == 0
    keeper.look()
    port = free_port()
    api.main.environment["SP_BIND_PORT"] = str(port)
    api.launcher.start(api.main, f"http://127.0.0.1:{port}")
    keeper.look()
    assert [text.split()[0] for text in keeper.told[-2:]] == ["FDSTOREREMOVE=1", "FDSTORE=1"]
    assert len(keeper.kept) == 1
