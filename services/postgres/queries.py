"""SQL lives in .sql files. A query starts with `-- name: purpose`, where name is what the code asks for."""

import re
from importlib.resources import files

_HEADING = re.compile(r"^-- (?P<name>[a-z][a-z0-9_]*): (?P<purpose>.+)$", re.MULTILINE)


class UnknownQueryError(KeyError):
    """No .sql file has a query of this name."""


class Queries:
    """The queries of one folder of .sql files."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    @classmethod
    def of_package(cls, package: str, folder: str = "sql") -> "Queries":
        """Read all `*.sql` directly in `folder` of `package`, except `schema.sql` (a picture of the tables)."""
        texts: dict[str, str] = {}
        for entry in sorted(files(package).joinpath(*folder.split("/")).iterdir(), key=lambda entry: entry.name):
            if not entry.name.endswith(".sql") or entry.name == "schema.sql":
                continue
            for name, text in parse(entry.read_text("utf-8")).items():
                if name in texts:
                    raise ValueError(f"{package}/{folder}/{entry.name}: query {name!r} exists already")
                texts[name] = text
        return cls(texts)

    def __getitem__(self, name: str) -> bytes:
        """The text of a query, as bytes: psycopg's way of taking SQL that is no literal."""
        try:
            return self._texts[name].encode()
        except KeyError:
            raise UnknownQueryError(f"no query {name!r}; there are {', '.join(sorted(self._texts))}") from None

    def names(self) -> frozenset[str]:
        return frozenset(self._texts)


def parse(text: str) -> dict[str, str]:
    """Split a file at its headings. Text before the first heading must be comments."""
    headings = list(_HEADING.finditer(text))
    found: dict[str, str] = {}
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=True):
        name = heading["name"]
        if name in found:
            raise ValueError(f"query {name!r} is there twice")
        found[name] = text[heading.end() : end].strip()
    return found
