"""Brings the schema `gateway` up to date, as its owner: `python -m services.gateway.migrate`.

Prints one line of JSON: `{"changed": true, "applied": ["0001_messages"]}`. Running it again changes nothing.
"""

from services.gateway.settings import MigrateSettings
from services.migration import command
from services.settings import load


def main() -> None:
    command.run(load(MigrateSettings.read).database, "services.gateway")


if __name__ == "__main__":
    main()
