"""Sign and verify a message: HMAC-SHA256 over its id, its time and its body.

What the library leaves to us: malformed headers raise other errors than its own, and a timestamp may be written in
many ways with one meaning ("5", "5.0", "05"), which would let one message pass a replay check many times.
"""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

# Seconds which a message's time may differ from ours; the library's own, fixed by the standard.
TOLERANCE = 300
# The standard asks for keys of 24 to 64 bytes.
LEAST_KEY_BYTES = 24

_PREFIX = "whsec_"


class BadSignature(Exception):
    """The message is not signed with our key, or its time is too far from ours. The text says which."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a verified signature vouches for, beside the body."""

    message_id: str
    signed_at: datetime


class SigningKey:
    """A symmetric key. `whsec_<base64>` as the standard writes it; any other text is taken as the key's bytes."""

    def __init__(self, text: str) -> None:
        try:
            key = binascii.a2b_base64(text.removeprefix(_PREFIX)) if text.startswith(_PREFIX) else text.encode()
        except binascii.Error:
            raise ValueError("the signing key starts with whsec_ but is not base64") from None
        if len(key) < LEAST_KEY_BYTES:
            raise ValueError(f"the signing key has {len(key)} bytes; it needs at least {LEAST_KEY_BYTES}")
        self._webhook = Webhook(key)

    def sign(self, message_id: str, body: str, now: datetime) -> dict[str, str]:
        """The three headers that go with `body`. Time has whole seconds: signing anew within one gives the same."""
        moment = now.astimezone(UTC)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": self._webhook.sign(message_id, moment, body),
        }

    def verify(self, body: bytes, headers: Mapping[str, str]) -> Signed:
        """What the headers vouch for. Raises BadSignature."""
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        given = {name: headers.get(name, "") for name in names}
        if not all(given.values()):
            raise BadSignature(f"the headers {', '.join(names)} are all needed")
        if not re.fullmatch(r"[1-9][0-9]{0,11}", given["webhook-timestamp"]):
            raise BadSignature("webhook-timestamp is not a whole number of seconds")
        try:
            self._webhook.verify(body, given, json_parse=False)
        except WebhookVerificationError as error:
            raise BadSignature(str(error)) from None
        except ValueError:
            # Not UTF-8, not base64, or not "version,signature".
            raise BadSignature("the signature or the body is malformed") from None
        return Signed(given["webhook-id"], datetime.fromtimestamp(int(given["webhook-timestamp"]), UTC))
