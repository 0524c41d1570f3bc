"""One typed wrapper around nginx-config-builder, which is not safe to use bare.

The builder keeps children in a dictionary by name (the second `listen` replaces the first), splits strings on blanks
and escapes nothing. So every child goes into an `EmptyBlock` of its own, every argument is quoted here, what quoting
cannot carry is refused, and the text is read back with crossplane and must give the very tree it was made from.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import crossplane  # type: ignore[import-untyped]
from crossplane.analyzer import DIRECTIVES  # type: ignore[import-untyped]
from nginx.config.api import Block, Config, EmptyBlock, KeyMultiValueOption, KeyOption  # type: ignore[import-untyped]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_BARE = re.compile(r"[A-Za-z0-9_./:@$=,*+-]+")
_CONDITION = re.compile(r"\(\$[a-z0-9_]+\)")
# Blocks whose children are pairs of values, not directives: their names are data, and are quoted like arguments.
_TABLES = frozenset({"map", "geo"})
# Directives of nginx 1.22 that crossplane 0.5 has not heard of.
_NEWER = frozenset({"ssl_reject_handshake"})


class NginxSyntaxError(ValueError):
    """A directive that nginx would read otherwise than it was meant. Holds the directive and the reason."""


@dataclass(frozen=True)
class Directive:
    """A name, its arguments, and the directives inside it (`None`: it is no block)."""

    name: str
    arguments: tuple[str, ...] = ()
    children: tuple["Directive", ...] | None = None


def directive(name: str, *arguments: str | int) -> Directive:
    """Return a simple directive, such as ``listen 80``."""
    return Directive(name, tuple(str(argument) for argument in arguments))


def block(name: str, arguments: Sequence[str], *children: Directive) -> Directive:
    """Return a directive with others inside, such as ``location / {…}``."""
    return Directive(name, tuple(arguments), children)


def render(tree: Sequence[Directive]) -> str:
    """Return the configuration's text.

    Raises `NginxSyntaxError` for a name or an argument that cannot be written, and where crossplane reads the text
    as another tree than `tree`. ``if`` is allowed around a single variable only: anything more belongs in a ``map``.
    """
    text = str(Config(*(_built(item, table=False) for item in tree))).strip() + "\n"
    found = _parsed(text)
    intended = [_payload(item) for item in tree]
    if found != intended:
        raise NginxSyntaxError(f"crossplane reads another tree: {_first_difference(intended, found)}")
    return text


def _built(item: Directive, *, table: bool) -> Any:
    """Return the builder's object for a directive, in an `EmptyBlock` of its own."""
    words = [_quoted(argument, item) for argument in item.arguments]
    if item.name == "if":
        if len(item.arguments) != 1 or not _CONDITION.fullmatch(item.arguments[0]):
            raise NginxSyntaxError(f"{item}: `if` takes one variable, written ($name)")
        words = list(item.arguments)
    name = _quoted(item.name, item) if table else item.name
    if not table and (not _NAME.fullmatch(item.name) or item.name not in DIRECTIVES.keys() | _NEWER):
        raise NginxSyntaxError(f"{item}: not a directive's name")
    if item.children is None:
        return EmptyBlock(KeyMultiValueOption(name, words) if words else KeyOption(name))
    inner = [_built(child, table=item.name in _TABLES) for child in item.children]
    return EmptyBlock(Block(" ".join([name, *words]), *inner))


def _quoted(argument: str, item: Directive) -> str:
    """Return an argument as one word of nginx's grammar; nothing is ever escaped.

    nginx and crossplane disagree about a backslash, so there is none: a pattern writes ``[.]`` and ``[0-9]``.
    """
    if not argument.isprintable():
        raise NginxSyntaxError(f"{item}: a control character in {argument!r}")
    if "\\" in argument:
        raise NginxSyntaxError(f"{item}: a backslash in {argument!r}; write a character class such as [.]")
    if _BARE.fullmatch(argument):
        return argument
    if '"' not in argument:
        return f'"{argument}"'
    if "'" not in argument:
        return f"'{argument}'"
    raise NginxSyntaxError(f"{item}: both kinds of quotes in {argument!r}")


def _parsed(text: str) -> list[dict[str, Any]]:
    """Return crossplane's tree of a text, without line numbers."""
    payload = crossplane.parse_string(text, single=True, comments=True)
    if payload["errors"]:
        raise NginxSyntaxError(f"crossplane refuses the text: {payload['errors'][0]['error']}")
    return [_without_lines(item) for item in payload["config"][0]["parsed"]]


def _without_lines(item: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {"directive": item["directive"], "args": list(item["args"])}
    if "block" in item:
        plain["block"] = [_without_lines(child) for child in item["block"]]
    return plain


def _payload(item: Directive) -> dict[str, Any]:
    """Return what crossplane ought to find; it takes the parentheses off a condition."""
    arguments = [argument.strip("()") for argument in item.arguments] if item.name == "if" else list(item.arguments)
    plain: dict[str, Any] = {"directive": item.name, "args": arguments}
    if item.children is not None:
        plain["block"] = [_payload(child) for child in item.children]
    return plain


def _first_difference(intended: list[dict[str, Any]], found: list[dict[str, Any]]) -> str:
    for meant, read in zip(intended, found, strict=False):
        if meant != read:
            if meant["directive"] == read["directive"] and meant["args"] == read["args"]:
                return _first_difference(meant.get("block", []), read.get("block", []))
            return f"meant {meant['directive']} {meant['args']}, read {read['directive']} {read['args']}"
    return f"meant {len(intended)} directives, read {len(found)}"
