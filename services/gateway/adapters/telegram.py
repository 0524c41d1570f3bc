"""Telegram: sendMessage of the Bot API (https://core.telegram.org/bots/api#making-requests)."""

from services.gateway.adapters.calls import Answer, Caller
from services.gateway.domain.message import Consignment
from services.gateway.domain.sending import Failed, Limited, Outcome, Refused, Sent, Unknown
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
    if code == 429:
        parameters = content.get("parameters")
        wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
        return Limited(float(wait) if isinstance(wait, int | float) else PATIENCE, reason)
    # The chat is not there, or does not want us.
    if code in {400, 403}:
        return Refused(reason)
    # 401 and 404: the token is wrong, which the operator mends. 5xx: Telegram's own word that it failed.
    return Failed(reason)
