"""Brings the schema `stats` up to date, as its owner: `python -m services.stats.migrate`.

Prints one line of JSON: `{"changed": true, "applied": ["0001_registrations"]}`. Running it again changes nothing.
"""

from services.migration import command
from services.settings import load
from services.stats.settings import DatabaseSettings


def main() -> None:
    command.run(load(DatabaseSettings.read).database, "services.stats")


if __name__ == "__main__":
    main()
