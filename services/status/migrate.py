"""Brings the schema `status` up to date, as its owner: `python -m services.status.migrate`.

Prints one line of JSON: `{"changed": true, "applied": ["0001_jobs"]}`. Running it again changes nothing.
"""

from services.migration import command
from services.settings import load
from services.status.settings import MigrateSettings


def main() -> None:
    command.run(load(MigrateSettings.read).database, "services.status")


if __name__ == "__main__":
    main()
