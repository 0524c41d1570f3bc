"""A publisher or a consumer as a process of its own, so that it can be killed: `python -m … consume|publish SETTINGS`.

SETTINGS is JSON: kind, port, ca, conninfo, topic, group.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import psycopg

from services import journal
from services.broker import BrokerSettings, Consumer, Event, Kind, Unavailable, open_broker, topology
from services.retry import Backoff
from services.settings import Secret
from tests.services.broker.effects import apply
from tests.services.broker.servers import PASSWORD, USER


async def consume(settings: BrokerSettings, given: dict[str, Any]) -> None:
    connection = await psycopg.AsyncConnection.connect(given["conninfo"], autocommit=True)
    lock = asyncio.Lock()

    async def handle(event: Event) -> None:
        async with lock:
            await apply(connection, given["group"], event)

    broker = open_broker(settings)
    backoff = Backoff(base=0.2, most=1.0)
    consumer = Consumer(broker, given["topic"], given["group"], handle, backoff=backoff)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, consumer.stop)
    await consumer.run()
    await broker.close()
    await connection.close()


async def publish(settings: BrokerSettings, given: dict[str, Any]) -> None:
    """Send what the outbox holds, in order, marking what the broker has confirmed; until all is sent."""
    broker = open_broker(settings)
    async with await psycopg.AsyncConnection.connect(given["conninfo"], autocommit=True) as connection:
        while True:
            query = "SELECT number, body FROM outbox WHERE NOT sent ORDER BY number LIMIT 50"
            rows = await (await connection.execute(query)).fetchall()
            if not rows:
                break
            try:
                for number, body in rows:
                    await broker.publish(given["topic"], Event.decode(bytes(body)))
                    await connection.execute("UPDATE outbox SET sent = true WHERE number = %s", (number,))
            except Unavailable:
                await asyncio.sleep(0.2)
    await broker.close()


def main() -> None:
    journal.configure("test", "test")
    given = json.loads(sys.argv[2])
    # The topic is the test's own, so the topology of the services does not name it.
    topology.GROUPS = {given["topic"]: (given["group"],)}
    settings = BrokerSettings(
        Kind(given["kind"]), "localhost", given["port"], USER, Secret(PASSWORD), Path(given["ca"])
    )
    asyncio.run((consume if sys.argv[1] == "consume" else publish)(settings, given))


if __name__ == "__main__":
    main()
