"""The pages' languages: each message is there in both; numbers, amounts and dates are written as one writes them."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from services.main.entrypoints.pages.language import NAMES, SOURCE, language, read_by
from services.main.entrypoints.pages.wording import N_
from services.tracing import Step

MAIN = Path(__file__).parents[2] / "services/main"
Key: TypeAlias = str | tuple[str, ...]
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2), "say": None, "say_many": (1, 2)}
OTHERS = sorted(NAMES.keys() - {SOURCE})


def used() -> set[Key]:
    """Every message that the pages and their code can say."""
    methods = [("**.py", "python"), ("**.html", "jinja2.ext.babel_extract")]
    options = {"**.html": {"trim_blocks": "true", "newstyle_gettext": "true", "silent": "false"}}
    found = extract_from_dir(MAIN, methods, options, KEYWORDS)
    return {each[2] for each in found}


def catalogue(code: str) -> Catalog:
    with (MAIN / "locales" / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code, abort_invalid=True)


@pytest.mark.parametrize("code", OTHERS)
def test_every_message_is_translated_and_no_other(code: str) -> None:
    found = catalogue(code)
    keys = {message.id for message in found if message.id}
    assert keys == used(), f"services/main/locales/{code}.po and the pages differ"
    for message in found:
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), f"{message.id} has no translation"
        assert not message.fuzzy, message.id


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_holds_the_same_values(code: str) -> None:
    for message in catalogue(code):
        assert not list(message.check(catalogue(code))), message.id


def test_the_steps_of_a_timeline_are_called_as_their_spans() -> None:
    assert all(N_(step.title) in used() for step in Step)


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9,en-US;q=0.8", "ru"),
        ("en;q=0.5, ru;q=0.7", "ru"),
        ("ru;q=0, en", "en"),
        ("fr, de;q=0.9", "en"),
        ("fr, ru;q=0.1", "ru"),
        ("RU-ru", "ru"),
        ("*", "en"),
        ("ru;q=x,,;;q=, \xff" + "a" * 10_000, "en"),
    ],
)
def test_the_browser_says_what_is_read(accepted: str, code: str) -> None:
    assert read_by(accepted) == code


@pytest.mark.parametrize(
    ("number", "english", "russian"),
    [
        (1, "1 result is still", "1 результата."),
        (2, "2 results are", "2 результатов."),
        (1234, "1,234 results are", "1\xa0234 результатов."),
    ],
)
def test_a_number_has_its_form(number: int, english: str, russian: str) -> None:
    one = "%(num)s result is still missing. Wait for it, or reject the request."
    many = "%(num)s results are still missing. Wait for them, or reject the request."
    assert english in language("en").say_many(one, many, number)
    assert russian in language("ru").say_many(one, many, number)


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "акция"), (2, "акции"), (5, "акций"), (11, "акций"), (12, "акций"), (21, "акция"), (104, "акции")],
)
def test_russian_has_three_forms(number: int, word: str) -> None:
    said = language("ru").say_many("and %(num)s more stock", "and %(num)s more stocks", number)
    assert said == f"и ещё {number} {word}"


def test_amounts_and_dates_are_written_as_one_writes_them() -> None:
    when = datetime(2026, 11, 3, 7, 5, tzinfo=UTC)
    english, russian = language("en"), language("ru")
    assert (english.money(Decimal("2715.8")), russian.money(Decimal("2715.8"))) == ("₽2,715.80", "2\xa0715,80 ₽")
    assert (english.moment(when), russian.moment(when)) == ("3 Nov 2026, 07:05", "3 нояб. 2026, 07:05")
    assert (english.amount(Decimal(1840)), russian.amount(Decimal(1840))) == ("1840.00", "1840,00")
    assert (english.seconds(0.5), russian.seconds(0.5)) == ("0.500 s", "0,500 с")
