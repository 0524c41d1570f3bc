"""Messages that wait for a person, because they are dead or unknown: `python -m services.gateway.letters list`."""

import sys

from services.gateway.settings import SCHEMA
from services.outbox import letters
from services.postgres import Database, Queries
from services.settings import load


def main() -> None:
    database = load(lambda source: Database.read(source, SCHEMA))
    queries = Queries.of_package("services.gateway")
    letters.run("services.gateway.letters", database, queries, sys.argv[1:], announce="announce_outbox")


if __name__ == "__main__":
    main()
