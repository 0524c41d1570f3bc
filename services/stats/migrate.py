"""Brings the schema `stats` up to date, as its owner: `python -m services.stats.migrate`.

Prints one line of JSON: `{"changed": true, "applied": ["0001_registrations"]}`. Running it again changes nothing.
"""

import json
import sys

import psycopg

from services.migration import MigrationError, migrate, read
from services.settings import load
from services.stats.settings import DatabaseSettings


def main() -> None:
    settings = load(DatabaseSettings.read)
    try:
        applied = migrate(settings.database, read("services.stats"))
    except (MigrationError, psycopg.Error) as error:
        sys.stderr.write(f"migrate: {error}\n")
        raise SystemExit(1) from None
    sys.stdout.write(json.dumps({"changed": bool(applied), "applied": applied}) + "\n")


if __name__ == "__main__":
    main()
