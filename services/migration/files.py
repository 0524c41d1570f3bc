"""Which files there are, and which are still to be applied: pure decisions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

_NAME = re.compile(r"(?P<number>[0-9]{4})_(?P<title>[a-z0-9_]+)\.sql")


class MigrationError(Exception):
    """The files and the database do not fit each other. The text says how, and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return sha256(self.text.encode()).hexdigest()


def read(package: str, folder: str = "sql/migrations") -> list[Migration]:
    """The migrations of a package, in order. Numbers start at 1 and leave no gap."""
    root = files(package).joinpath(*folder.split("/"))
    return ordered((entry.name, entry.read_text("utf-8")) for entry in root.iterdir() if entry.name.endswith(".sql"))


def ordered(entries: Iterable[tuple[str, str]]) -> list[Migration]:
    """Migrations from (file name, text) pairs."""
    found: list[Migration] = []
    for name, text in sorted(entries):
        match = _NAME.fullmatch(name)
        if not match:
            raise MigrationError(f"{name}: a migration is named like 0001_tables.sql")
        found.append(Migration(int(match["number"]), name.removesuffix(".sql"), text))
    for expected, migration in enumerate(found, start=1):
        if migration.number != expected:
            raise MigrationError(
                f"{migration.name}: number {expected:04} comes next; numbers leave no gap and repeat none"
            )
    return found


def pending(migrations: Sequence[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """What is still to be applied; `applied` maps number to checksum.

    Numbers beyond ours are left alone: an older release then runs on a newer schema, as it does after going back.
    """
    for migration in migrations:
        checksum = applied.get(migration.number)
        if checksum is not None and checksum != migration.checksum:
            raise MigrationError(f"{migration.name}: was changed after it was applied; put it back and write a new one")
    missing = [migration for migration in migrations if migration.number not in applied]
    newest = max(applied, default=0)
    if missing and missing[0].number < newest:
        raise MigrationError(f"{missing[0].name}: never applied, though {newest:04} was; was the table edited?")
    return missing
