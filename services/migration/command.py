"""The command `python -m services.NAME.migrate` of a service that has nothing else to prepare."""

import json
import sys

import psycopg

from services.migration.files import MigrationError, read
from services.migration.run import migrate
from services.postgres import Database


def run(database: Database, package: str) -> None:
    """Apply the package's migrations, and print what was done as one line of JSON. Exits with 1 where that fails."""
    try:
        applied = migrate(database, read(package))
    except (MigrationError, psycopg.Error) as error:
        sys.stderr.write(f"migrate: {error}\n")
        raise SystemExit(1) from None
    sys.stdout.write(json.dumps({"changed": bool(applied), "applied": applied}) + "\n")
