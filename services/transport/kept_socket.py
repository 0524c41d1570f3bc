"""A listening socket that outlives the process, so that who calls during a restart waits instead of being refused.

systemd keeps it where the unit says so (FileDescriptorStoreMax=), and hands it to the next process of the unit. It lets
go of it when the unit is stopped for good: then callers are refused at once, as they should be.
"""

import os
import socket

# sd_listen_fds(3): the first file descriptor that is handed over.
_FIRST = 3
_NAME = "listener"
_BACKLOG = 2048


def kept_socket(address: str, port: int) -> socket.socket | None:
    """The socket that the process before this one listened on, or a new one that is kept from now on.

    None where nobody keeps sockets for this process. Raises OSError where the address cannot be had.
    """
    keeper = os.environ.get("NOTIFY_SOCKET", "")
    if not keeper:
        return None
    for inherited in _inherited():
        if inherited.getsockname()[:2] == (address, port):
            return inherited
        inherited.close()
    # What listened at another address is of no use any more.
    _tell(keeper, f"FDSTOREREMOVE=1\nFDNAME={_NAME}")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.create_server((address, port), family=family, backlog=_BACKLOG)
    _tell(keeper, f"FDSTORE=1\nFDNAME={_NAME}", made)
    return made


def _inherited() -> list[socket.socket]:
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    return [socket.socket(fileno=_FIRST + number) for number in range(int(os.environ.get("LISTEN_FDS", "0")))]


def _tell(keeper: str, text: str, *kept: socket.socket) -> None:
    # A leading @ stands for the abstract namespace.
    address = "\0" + keeper[1:] if keeper.startswith("@") else keeper
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.connect(address)
        socket.send_fds(told, [text.encode()], [each.fileno() for each in kept])
