"""Dead letters of the async service, whose callback was refused: `python -m services.status.letters list`."""

import sys

from services.outbox import letters
from services.postgres import Database, Queries
from services.settings import load
from services.status.settings import SCHEMA


def main() -> None:
    database = load(lambda source: Database.read(source, SCHEMA))
    letters.run("services.status.letters", database, Queries.of_package("services.status"), sys.argv[1:])


if __name__ == "__main__":
    main()
