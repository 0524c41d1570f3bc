"""Knock at many doors at once, and tell what became of each.

Argument: {"mark": int or null, "pace": probes a second, "probes": [{"protocol", "address", "port", "seconds"}, …]}.
Prints one word per probe: connected, refused, prohibited (an ICMP error, or the host's own firewall), timeout; or
"error: …". The pace matters where denials show as ICMP errors: a kernel sends 1,000 of them a second, over all hosts
that share it (net.ipv4.icmp_msgs_per_sec), and is silent about the rest.
"""

import asyncio
import errno
import json
import socket
import sys
from typing import Any

SO_MARK = 36
# What Linux tells a socket whose packet was rejected by a filter: ICMP "administratively prohibited" is EHOSTUNREACH,
# "port unreachable" from the own OUTPUT chain is EPERM at once.
PROHIBITED = {errno.EHOSTUNREACH, errno.EPERM, errno.EACCES, errno.ENETUNREACH}


async def knock(probe: dict[str, Any], mark: int | None, wait: float) -> str:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(wait)
    family = socket.AF_INET6 if ":" in probe["address"] else socket.AF_INET
    kind = socket.SOCK_STREAM if probe["protocol"] == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as door:
        door.setblocking(False)
        if mark is not None:
            door.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
        try:
            async with asyncio.timeout(probe["seconds"]):
                await loop.sock_connect(door, (probe["address"], probe["port"]))
                if probe["protocol"] == "udp":
                    await loop.sock_sendall(door, b"knock")
                    await loop.sock_recv(door, 16)
        except TimeoutError:
            return "timeout"
        except ConnectionRefusedError:
            return "refused"
        except OSError as error:
            return "prohibited" if error.errno in PROHIBITED else f"error: {error.strerror}"
        return "connected"


async def main(parameters: dict[str, Any]) -> list[str]:
    return await asyncio.gather(
        *(
            knock(probe, parameters["mark"], number / parameters["pace"])
            for number, probe in enumerate(parameters["probes"])
        )
    )


json.dump(asyncio.run(main(json.loads(sys.argv[1]))), sys.stdout)
