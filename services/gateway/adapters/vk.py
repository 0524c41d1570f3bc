"""VK: messages.send (https://dev.vk.com/method/messages.send). Errors come inside of HTTP 200."""

from hashlib import sha256
from uuid import UUID

from services.gateway.adapters.calls import Answer, Caller
from services.gateway.domain.message import Consignment
from services.gateway.domain.sending import Failed, Limited, Outcome, Refused, Sent, Unknown
from services.settings import Secret

VERSION = "5.199"

# Seconds.
SECOND, FLOOD_WAIT, QUOTA_WAIT = 1.0, 60.0, 900.0
# https://dev.vk.com/reference/errors: seconds to wait, and whether everyone waits, for it is our token's calls, or this
# recipient alone. Too many calls a second; the same deed too often; the calls of a longer time are used up.
LIMITS = {6: (SECOND, True), 9: (FLOOD_WAIT, False), 29: (QUOTA_WAIT, True)}
# Permission denied; access denied; user deleted or banned; a wrong parameter; chats that refuse us or are not there; a
# text that is too long.
PERMANENT = frozenset({7, 15, 18, 100, 113, 900, 901, 902, 914, 917, 936, 945})


class VkProvider:
    def __init__(self, caller: Caller, url: str, token: Secret) -> None:
        self._caller = caller
        self._url = url
        self._token = token

    async def send(self, consignment: Consignment) -> Outcome:
        form = {
            "access_token": self._token.reveal(),
            "v": VERSION,
            "peer_id": consignment.content.to,
            "random_id": str(random_id(consignment.id)),
            "message": consignment.content.text,
        }
        answer = await self._caller.post(f"{self._url}/method/messages.send", data=form)
        return judge(answer) if isinstance(answer, Answer) else answer


def random_id(message: UUID) -> int:
    """VK shows messages of one random_id once: a positive int32, the same at each attempt, never 0, which is none."""
    return int.from_bytes(sha256(message.bytes).digest()[:4]) % (2**31 - 1) + 1


def judge(answer: Answer) -> Outcome:
    """What an answer means. One without `response` or `error` is not VK's own, and tells nothing of the message."""
    if "response" in answer.content:
        return Sent(f"message {answer.content['response']}")
    error = answer.content.get("error")
    if not isinstance(error, dict):
        return Unknown(f"answered {answer.status}, which is not VK's own")
    code = error.get("error_code")
    reason = f"error {code} {error.get('error_msg', '')}".rstrip()
    if code in LIMITS:
        wait, everyone = LIMITS[code]
        return Limited(wait, reason, everyone)
    if code in PERMANENT:
        return Refused(reason)
    # 1 and 10: VK's own word that it failed. 5, 14, 17, 27, 28: our token, which the operator mends.
    return Failed(reason)
