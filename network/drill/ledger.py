"""What came of the requests that were accepted, counted in the database itself."""

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass

from network.check.shell import Shell, must

DATABASE = "sallyport"
_LOOK_SECONDS = 1.0

# Items of the accepted requests: how many, how many with a result, and how often a result was set once too often (the
# feed keeps an event for each change of a result). Dead letters: of these requests, in either queue.
_COUNT = """
WITH accepted AS (SELECT unnest(string_to_array(:'ids', ',')::bigint[]) AS id),
items AS (SELECT item.* FROM main.request_items AS item JOIN accepted ON accepted.id = item.request_id),
told AS (SELECT kind, body FROM main.feed_log UNION ALL SELECT kind, body FROM main.feed_pending),
results AS (
    SELECT count(*) AS times FROM told
    WHERE kind = 'result' AND (body ->> 'request_id')::bigint IN (SELECT id FROM accepted)
    GROUP BY body ->> 'request_id', body ->> 'stock_id'
)
SELECT json_build_object(
    'requests', (SELECT count(DISTINCT request_id) FROM items),
    'items', (SELECT count(*) FROM items),
    'done', (SELECT count(*) FROM items WHERE result IS NOT NULL),
    'doubled', (SELECT coalesce(sum(times - 1), 0) FROM results),
    'dead', (SELECT count(*) FROM main.outbox
             WHERE state = 'dead' AND (payload ->> 'request')::bigint IN (SELECT id FROM accepted))
          + (SELECT count(*) FROM status.jobs WHERE state = 'dead' AND request_id IN (SELECT id FROM accepted)));
"""


@dataclass(frozen=True)
class Ledger:
    """Counts. accepted: requests answered with 202. requests, items, done: of those, in the database.

    seconds: from the end of the load until the last result.
    """

    accepted: int
    requests: int
    items: int
    done: int
    doubled: int
    dead: int
    seconds: float

    @property
    def lost(self) -> int:
        """Requests that are not in the database, and items whose result never came."""
        return self.accepted - self.requests + self.items - self.done

    @property
    def clean(self) -> bool:
        """Whether nothing is lost, nothing doubled and nothing dead."""
        return self.accepted > 0 and self.lost == 0 and self.doubled == 0 and self.dead == 0


def settle(database: Shell, accepted: Sequence[int], seconds: float) -> Ledger:
    """Wait until every accepted request has its results, `seconds` at most, and count. Raises RemoteError."""
    start = time.monotonic()
    while True:
        found = _count(database, accepted)
        spent = time.monotonic() - start
        ledger = Ledger(len(accepted), **found, seconds=spent)
        if ledger.clean or not accepted or spent > seconds:
            return ledger
        time.sleep(_LOOK_SECONDS)


def query(database: Shell, text: str, **variables: str) -> str:
    """Return what psql prints for a query, as the database's superuser on its own host. Raises RemoteError.

    `variables` are plain words, without quotes or backslashes.
    """
    words = ["runuser", "-u", "postgres", "--", "psql", "-XAtqv", "ON_ERROR_STOP=1", "-d", DATABASE]
    # On standard input: ten thousand numbers are too long for an argument.
    settings = "".join(f"\\set {name} '{value}'\n" for name, value in variables.items())
    return must(database, f"cd / && {shlex.join(words)}", settings + text)


def _count(database: Shell, accepted: Sequence[int]) -> dict[str, int]:
    ids = ",".join(str(each) for each in accepted)
    said = query(database, _COUNT, ids=ids)
    return {name: int(value) for name, value in json.loads(said).items()}
