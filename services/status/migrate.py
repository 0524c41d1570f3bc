"""Brings the schema `status` up to date, as its owner: `python -m services.status.migrate`.

Prints one line of JSON: `{"changed": true, "applied": ["0001_jobs"]}`. Running it again changes nothing.
"""

import json
import sys

import psycopg

from services.migration import MigrationError, migrate, read
from services.settings import load
from services.status.settings import MigrateSettings


def main() -> None:
    settings = load(MigrateSettings.read)
    try:
        applied = migrate(settings.database, read("services.status"))
    except (MigrationError, psycopg.Error) as error:
        sys.stderr.write(f"migrate: {error}\n")
        raise SystemExit(1) from None
    sys.stdout.write(json.dumps({"changed": bool(applied), "applied": applied}) + "\n")


if __name__ == "__main__":
    main()
