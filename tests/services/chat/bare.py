"""The reference: a bare broadcast with the websockets library, as its documentation shows it. It keeps nothing.

`python -m tests.services.chat.bare PORT CERTIFICATE KEY`. What a client sends, all clients of the same path get.
"""

import asyncio
import ssl
import sys
from collections import defaultdict

from websockets.asyncio.server import ServerConnection, broadcast, serve


async def run(port: int, certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    rooms: defaultdict[str, set[ServerConnection]] = defaultdict(set)

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        room = rooms[connection.request.path]
        room.add(connection)
        try:
            async for message in connection:
                broadcast(room, message)
        finally:
            room.discard(connection)

    async with serve(talk, "localhost", port, ssl=context, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
