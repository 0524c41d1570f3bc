"""YAML text as a tree of values that know their file and line.

Built from the parser's events, not by its composer: so a key given twice, an endless nesting and an alias that
multiplies itself are seen and refused, and a tag of somebody else's (``!vault``) does no harm.
"""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import yaml

from network.errors import Problem, UserError

MAX_BYTES = 4_000_000
MAX_DEPTH = 40
MAX_VALUES = 200_000

_PLAIN_TYPES = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "timestamp")}


@dataclass(frozen=True)
class Mark:
    """A place in a file; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Scalar:
    """A single value. `text` is as written; `value` is what YAML makes of it (None for an empty one)."""

    value: str | int | float | bool | date | None
    text: str
    mark: Mark

    def __str__(self) -> str:
        return repr(self.text) if self.text else "nothing"


@dataclass(frozen=True)
class Sequence:
    """A list."""

    items: tuple["Value", ...]
    mark: Mark

    def __str__(self) -> str:
        return "a list"


@dataclass(frozen=True)
class Entry:
    """A value with the place of its key."""

    key: Mark
    value: "Value"


@dataclass(frozen=True)
class Mapping:
    """Keys, as written, with their values."""

    entries: MappingType[str, Entry]
    mark: Mark

    def __str__(self) -> str:
        return "a mapping"


Value = Scalar | Sequence | Mapping


def parse(content: bytes, file: str) -> Value:
    """Read one YAML document. Raises UserError with the place of what cannot be read; `file` names it there."""
    return _Builder(_decoded(content, file), file).document()


def _decoded(content: bytes, file: str) -> str:
    if len(content) > MAX_BYTES:
        raise _refused(
            Mark(file, 1), f"{len(content)} bytes", f"a file has at most {MAX_BYTES} bytes", "Split the file."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{content[error.start]:02x}"
        raise _refused(Mark(file, line), found, "the file is UTF-8 text", "Save the file as UTF-8.") from None
    if not text.strip():
        raise _refused(
            Mark(file, 1), "an empty file", "the file holds a YAML mapping", "Write it, or restore it from git."
        )
    return text


def _refused(mark: Mark, found: str, rule: str, remedy: str) -> UserError:
    return UserError(Problem(str(mark), found, rule, remedy))


@dataclass
class _Open:
    """A collection whose end has not been read yet."""

    mark: Mark
    anchor: str | None
    mapping: bool
    items: list[Value]
    entries: dict[str, Entry]
    key: Scalar | None = None


class _Builder:
    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._text = text
        self._anchors: dict[str, tuple[Value, int]] = {}
        self._count = 0
        self._scalars: Any = yaml.SafeLoader("")  # untyped in the stubs; resolves and makes single values

    def document(self) -> Value:
        """Read the whole text, which must hold one document."""
        loader = yaml.CSafeLoader(self._text)
        try:
            return self._document(loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise self._syntax(line, error.problem or error.context or "unreadable YAML") from None
        except yaml.reader.ReaderError as error:
            line = self._text.count("\n", 0, max(error.position, 0)) + 1
            raise self._syntax(line, f"the character {error.character!r}: {error.reason}") from None
        finally:
            loader.dispose()

    def _syntax(self, line: int, problem: str) -> UserError:
        lines = self._text.splitlines()
        written = lines[line - 1].rstrip() if 0 < line <= len(lines) else ""
        remedy = "Correct the line, or the one above it."
        if "\t" in written:
            remedy = "Indent with blanks: YAML allows no tab there."
        return _refused(Mark(self._file, line), f"{written.strip()!r} ({problem})", "the file is YAML", remedy)

    def _document(self, loader: yaml.CSafeLoader) -> Value:
        result: Value | None = None
        opened: list[_Open] = []
        documents = 0
        while loader.check_event():
            event = loader.get_event()
            value: Value
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    mark = self._mark(event)
                    raise _refused(mark, "a second document ('---')", "a file holds one document", "Remove the line.")
                continue
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                mapping = isinstance(event, yaml.MappingStartEvent)
                opened.append(_Open(self._mark(event), event.anchor, mapping, [], {}))
                self._check_depth(len(opened), opened[-1].mark)
                self._check_key(opened)
                continue
            if isinstance(event, yaml.ScalarEvent):
                value = self._scalar(event)
                if event.anchor:
                    self._anchors[event.anchor] = (value, 1)
            elif isinstance(event, yaml.AliasEvent):
                value = self._alias(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                value = self._closed(opened.pop())
            else:
                continue
            if opened:
                self._put(opened[-1], value)
            else:
                result = value
        if result is None:
            mark = Mark(self._file, 1)
            raise _refused(mark, "only comments", "the file holds a YAML mapping", "Write it, or restore it from git.")
        return result

    def _mark(self, event: yaml.Event) -> Mark:
        return Mark(self._file, event.start_mark.line + 1 if event.start_mark else 1)

    def _check_depth(self, depth: int, mark: Mark) -> None:
        if depth > MAX_DEPTH:
            rule = f"values are nested at most {MAX_DEPTH} deep"
            raise _refused(mark, f"a nesting of {depth}", rule, "Flatten the file.")

    def _check_key(self, opened: list[_Open]) -> None:
        if len(opened) > 1 and opened[-2].mapping and opened[-2].key is None:
            remedy = "Write a plain word; put text with braces or brackets in quotes."
            raise _refused(opened[-1].mark, "a list or mapping as a key", "a key is a single word", remedy)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        self._counted(1, self._mark(event))
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._scalars.resolve(yaml.ScalarNode, event.value, event.implicit)
        value: str | int | float | bool | date | None = event.value
        if tag in _PLAIN_TYPES:
            try:
                made = self._scalars.construct_object(yaml.ScalarNode(tag, event.value))
            except (ValueError, OverflowError, yaml.constructor.ConstructorError):
                made = event.value  # such as 2027-02-31: it stays text, and is refused where a date is due
            value = event.value if isinstance(made, datetime) else made
        return Scalar(value, event.value, self._mark(event))

    def _alias(self, event: yaml.AliasEvent) -> Value:
        mark = self._mark(event)
        if event.anchor not in self._anchors:
            raise _refused(
                mark, f"'*{event.anchor}'", "an alias follows its anchor", f"Define &{event.anchor} above it."
            )
        value, size = self._anchors[event.anchor]
        self._counted(size, mark)
        return value

    def _closed(self, closed: _Open) -> Value:
        value: Value = (
            Mapping(closed.entries, closed.mark) if closed.mapping else Sequence(tuple(closed.items), closed.mark)
        )
        self._counted(1, closed.mark)
        if closed.anchor:
            size, depth = _measure(value)
            self._check_depth(depth, closed.mark)
            self._anchors[closed.anchor] = (value, size)
        return value

    def _counted(self, size: int, mark: Mark) -> None:
        self._count += size
        if self._count > MAX_VALUES:
            rule = f"a file holds at most {MAX_VALUES} values, aliases written out"
            raise _refused(mark, "more values than that", rule, "Split the file; write no alias of aliases.")

    def _put(self, into: _Open, value: Value) -> None:
        if not into.mapping:
            into.items.append(value)
        elif into.key is None:
            if not isinstance(value, Scalar):
                raise _refused(value.mark, f"{value} as a key", "a key is a single word", "Write a plain word.")
            into.key = value
        else:
            key, into.key = into.key, None
            if key.text in into.entries:
                first = into.entries[key.text].key
                found = f"the key '{key.text}' again (first on line {first.line})"
                raise _refused(key.mark, found, "a key is given once", "Remove one of the two, or join their values.")
            into.entries[key.text] = Entry(key.mark, value)


def _measure(value: Value) -> tuple[int, int]:
    """Return how many values a tree holds, aliases written out, and how deep it is; both are bounded while building."""
    if isinstance(value, Scalar):
        return 1, 1
    inside = value.items if isinstance(value, Sequence) else tuple(entry.value for entry in value.entries.values())
    measured = [_measure(item) for item in inside]
    return 1 + sum(size for size, _ in measured), 1 + max((depth for _, depth in measured), default=0)
