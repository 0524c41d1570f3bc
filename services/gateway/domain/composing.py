"""From a draft to what is sent: every rule that a message must keep before it is accepted."""

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

from services.gateway.domain.errors import InvalidMessage
from services.gateway.domain.message import Channel, Content, Draft
from services.gateway.domain.template import render

# UTF-16 units, as Telegram counts (Bot API, sendMessage: 4096); VK documents 9000 of a kind it does not name.
MOST_OF_TEXT = {Channel.EMAIL: 20_000, Channel.TELEGRAM: 4096, Channel.VK: 9000}
MOST_OF_SUBJECT = 200

_TELEGRAM = re.compile(r"-?[1-9][0-9]{0,15}|@[A-Za-z][A-Za-z0-9_]{4,31}")
_VK = re.compile(r"-?[1-9][0-9]{0,9}")


def compose(draft: Draft) -> Content:
    """The content of a draft that keeps all rules. Raises InvalidMessage at the first that is broken."""
    channel = _channel(draft.channel)
    to = _recipient(channel, draft.to)
    return Content(channel, to, _subject(channel, draft.subject), _text(channel, draft))


def _channel(name: str) -> Channel:
    found = next((channel for channel in Channel if channel.value == name), None)
    if found is None:
        raise InvalidMessage("channel", f"There is no such channel; there are {', '.join(Channel)}.")
    return found


def _recipient(channel: Channel, to: str) -> str:
    match channel:
        case Channel.EMAIL:
            _no_encoded_word("to", to)
            try:
                address = validate_email(to, check_deliverability=False, allow_smtputf8=False).ascii_email
            except EmailNotValidError as error:
                raise InvalidMessage("to", f"It is no mail address: {error}") from None
            # Without SMTPUTF8 there always is one: a domain of other letters in ASCII's (RFC 5891), as servers take it.
            assert address
            return address
        case Channel.TELEGRAM:
            if not _TELEGRAM.fullmatch(to):
                raise InvalidMessage("to", "A Telegram chat is a number, or the @name of a channel.")
            # Names of channels are not case-sensitive, and one recipient must be one.
            return to.lower()
        case Channel.VK:
            if not _VK.fullmatch(to):
                raise InvalidMessage("to", "A VK peer is a number.")
            return to


def _subject(channel: Channel, subject: str | None) -> str:
    if channel is not Channel.EMAIL:
        if subject:
            raise InvalidMessage("subject", f"A message by {channel} has none.")
        return ""
    if not subject or not subject.strip():
        raise InvalidMessage("subject", "A mail has one.")
    if len(subject) > MOST_OF_SUBJECT:
        raise InvalidMessage("subject", f"It has {len(subject)} characters, and at most {MOST_OF_SUBJECT} are taken.")
    if _control(subject) or len(subject.splitlines()) > 1:
        # A line break would begin another header (RFC 5322, section 2.2); Unicode knows more of them than ASCII does.
        raise InvalidMessage("subject", "It is one line, without control characters.")
    _no_encoded_word("subject", subject)
    return subject.strip()


def _text(channel: Channel, draft: Draft) -> str:
    if (draft.text is None) == (draft.template is None):
        raise InvalidMessage("text", "Give either `text`, or `template` with `variables`.")
    if draft.template is None:
        if draft.variables:
            raise InvalidMessage("variables", "They fill in a `template`, and there is none.")
        at, text = "text", draft.text or ""
    else:
        at, text = "template", render(draft.template, draft.variables)
    if not text.strip():
        raise InvalidMessage(at, "The text is empty.")
    if (units := len(text.encode("utf-16-le", "surrogatepass")) // 2) > MOST_OF_TEXT[channel]:
        raise InvalidMessage(
            at, f"The text has {units} characters, and {channel} takes {MOST_OF_TEXT[channel]} at most."
        )
    if _control(re.sub(r"[\n\t]|\r\n", "", text)):
        raise InvalidMessage(at, "The text has control characters.")
    return text


def _no_encoded_word(at: str, text: str) -> None:
    """Raise InvalidMessage where an encoded word may begin (RFC 2047): whoever reads it may find a line break in it.

    Python's own library is one of them: it decodes what is put into a header, and writes another header after it.
    """
    if "=?" in text:
        raise InvalidMessage(at, "It has `=?`, which begins an encoded word in mail.")


def _control(text: str) -> bool:
    """Whether there are control characters (Cc), or halves of a pair (Cs), which no encoding carries."""
    return any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)
