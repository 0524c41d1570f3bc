"""Counts all registrations anew from the log of events: `python -m services.stats.rebuild`.

For use when the counts are in doubt, as after restoring a backup of one schema only. The consumer may go on running.
Prints one line of JSON: `{"before": 41, "after": 42}`.
"""

import asyncio
import json
import sys

import psycopg

from services import cancellation
from services.postgres import Database, Queries
from services.settings import load
from services.stats.adapters.counts import work_on
from services.stats.settings import DatabaseSettings
from services.stats.use_cases.counting import rebuild

# Seconds that one statement over the whole log may take.
PATIENCE = 600.0


async def run(database: Database) -> tuple[int, int]:
    async with database.pool("sallyport-stats-rebuild", 1, statement_timeout=PATIENCE) as pool:
        return await rebuild(work_on(pool, Queries.of_package("services.stats")))


def main() -> None:
    settings = load(DatabaseSettings.read)
    cancellation.mend_wait_for()
    try:
        before, after = asyncio.run(run(settings.database))
    except psycopg.Error as error:
        sys.stderr.write(f"rebuild: nothing was changed; the database said: {type(error).__name__}: {error}\n")
        raise SystemExit(1) from None
    sys.stdout.write(json.dumps({"before": before, "after": after}) + "\n")


if __name__ == "__main__":
    main()
