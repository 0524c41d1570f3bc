"""Dead letters of main's log of events, which the broker cannot take: `python -m services.main.event_letters list`."""

import sys

from services.main.settings import SCHEMA
from services.outbox import letters
from services.postgres import Database, Queries
from services.settings import load


def main() -> None:
    database = load(lambda source: Database.read(source, SCHEMA))
    # The publisher looks by itself, within a second.
    queries = Queries.of_package("services.main", "sql/events")
    letters.run("services.main.event_letters", database, queries, sys.argv[1:])


if __name__ == "__main__":
    main()
