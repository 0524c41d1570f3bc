"""A line of iptables-restore input as words, quoted as iptables quotes."""

import re
from dataclasses import dataclass

_PLAIN = re.compile(r"[A-Za-z0-9_-]+\Z")
_ESCAPED = re.compile(r"([\"\\'])")


@dataclass(frozen=True, slots=True)
class Word:
    """A word's value, and the word as it was written."""

    value: str
    raw: str

    @property
    def quoted(self) -> bool:
        """Whether any of it stood in quotes, so that it cannot be an option."""
        return '"' in self.raw


def split(line: str) -> list[Word]:
    """Split as iptables-restore does: at blanks outside double quotes; a backslash escapes inside them only.

    Refused with ValueError where a quote is left open.
    """
    if '"' not in line:
        return [Word(word, word) for word in line.split()]
    words: list[Word] = []
    value: list[str] = []
    raw: list[str] = []
    inside = escaped = False
    for character in line:
        if inside:
            raw.append(character)
            if escaped or character not in '"\\':
                value.append(character)
                escaped = False
            elif character == "\\":
                escaped = True
            else:
                inside = False
        elif character == '"':
            raw.append(character)
            inside = True
        elif character.isspace():
            if raw:
                words.append(Word("".join(value), "".join(raw)))
                value, raw = [], []
        else:
            raw.append(character)
            value.append(character)
    if inside:
        raise ValueError("a quote is left open")
    if raw:
        words.append(Word("".join(value), "".join(raw)))
    return words


def quote(value: str) -> str:
    """Quote as iptables-save does: only where a character other than a letter, digit, ``_`` or ``-`` demands it."""
    if _PLAIN.match(value):
        return value
    return '"' + _ESCAPED.sub(r"\\\1", value) + '"'
