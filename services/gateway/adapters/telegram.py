"""Telegram: sendMessage of the Bot API (https://core.telegram.org/bots/api#making-requests)."""

from collections.abc import Mapping
from typing import Any

from services.gateway.adapters.calls import Answer, Caller
from services.gateway.domain.message import Consignment
from services.gateway.domain.sending import LONGEST_WAIT, Failed, Limited, Outcome, Refused, Sent, Unknown
from services.settings import Secret

# Seconds to wait where Telegram does not say.
PATIENCE = 5.0


class TelegramProvider:
    def __init__(self, caller: Caller, url: str, token: Secret) -> None:
        self._caller = caller
        self._url = url
        self._token = token

    async def send(self, consignment: Consignment) -> Outcome:
        content = consignment.content
        to: int | str = content.to if content.to.startswith("@") else int(content.to)
        answer = await self._caller.post(
            f"{self._url}/bot{self._token.reveal()}/sendMessage", json={"chat_id": to, "text": content.text}
        )
        return judge(answer) if isinstance(answer, Answer) else answer


def judge(answer: Answer) -> Outcome:
    """What an answer means. One that is not the Bot API's own, such as a proxy's 502, tells nothing of the message."""
    ok, content = answer.content.get("ok"), answer.content
    if ok is True:
        result = content.get("result")
        number = result.get("message_id") if isinstance(result, dict) else None
        return Sent(f"message_id {number}")
    if ok is not False:
        return Unknown(f"answered {answer.status}, which is not the Bot API's own")
    code = content.get("error_code", answer.status)
    reason = f"answered {code} {content.get('description', '')}".rstrip()
    # ResponseParameters: what the Bot API says for programs to read.
    found = content.get("parameters")
    parameters: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if code == 429:
        return Limited(_wait(parameters.get("retry_after")), reason)
    # The chat is not there, or does not want us.
    if code in {400, 403}:
        # A message keeps its recipient: a person sends another one to the new chat.
        moved = parameters.get("migrate_to_chat_id")
        return Refused(reason if moved is None else f"{reason}; the group is now {moved}")
    # 401 and 404: the token is wrong, which the operator mends. 5xx: Telegram's own word that it failed.
    return Failed(reason)


def _wait(asked: object) -> float:
    """Seconds, whatever JSON of Python's kind may hold: NaN, infinity and integers beyond every float."""
    if isinstance(asked, int | float) and not isinstance(asked, bool) and asked >= 0:
        return float(min(asked, LONGEST_WAIT))
    return PATIENCE
