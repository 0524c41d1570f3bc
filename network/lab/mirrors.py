"""The package mirrors as addresses: what only this machine can know of the policy's external peers.

Inside the environment there is no DNS, and rules need addresses. So the names in the image's apt sources are resolved
here and written as an inventory variable. Addresses that still answer are kept, for a mirror's names turn over all the
time, and each new address would change rules on many hosts.
"""

import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from network.errors import Problem, UserError
from network.lab.progress import Progress
from network.lab.sources import Source

EXTERNAL = "package-mirrors"
"""The policy's name for them."""

_ANSWER_SECONDS = 3.0
_HEAD = "# Written by `sallyport up`: what only this machine can know. Removed by `sallyport down --purge`.\n"


def refresh(sources: Iterable[Source], versions: set[int], path: Path, progress: Progress) -> bool:
    """Write the mirrors' addresses, of the IP versions given, and return whether the file was changed.

    Raises UserError when a name has no address that can be used, old or new.
    """
    known = remembered(path)
    ports = ports_by_name(sources)
    with ThreadPoolExecutor(max(1, len(ports))) as pool:
        found = dict(
            pool.map(
                lambda item: (item[0], _addresses(item[0], item[1], known.get(item[0], ()), versions)), ports.items()
            )
        )
    text = render(found)
    if path.exists() and path.read_text() == text:
        return False
    path.write_text(text)
    for name, addresses in found.items():
        progress(name, ", ".join(addresses))
    return True


def ports_by_name(sources: Iterable[Source]) -> dict[str, int]:
    """Return the TCP port each mirror is asked at, by its name. Sources that are no web addresses have none. Pure."""
    ports: dict[str, int] = {}
    for source in sources:
        parts = urlsplit(source.uri)
        if parts.scheme in ("http", "https") and parts.hostname:
            ports.setdefault(parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme])
    return ports


def render(found: Mapping[str, Iterable[str]]) -> str:
    """Return the text of the variables file. Pure."""
    content = {"network_externals_found": {EXTERNAL: {name: list(addresses) for name, addresses in found.items()}}}
    return _HEAD + yaml.safe_dump(content, sort_keys=True)


def remembered(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the addresses the file holds, by name; nothing where it is missing or not what we write."""
    try:
        content = yaml.safe_load(path.read_text())
        names = content["network_externals_found"][EXTERNAL]
        return {str(name): tuple(map(str, addresses)) for name, addresses in names.items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}


def _addresses(name: str, port: int, known: tuple[str, ...], versions: set[int]) -> tuple[str, ...]:
    if known and all(_answers(address, port) for address in known):
        return known
    fresh = _resolved(name, port, versions)
    if fresh or known:
        # With no name service and no answer this machine is cut off: the old ones are as good as any.
        return fresh or known
    raise UserError(
        Problem(
            f"the mirror {name}",
            "its name has no address",
            "the lab's hosts install packages from the mirrors of the base image",
            f"see that this machine can resolve {name} (getent hosts {name}) and reach it",
        )
    )


def _resolved(name: str, port: int, versions: set[int]) -> tuple[str, ...]:
    kinds = {4: socket.AF_INET, 6: socket.AF_INET6}
    try:
        answers = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    wanted = {kinds[version] for version in versions}
    return tuple(sorted({str(answer[4][0]) for answer in answers if answer[0] in wanted}))


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=_ANSWER_SECONDS).close()
    except OSError:
        return False
    return True
