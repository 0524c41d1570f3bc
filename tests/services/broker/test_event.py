"""What travels, and which bytes are no event of ours."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from services.broker import Event, Malformed
from services.broker.event import MOST
from services.broker.kafka import MOST_OF_LETTER
from tests.services.broker.samples import events

(EVENT,) = events(1)
TEMPLATE = Path(__file__).parents[3] / "roles/kafka/templates/server.properties.j2"


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(EVENT.encode()) | fields).encode()


def test_an_event_is_read_as_it_was_written() -> None:
    assert Event.decode(EVENT.encode()) == EVENT
    assert Event.decode(changed(type="🙂 \\ud800")).type == "🙂 \\ud800"


def test_a_dead_letter_has_room_for_the_largest_event_and_its_reason() -> None:
    taken = re.search(r"^message\.max\.bytes=(\d+)$", TEMPLATE.read_text("utf-8"), re.MULTILINE)
    assert taken
    # A reason is at most 500 characters of four bytes.
    assert MOST < int(taken[1]) <= MOST_OF_LETTER - 4096


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 10_000, "not JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "no id"),
        (b" " * 262_145, "at most"),
        (changed(version=True), "not of its kind"),
        (changed(occurred_at="2026-11-26T12:00:00"), "not of its kind"),
        (changed(payload=[]), "not of its kind"),
        # Halves of a pair are text that nothing can write down: no log, no database, and no dead letter's reason.
        (changed(type="\ud800"), "half a character"),
        (changed(payload={"deep": ["\udfff"]}), "half a character"),
        (changed(type="X").replace(b"X", b"\xed\xa0\x80"), "half a character"),
    ],
)
def test_other_bytes_are_refused_with_the_reason(body: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        Event.decode(body)
