"""The languages of the pages: messages, and how amounts and dates are written.

Messages are gettext's. The English text is the key; `locales/<code>.po` has the others.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel import Locale, negotiate_locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

SOURCE = "en"
# Each in its own words.
NAMES = {SOURCE: "English", "ru": "Русский"}


@dataclass(frozen=True, slots=True)
class Language:
    code: str
    locale: Locale
    messages: NullTranslations

    @property
    def name(self) -> str:
        return NAMES[self.code]

    def say(self, message: str, **values: object) -> str:
        """A message in this language, with its values. The English text is its key."""
        return self.messages.gettext(message) % values

    def say_many(self, one: str, many: str, num: int) -> str:
        """A message that depends on a number, which it holds as %(num)s."""
        return self.messages.ngettext(one, many, num) % {"num": self.number(num)}

    def number(self, value: float | Decimal) -> str:
        return format_decimal(value, locale=self.locale)

    def amount(self, value: Decimal) -> str:
        """Two decimals, as one types them into a field: without groups."""
        return format_decimal(value, "0.00", locale=self.locale)

    def money(self, value: Decimal) -> str:
        """A price in roubles, the catalogue's currency."""
        return self.say("₽%(amount)s", amount=format_decimal(value, "#,##0.00", locale=self.locale))

    def seconds(self, value: float) -> str:
        return self.say("%(seconds)s s", seconds=format_decimal(value, "#,##0.000", locale=self.locale))

    def moment(self, when: datetime) -> str:
        """A date and a time, in UTC."""
        return format_datetime(when, "d MMM y, HH:mm", tzinfo=UTC, locale=self.locale)

    def day(self, when: datetime) -> str:
        return format_date(when.astimezone(UTC), "d MMM y", locale=self.locale)


@cache
def language(code: str) -> Language:
    """A language of NAMES."""
    return Language(code, Locale(code), _messages(code))


def read_by(accepted: str) -> str:
    """The code of the language of ours that somebody reads best. accepted: an Accept-Language (RFC 9110, 12.5.4)."""
    wanted: list[tuple[float, str]] = []
    for part in accepted[:500].split(","):
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if quality > 0:
            wanted.append((quality, tag.strip()))
    wanted.sort(key=lambda each: each[0], reverse=True)
    return negotiate_locale([tag.lower() for _, tag in wanted], [*NAMES], sep="-") or SOURCE


def _messages(code: str) -> NullTranslations:
    if code == SOURCE:
        return NullTranslations()
    with files("services.main").joinpath("locales", f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=code, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
