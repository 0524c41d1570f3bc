"""What a stand-in is told to do wrong, for tests and for whoever wants to see what happens then."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

# Seconds: longer than any sender waits.
HANG = 600.0


class Channel(StrEnum):
    MAIL = "mail"
    TELEGRAM = "telegram"
    VK = "vk"


class Deed(StrEnum):
    """What is done instead of taking a message.

    fail: refuse for now. throttle: ask to come later. refuse: for good. hang: never answer. cut: end the connection.
    """

    FAIL = "fail"
    THROTTLE = "throttle"
    REFUSE = "refuse"
    HANG = "hang"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Fault:
    """A deed, and whom it befalls.

    times: how many messages; None for all. to: one recipient only; None for all. taken: of hang and cut, whether the
    message is kept all the same, as when only the answer is lost. retry_after: of throttle, seconds.
    """

    deed: Deed
    times: int | None = None
    taken: bool = False
    retry_after: int = 1
    to: str | None = None


class Faults:
    """At most one fault for each channel."""

    def __init__(self) -> None:
        self._faults: dict[Channel, Fault] = {}
        self._over = asyncio.Event()

    async def hold(self, fault: Fault) -> None:
        """Of a fault that hangs: say nothing until the caller has long gone, or this process is to end."""
        if fault.deed is Deed.HANG:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), HANG)

    def end(self) -> None:
        """Keep nobody hanging any more."""
        self._over.set()

    def set(self, channel: Channel, fault: Fault) -> None:
        self._faults[channel] = fault

    def mend(self, channel: Channel) -> None:
        self._faults.pop(channel, None)

    def all(self) -> Mapping[Channel, Fault]:
        return dict(self._faults)

    def befall(self, channel: Channel, to: str) -> Fault | None:
        """The fault of a message that comes now; it counts."""
        fault = self._faults.get(channel)
        if fault is None or fault.to not in {None, to}:
            return None
        if fault.times is not None:
            self._faults[channel] = replace(fault, times=fault.times - 1)
            if fault.times <= 1:
                self.mend(channel)
        return fault
