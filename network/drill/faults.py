"""What breaks, for real and for a while. Whatever is changed on a host undoes itself."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random

from network.check.shell import Shell, must
from network.check.temporary import opened
from network.model import Host, Model

Say = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """Where a drill works: the model, a shell on each host, and the moments drawn at random."""

    model: Model
    shells: Mapping[str, Shell]
    random: Random
    say: Say

    def host(self, group: str) -> Host:
        """Return the first host of a group."""
        return self.model.fleet.hosts[self.model.fleet.groups[group][0]]

    def shell(self, group: str) -> Shell:
        """Return a shell on the first host of a group."""
        return self.shells[self.host(group).name]


Fault = Callable[[Place, float], None]
"""Breaks things for about so many seconds, and returns when they are whole again."""


def kills(group: str, unit: str, *, start: bool = False) -> Fault:
    """Kill every process of a unit with SIGKILL, at random moments; `start` where nothing else starts it again."""

    def fault(place: Place, seconds: float) -> None:
        shell, end, times = place.shell(group), time.monotonic() + seconds, 0
        while time.monotonic() < end:
            time.sleep(place.random.uniform(1.0, 4.0))
            must(shell, f"systemctl kill --signal=KILL {unit}")
            times += 1
            if start:
                time.sleep(place.random.uniform(0.5, 2.0))
                must(shell, f"systemctl reset-failed {unit}; systemctl start {unit}")
        place.say(f"{unit} on {shell.name} killed {times} times")

    return fault


def cut(one: str, other: str) -> Fault:
    """Drop every packet between two groups' hosts at the firewall between them, both ways."""

    def fault(place: Place, seconds: float) -> None:
        core, rules = place.shell("core"), []
        for here in place.host(one).legs:
            for there in place.host(other).legs:
                if here.address.version == there.address.version == 4:
                    rules += [
                        f"FORWARD -s {here.address} -d {there.address} -j DROP",
                        f"FORWARD -s {there.address} -d {here.address} -j DROP",
                    ]
        with ExitStack() as stack:
            for number, rule in enumerate(rules):
                stack.enter_context(opened(core, rule, name=f"drill{number}"))
            time.sleep(seconds)
        place.say(f"{place.host(one).name} and {place.host(other).name} cut off from one another for {seconds:.0f} s")

    return fault
