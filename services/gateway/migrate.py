"""Brings the schema `gateway` up to date, as its owner: `python -m services.gateway.migrate`.

Prints one line of JSON: `{"changed": true, "applied": ["0001_messages"]}`. Running it again changes nothing.
"""

import json
import sys

import psycopg

from services.gateway.settings import MigrateSettings
from services.migration import MigrationError, migrate, read
from services.settings import load


def main() -> None:
    settings = load(MigrateSettings.read)
    try:
        applied = migrate(settings.database, read("services.gateway"))
    except (MigrationError, psycopg.Error) as error:
        sys.stderr.write(f"migrate: {error}\n")
        raise SystemExit(1) from None
    sys.stdout.write(json.dumps({"changed": bool(applied), "applied": applied}) + "\n")


if __name__ == "__main__":
    main()
