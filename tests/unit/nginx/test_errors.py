"""The page of nginx's own errors says and shows what the site's pages do, though it is made apart from them."""

import re
from pathlib import Path

import pytest

from network.compile.nginx_errors import ERRORS, LANGUAGES, PAGE

SITE = Path("services/main")


def told(text: str) -> dict[str, str]:
    """Return the messages of a catalogue with one line each."""
    return dict(re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', text, re.M))


def colours(style: str) -> list[dict[str, str]]:
    """Return the colours of each scheme, the light one first."""
    schemes = re.findall(r":root \{(.*?)\}", style, re.S)
    return [dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6});", scheme)) for scheme in schemes]


def test_page_has_the_colours_of_the_site() -> None:
    site = colours((SITE / "static/style.css").read_text(encoding="utf-8"))
    page = colours(PAGE)

    assert len(page) == len(site) == 2
    assert page[0].keys() == page[1].keys()
    assert all(here.items() <= there.items() for here, there in zip(page, site, strict=True))


def test_page_uses_every_colour_that_it_names() -> None:
    assert {f"var({name})" for name in colours(PAGE)[0]} == set(re.findall(r"var\(--[a-z-]+\)", PAGE))


def test_page_shows_the_sign_of_the_site() -> None:
    icon = (SITE / "static/icon.svg").read_text(encoding="utf-8")

    assert re.findall(r"<path.*?/>", PAGE) == re.findall(r"<path.*?/>", icon)


def test_page_needs_nothing_from_the_site() -> None:
    assert re.findall(r"<(?:link|script|img|iframe)|src=|url\(|@import", PAGE) == []


def test_words_that_the_site_has_too_are_translated_as_there() -> None:
    site = told((SITE / "locales/ru.po").read_text(encoding="utf-8"))
    pairs = {(error.words["en"].title, error.words["ru"].title) for error in ERRORS.values()}
    pairs |= {(error.words["en"].text, error.words["ru"].text) for error in ERRORS.values()}
    shared = {(english, russian) for english, russian in pairs if english in site}

    assert len(shared) > 8
    assert shared <= site.items()


@pytest.mark.parametrize("status", ERRORS)
def test_every_error_has_words_in_every_language(status: int) -> None:
    for code in LANGUAGES:
        words = ERRORS[status].words[code]
        assert words.title
        assert words.text.endswith(".")
