"""The stand-ins of the providers, as a test uses them."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.services.processes import Service


@dataclass
class Outside:
    """https, submission: ports. control: a client of the operator's door."""

    service: Service
    https: int
    submission: int
    control: httpx.Client

    def received(self, channel: str, to: str | None = None) -> list[dict[str, Any]]:
        """What a channel took, oldest first; of one recipient, where it is named."""
        found = self.control.get("/received").json()["received"]
        return [each for each in found if each["channel"] == channel and to in {None, each["to"]}]

    def texts(self, channel: str, to: str) -> list[str]:
        return [each["text"] for each in self.received(channel, to)]

    def break_(self, channel: str, deed: str, **how: object) -> None:
        """Tell a channel to do something wrong."""
        assert self.control.put(f"/faults/{channel}", json={"deed": deed, **how}).status_code == 204

    def whole(self) -> bool:
        """Whether every fault has befallen as many messages as it was to."""
        return not self.control.get("/faults").json()

    def mend(self, channel: str) -> None:
        assert self.control.delete(f"/faults/{channel}").status_code == 204
