"""Main is restarted, five times, while a visitor reads the catalogue: every answer is the catalogue."""

import threading
import time
from collections import Counter

from network.check.shell import Shell, must
from tests.web import Visitor, ask_web

# Visitors who ask in turns, so that there is always one who does, and how much each asks at once.
VISITORS, AT_ONCE = 4, 6
RESTARTS = 5
UNIT = "sallyport-main.service"


def test_visitors_see_nothing_of_a_restart(creator: Visitor, web: Shell) -> None:
    answers, over = Counter[tuple[int, str]](), threading.Event()
    read = {"method": "GET", "target": "/stocks", "headers": {"Host": creator.door.name}, "body": ""}

    def visit() -> None:
        while not over.is_set():
            for answer in ask_web(creator.shell, creator.door, [read] * AT_ONCE):
                answers[answer.status, answer.error] += 1

    visiting = [threading.Thread(target=visit) for _ in range(VISITORS)]
    for each in visiting:
        each.start()
    try:
        before = must(web, f"systemctl show --property=MainPID --value {UNIT}")
        for _ in range(RESTARTS):
            must(web, f"systemctl restart {UNIT}")
            time.sleep(3)
        after = must(web, f"systemctl show --property=MainPID --value {UNIT}")
    finally:
        over.set()
        for each in visiting:
            each.join()

    assert before != after
    assert set(answers) == {(200, "")}, answers
    assert answers.total() > 10 * RESTARTS
