"""Main is restarted, five times, while a visitor reads the catalogue: every answer is the catalogue."""

import threading
import time
from collections import Counter

from network.check.shell import Shell, must
from tests.web import Visitor, ask_web

RESTARTS, AT_ONCE = 5, 4
UNIT = "sallyport-main.service"


def test_visitors_see_nothing_of_a_restart(creator: Visitor, web: Shell) -> None:
    answers, over = Counter[tuple[int, str]](), threading.Event()
    read = {"method": "GET", "target": "/stocks", "headers": {"Host": creator.door.name}, "body": ""}

    def visit() -> None:
        while not over.is_set():
            for answer in ask_web(creator.shell, creator.door, [read] * AT_ONCE):
                answers[answer.status, answer.error] += 1

    visiting = threading.Thread(target=visit)
    visiting.start()
    try:
        before = must(web, f"systemctl show --property=MainPID --value {UNIT}")
        for _ in range(RESTARTS):
            must(web, f"systemctl restart {UNIT}")
            time.sleep(3)
        after = must(web, f"systemctl show --property=MainPID --value {UNIT}")
    finally:
        over.set()
        visiting.join()

    assert before != after
    assert set(answers) == {(200, "")}, answers
    assert answers.total() > 10 * RESTARTS
