"""Which drafts are taken, and where and why the others are not."""

import string
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.composing import MOST_OF_TEXT, compose
from services.gateway.domain.due import TYPE, VERSION, Due, NotDue, lane
from services.gateway.domain.errors import InvalidMessage
from services.gateway.domain.message import Channel, Draft
from services.gateway.domain.template import MOST, MOST_RENDERED, render

TO = {Channel.EMAIL: "someone@example.org", Channel.TELEGRAM: "42", Channel.VK: "7"}


def draft(channel: Channel, **fields: object) -> Draft:
    given: dict[str, object] = {"subject": "Subject" if channel is Channel.EMAIL else None, "text": "Text"}
    return Draft(channel.value, **({"to": TO[channel]} | given | fields))  # type: ignore[arg-type]


def refused(found: Draft) -> InvalidMessage:
    with pytest.raises(InvalidMessage) as caught:
        compose(found)
    return caught.value


@pytest.mark.parametrize("channel", Channel)
def test_a_good_draft_is_taken_as_it_is(channel: Channel) -> None:
    content = compose(draft(channel, text="Hello,\n\tworld"))
    assert (content.channel, content.to, content.text) == (channel, TO[channel], "Hello,\n\tworld")


@pytest.mark.parametrize(
    ("channel", "fields", "at", "why"),
    [
        (Channel.EMAIL, {"to": "nobody"}, "to", "no mail address"),
        (Channel.EMAIL, {"to": "a@b@example.org"}, "to", "no mail address"),
        (Channel.EMAIL, {"to": "a@example.org\nBcc: b@example.org"}, "to", "no mail address"),
        (Channel.EMAIL, {"to": "a@example.org, b@example.org"}, "to", "no mail address"),
        (Channel.EMAIL, {"to": "пётр@example.org"}, "to", "no mail address"),
        (Channel.TELEGRAM, {"to": "someone"}, "to", "a number, or the @name"),
        (Channel.TELEGRAM, {"to": "0"}, "to", "a number"),
        (Channel.VK, {"to": "id7"}, "to", "a number"),
        (Channel.EMAIL, {"subject": None}, "subject", "A mail has one"),
        (Channel.EMAIL, {"subject": " "}, "subject", "A mail has one"),
        (Channel.EMAIL, {"subject": "a\r\nBcc: b@example.org"}, "subject", "one line"),
        (Channel.EMAIL, {"subject": "a\u2028b"}, "subject", "one line"),
        (Channel.EMAIL, {"subject": "=?utf-8?q?a=0d=0aBcc:_b@example.org?="}, "subject", "encoded word"),
        (Channel.EMAIL, {"to": "=?utf-8?q?a=2Cb?=@example.org"}, "to", "encoded word"),
        (Channel.EMAIL, {"subject": "a" * 201}, "subject", "201 characters, and at most 200"),
        (Channel.TELEGRAM, {"subject": "Subject"}, "subject", "by telegram has none"),
        (Channel.VK, {"text": ""}, "text", "empty"),
        (Channel.VK, {"text": " \n"}, "text", "empty"),
        (Channel.VK, {"text": "a\0b"}, "text", "control characters"),
        (Channel.VK, {"text": "\ud800"}, "text", "control characters"),
        (Channel.VK, {"text": "a\rb"}, "text", "control characters"),
        # Of two units each, as Telegram counts.
        (Channel.TELEGRAM, {"text": "🙂" * 2049}, "text", "4098 characters, and telegram takes 4096"),
        (Channel.EMAIL, {"text": "a" * 20_001}, "text", "20001 characters"),
        (Channel.VK, {"text": None}, "text", "either `text`, or `template`"),
        (Channel.VK, {"template": "x"}, "text", "either `text`, or `template`"),
        (Channel.VK, {"variables": {"a": 1}}, "variables", "there is none"),
        (Channel.VK, {"text": None, "template": "{{ a }}", "variables": {"a": " "}}, "template", "empty"),
    ],
)
def test_a_bad_draft_is_refused_with_where_and_why(
    channel: Channel, fields: dict[str, object], at: str, why: str
) -> None:
    error = refused(draft(channel, **fields))
    assert error.at == at
    assert why in str(error)


def test_an_unknown_channel_is_told_with_those_that_exist() -> None:
    error = refused(Draft("fax", "1", text="x"))
    assert (error.at, str(error)) == ("channel", "There is no such channel; there are email, telegram, vk.")


@pytest.mark.parametrize("channel", Channel)
def test_a_text_at_its_longest_is_taken(channel: Channel) -> None:
    assert len(compose(draft(channel, text="a" * MOST_OF_TEXT[channel])).text) == MOST_OF_TEXT[channel]


