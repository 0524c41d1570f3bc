"""A publisher or a consumer as a process of its own, so that it can be killed: `python -m … consume|publish SETTINGS`.

SETTINGS is JSON: kind, port, ca, hold, conninfo, topic, group.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg

from services import cancellation, journal
from services.batch import Batch
from services.broker import BrokerSettings, Consumer, Event, Kind, open_broker, publish_in_order
from services.broker.topology import GROUPS
from services.retry import Backoff
from services.settings import Secret
from tests.services.broker.effects import apply
from tests.services.broker.servers import PASSWORD, USER


async def consume(settings: BrokerSettings, given: dict[str, Any]) -> None:
    """Handle events until told to stop."""
    connection = await psycopg.AsyncConnection.connect(given["conninfo"], autocommit=True)
    batch = Batch[Event, None](lambda events: apply(connection, given["group"], events))

    broker = open_broker(settings)
    backoff = Backoff(base=0.2, most=1.0)
    consumer = Consumer(broker, given["topic"], given["group"], batch.ask, backoff=backoff)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, consumer.stop)
    await consumer.run()
    await broker.close()
    await connection.close()


async def publish(settings: BrokerSettings, given: dict[str, Any]) -> None:
    """Send what comes into the outbox, marking what the broker has confirmed."""
    broker = open_broker(settings)
    async with await psycopg.AsyncConnection.connect(given["conninfo"], autocommit=True) as connection:
        while True:
            query = "SELECT body FROM outbox WHERE sent_at IS NULL ORDER BY number LIMIT 256"
            rows = await (await connection.execute(query)).fetchall()
            if not rows:
                await asyncio.sleep(0.02)
                continue
            kept = await publish_in_order(broker, given["topic"], [Event.decode(bytes(body)) for (body,) in rows])
            mark = "UPDATE outbox SET sent_at = clock_timestamp() WHERE event_id = ANY (%s)"
            await connection.execute(mark, (list(kept),))
            if len(kept) < len(rows):
                await asyncio.sleep(0.2)


def main() -> None:
    journal.configure("test", "test")
    given = json.loads(sys.argv[2])
    settings = BrokerSettings(
        Kind(given["kind"]), "localhost", given["port"], USER, Secret(PASSWORD), Path(given["ca"]), given["hold"]
    )
    cancellation.mend_wait_for()
    # The topic is the test's own, so the topology of the services does not name it.
    with patch.dict(GROUPS, {given["topic"]: (given["group"],)}):
        asyncio.run((consume if sys.argv[1] == "consume" else publish)(settings, given))


if __name__ == "__main__":
    main()
