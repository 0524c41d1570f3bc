"""Dead letters of main's outbox, which the async service refused: `python -m services.main.letters list`."""

import sys

from services.main.settings import SCHEMA
from services.outbox import letters
from services.postgres import Database, Queries
from services.settings import load


def main() -> None:
    database = load(lambda source: Database.read(source, SCHEMA))
    queries = Queries.of_package("services.main")
    letters.run("services.main.letters", database, queries, sys.argv[1:], announce="announce_outbox")


if __name__ == "__main__":
    main()
