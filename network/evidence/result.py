"""The result: plain values, from which every form is made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from network.evidence.counters import Count


class Level(Enum):
    """`ERROR` breaks the run, `WARNING` says that not enough is known to tell, `NOTE` is for somebody to look at."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """Something to act on. `rule` is its kind, `where` a file and line of the policy, or the thing looked at."""

    level: Level
    rule: str
    subject: str
    text: str
    where: str


@dataclass(frozen=True)
class FlowEvidence:
    """A flow in one pair of zones.

    proved: the proof's word. probed: the live probe's in this pair, or empty where none was made. connections: packets
    that opened one, in all pairs, as the flow's rules counted them since they were loaded; the most of any one host.
    """

    flow: str
    source: str
    destination: str
    services: str
    why: str
    owner: str
    review_by: date
    where: str
    proved: str
    probed: str
    connections: int
    counted_on: Mapping[str, Count]


@dataclass(frozen=True)
class PairEvidence:
    """A pair of zones, whether or not any flow joins them. `proved` and `probed` are as for a flow."""

    source: str
    destination: str
    flows: tuple[str, ...]
    proved: str
    probed: str


@dataclass(frozen=True)
class HostEvidence:
    """What a host said of itself, by its own clock. `since`: when its rules began to count, where that is known."""

    host: str
    answered: datetime
    system: str
    rules: int
    since: datetime | None


@dataclass(frozen=True)
class ControlEvidence:
    """A control on a host. No findings: it holds."""

    control: str
    title: str
    references: tuple[str, ...]
    host: str
    findings: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """Everything. `gathered` says when and how; `trust` is what the proof takes for granted."""

    environment: str
    gathered: str
    today: date
    holds: bool
    obligations: int
    flows: tuple[FlowEvidence, ...]
    pairs: tuple[PairEvidence, ...]
    controls: tuple[ControlEvidence, ...]
    findings: tuple[Finding, ...]
    hosts: tuple[HostEvidence, ...]
    rules: int
    trust: tuple[str, ...]

    @property
    def broken(self) -> bool:
        """Whether anything is an error."""
        return any(finding.level is Level.ERROR for finding in self.findings)

    @property
    def doubtful(self) -> bool:
        """Whether anything could not be told."""
        return any(finding.level is Level.WARNING for finding in self.findings)

    def data(self) -> dict[str, Any]:
        """Give the result as values that JSON has."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value
