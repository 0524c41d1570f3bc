"""What is said on the chat's socket. docs/chat.md describes it for those who write a client."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from services.main.domain.chat import LONGEST_TEXT, Entry, Kind, Mark, Operation
from services.main.domain.user import User
from services.main.entrypoints.shapes import PROSE, Taken

# Characters of a message from a client; a text at its longest fits in, however JSON escapes it.
LONGEST = 32 * 1024
BIGINT = 2**63 - 1


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("A text needs at least one character that can be seen.")
    return text


Seq = Annotated[int, Field(ge=0, le=BIGINT)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT, pattern=PROSE), AfterValidator(_filled)]
Version = Annotated[int, Field(ge=2, le=2**31 - 1)]


class Hello(Taken):
    """Where the client is: what came after it will be sent, and from then on what happens."""

    type: Literal["hello"]
    after: Seq


class Send(Taken):
    type: Literal["send"]
    id: UUID
    text: Text

    def operation(self, request_id: int, author: User) -> Operation:
        return Operation(request_id, author, self.id, Kind.TEXT, text=self.text)


class Edit(Taken):
    type: Literal["edit"]
    id: UUID
    message: Seq
    version: Version
    text: Text

    def operation(self, request_id: int, author: User) -> Operation:
        return Operation(request_id, author, self.id, Kind.EDIT, self.message, self.version, self.text)


class Delete(Taken):
    type: Literal["delete"]
    id: UUID
    message: Seq
    version: Version

    def operation(self, request_id: int, author: User) -> Operation:
        return Operation(request_id, author, self.id, Kind.DELETE, self.message, self.version)


class Fetch(Taken):
    """Entries that did not arrive, both ends included."""

    type: Literal["fetch"]
    first: Annotated[int, Field(alias="from", ge=1, le=BIGINT)]
    to: Annotated[int, Field(ge=1, le=BIGINT)]


class Marks(Taken):
    type: Literal["mark"]
    delivered: Seq
    read: Seq


Said: TypeAlias = Hello | Send | Edit | Delete | Fetch | Marks

_said: TypeAdapter[Said] = TypeAdapter(Annotated[Said, Field(discriminator="type")])


class Refused(Exception):
    """A message that is not taken. The socket lives on. fields: what else is told; `id` where it had one."""

    def __init__(self, code: str, detail: str, **fields: object) -> None:
        super().__init__(detail)
        self.code = code
        self.fields = fields


def read(text: str | None) -> Said:
    """A client's message. Raises Refused."""
    if text is None:
        raise Refused("not-text", "Send text frames; this one was binary.")
    if len(text) > LONGEST:
        raise Refused("too-large", f"The message has {len(text)} characters; {LONGEST} are the most.")
    try:
        return _said.validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
    if fault["type"] == "json_invalid":
        raise Refused("not-json", "The message is not JSON.")
    if not fault["loc"]:
        kinds = "hello, send, edit, delete, fetch, mark"
        raise Refused("unknown-type", f"Send a JSON object with a type: one of {kinds}.", **_id_of(text))
    # The first part says which kind of message it was.
    at = ".".join(str(part) for part in fault["loc"][1:])
    raise Refused("invalid", fault["msg"].removeprefix("Value error, "), at=at, **_id_of(text))


def _id_of(text: str) -> dict[str, str]:
    """The client's own name for a message that was refused, so that it knows which."""
    found = json.loads(text)
    name = found.get("id") if isinstance(found, dict) else None
    return {"id": name} if isinstance(name, str) and len(name) <= 36 else {}


def welcome(room_last: int, user: User) -> str:
    return _text({"type": "welcome", "you": user.name, "last": room_last})


def entries(found: Sequence[Entry]) -> str:
    return _text({"type": "entries", "entries": [_entry(each) for each in found]})


def ack(operation_id: UUID, seq: int) -> str:
    return _text({"type": "ack", "id": str(operation_id), "seq": seq})


def marks(found: Sequence[Mark]) -> str:
    told = [{"author": each.author, "delivered": each.delivered, "read": each.read} for each in found]
    return _text({"type": "marks", "marks": told})


def beat(last: int) -> str:
    return _text({"type": "beat", "last": last})


def refusal(error: Refused) -> str:
    return _text({"type": "error", "code": error.code, "detail": str(error), **error.fields})


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "kind": entry.kind.value,
        "message": entry.message,
        "version": entry.version,
        "author": entry.author,
        "id": str(entry.client_id),
        "text": entry.text,
        "at": entry.written_at.isoformat(),
    }


def _text(message: dict[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