@pytest.mark.parametrize(
    ("one", "other"), [("A@EXAMPLE.org", "A@example.org"), ("someone@bücher.example", "someone@xn--bcher-kva.example")]
)
def test_one_mailbox_has_one_spelling(one: str, other: str) -> None:
    assert compose(draft(Channel.EMAIL, to=one)).to == compose(draft(Channel.EMAIL, to=other)).to == other


@given(st.text(max_size=40), st.sampled_from(Channel))
def test_whatever_is_taken_holds_no_control_characters_and_one_line_of_recipient(to: str, channel: Channel) -> None:
    try:
        content = compose(draft(channel, to=to))
    except InvalidMessage as error:
        assert error.at == "to"
        return
    assert content.to.isprintable()
    assert not set(content.to) & set(" \r\n,;<>")


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_text_and_a_subject_are_taken_or_refused_and_nothing_else(text: str, subject: str) -> None:
    try:
        content = compose(draft(Channel.EMAIL, text=text, subject=subject))
    except InvalidMessage as error:
        assert error.at in {"text", "subject"}
        return
    assert content.text == text
    assert content.subject == subject.strip()
    assert content.subject.isprintable() or not content.subject.isascii()
    (content.text + content.subject).encode()


@pytest.mark.parametrize(
    ("template", "why", "line"),
    [
        ("Dear {{ name }},\nyour {{ thing }}", "'thing' is undefined", 2),
        ("{{ name.first }}", "has no attribute 'first'", 1),
        ("\n{{ name ", "Unexpected end of template", 2),
        ("{% if name %}", "Unexpected end of template", 1),
        ("{{ name | shout }}", "No filter named 'shout'", 1),
        ("{{ name | round }}", "__round__", 1),
        ("{{ name.__class__ }}", "unsafe", 1),
        ("{{ range(9) }}", "call is not for templates", 1),
        ("{{ name * 9 }}", "mul is not for templates", 1),
        ("a\n{% include 'other' %}", "include is not for templates", 2),
        ("{% macro a() %}{% endmacro %}", "macro is not for templates", 1),
        ("{% for a in name %}{% for b in name %}{% endfor %}{% endfor %}", "A loop within a loop", 1),
        ("{% for a in many %}{{ long }}{% endfor %}", f"more than {MOST_RENDERED}", None),
        ("{% for a in 5 %}{% endfor %}", "not iterable", 1),
        ("a" * (MOST + 1), f"at most {MOST}", None),
        ("{{" + "(" * 3000, "recursion", None),
        ("{% if name %}" * 110 + "{% endif %}" * 110, "Too many levels", None),
        ("a\n{{ name.upper }}", "is no value", 2),
        ("{{ self }}", "is no value", 1),
    ],
)
def test_a_broken_template_is_refused_with_where_and_why(template: str, why: str, line: int | None) -> None:
    variables = {"name": "Anna", "many": [1] * 5000, "long": "x" * 5000}
    with pytest.raises(InvalidMessage) as caught:
        render(template, variables)
    assert caught.value.at == "template"
    assert why in str(caught.value)
    assert f"(line {line})" in str(caught.value) if line else True


def test_a_template_is_rendered() -> None:
    template = (
        "Dear {{ user.name | title }},\n{% for each in stocks.items %}{{ loop.index }} {{ each }}\n{% endfor %}"
        "{{ note | default('Bye') }}\n"
    )
    found = render(template, {"user": {"name": "anna"}, "stocks": {"items": ["Altay", "<b>"]}})
    # Plain text: nothing is escaped, and the last line break stays. What was given comes before Python's own methods.
    assert found == "Dear Anna,\n1 Altay\n2 <b>\nBye\n"


@given(st.text(alphabet=string.printable + "{}%|", max_size=60))
def test_no_template_raises_anything_else(template: str) -> None:
    try:
        render(template, {"name": "Anna"})
    except InvalidMessage as error:
        assert error.at == "template"


def test_what_travels_names_the_attempt_and_nobody() -> None:
    due = Due(uuid4(), 3)
    assert Due.of(TYPE, VERSION, due.payload()) == due
    assert due.id == Due(due.message, 3).id != Due(due.message, 4).id
    assert "example.org" not in lane("email", "someone@example.org")
    assert lane("vk", "7") != lane("telegram", "7")


@pytest.mark.parametrize(
    ("kind", "version", "payload"),
    [
        ("registered", VERSION, {}),
        (TYPE, 2, {"message": str(uuid4()), "number": 1}),
        (TYPE, VERSION, {}),
        (TYPE, VERSION, {"message": "x", "number": 1}),
        (TYPE, VERSION, {"message": str(uuid4()), "number": "1"}),
    ],
)
def test_an_event_that_is_not_understood_is_refused(kind: str, version: int, payload: dict[str, object]) -> None:
    with pytest.raises(NotDue):
        Due.of(kind, version, payload)
