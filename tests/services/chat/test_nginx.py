"""The chat's socket through nginx, with the configuration that the compiler gives it."""

from tests.services.api import Api
from tests.services.chat.client import formed_request, session_of, talking


def test_two_talk_through_nginx(behind_nginx: Api) -> None:
    chat = formed_request(behind_nginx)
    sessions = {name: session_of(behind_nginx, name) for name in ("creator", "moderator")}
    with (
        talking(behind_nginx, chat, sessions["creator"]) as creator,
        talking(behind_nginx, chat, sessions["moderator"]) as moderator,
    ):
        moderator.hello()
        for number in range(1, 6):
            assert creator.send(f"text {number}") == number
            assert [entry["text"] for entry in moderator.entries(1)] == [f"text {number}"]
