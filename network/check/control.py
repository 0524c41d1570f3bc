"""A control: what an auditor asks of a host, with the standards that ask for it, and the findings against it. Pure.

Standards: PCI DSS 4.0.1, NIST SP 800-41 Rev. 1 and SP 800-52 Rev. 2, CIS Debian Linux 12 Benchmark 1.1.
"""

from collections.abc import Callable
from dataclasses import dataclass

from network.check.expectation import Expectation
from network.check.facts import Facts

Check = Callable[[Expectation, Facts], list[str]]


@dataclass(frozen=True)
class Control:
    """`check` returns one sentence per finding; none means that the host is as it should be.

    `applies` says whether the host is concerned at all.
    """

    id: str
    title: str
    references: tuple[str, ...]
    check: Check
    applies: Callable[[Expectation], bool]


def always(_: Expectation) -> bool:
    """Hold for every host."""
    return True
