"""Networks of the environment that this machine uses already: a lab on top of them would cut the machine off."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from network.errors import Problem
from network.model import Model, Network
from network.read.address import contains


@dataclass(frozen=True)
class MachineNetwork:
    """A network that this machine is on, or has a route to: an entry of ``ip -j addr`` or ``ip -j route``.

    `interface` is the one it is reached by. A host's own address is given as the network it is in.
    """

    network: Network
    interface: str


def collisions(
    model: Model, machine: Iterable[MachineNetwork], own_interfaces: Collection[str] = ()
) -> tuple[Problem, ...]:
    """Return a problem for each network of the environment that overlaps one of this machine's.

    `own_interfaces` are the lab's own bridges, which lie in those networks by right. Default routes are no networks.
    """
    taken = dict.fromkeys(
        each for each in machine if each.interface not in own_interfaces and each.network.prefixlen > 0
    )
    return tuple(
        Problem(
            f"zone {zone.name}",
            f"{network}, which overlaps {each.network} on this machine's interface {each.interface}",
            "the environment's networks are not in use on the machine that raises it",
            f"Give zone {zone.name} another network in network_zones, and its hosts other addresses; or leave "
            f"{each.network}, such as by stopping the VPN or the engine's network that has it.",
        )
        for zone in model.fleet.zones.values()
        for network in zone.networks
        for each in taken
        if contains(network, each.network) or contains(each.network, network)
    )
