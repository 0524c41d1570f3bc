"""Visitors of the lab's web service, as many as are needed: each has an address of its own on the visitor's host."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from network.check.shell import Shell, must
from network.check.ssh import reachable
from network.check.temporary import MARK, changed, egress_opened
from network.command.answers import ssh_config
from network.lab.state import ROOT
from network.model import Model
from network.read import load
from tests.web import Door, public_door

MOST_SECONDS = 600


@dataclass(frozen=True)
class Town:
    """The lab, with shells on its hosts. sources: the visitors' addresses. door: where they come in."""

    model: Model
    shells: Mapping[str, Shell]
    sources: list[str]
    door: Door

    def shell(self, group: str) -> Shell:
        """Return a shell on the first host of a group."""
        return self.shells[self.model.fleet.groups[group][0]]

    def given(self) -> dict[str, object]:
        """Return what every agent needs to know of the door."""
        door = self.door
        return {"ca": door.authority, "address": door.address, "port": door.port, "name": door.name, "mark": MARK}


@contextmanager
def visitors(count: int) -> Iterator[Town]:
    """Give the visitor's host `count` more addresses for a while. Raises UserError without a lab, and RemoteError."""
    model = load(ROOT / "network/policy.yml", ROOT / "inventory/lab")
    shells = reachable(model.fleet.hosts, ssh_config(model))
    host = model.fleet.hosts[model.fleet.groups["visitor"][0]]
    leg = next(leg for leg in host.legs if leg.address.version == 4)
    taken = {each.address for one in model.fleet.hosts.values() for each in one.legs}
    free = (address for address in reversed(list(leg.network.hosts())) if address not in taken)
    sources = [str(address) for address in islice(free, count)]
    shell = shells[host.name]
    device = must(shell, f"ip -o addr show to {leg.address}").split()[1]
    make = " && ".join(f"ip addr add {each}/32 dev {device}" for each in sources)
    mend = "; ".join(f"ip addr del {each}/32 dev {device} 2>/dev/null" for each in sources)
    with (
        changed(shell, "bench-visitors", make, f"{mend}; true", MOST_SECONDS),
        egress_opened(shell, "bench-visitors"),
    ):
        yield Town(model, shells, sources, public_door(model))
