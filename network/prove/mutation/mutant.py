"""One change of one host's answer, as if the host had something else loaded."""

from collections.abc import Mapping
from dataclasses import dataclass

THINGS = ("rule", "policy", "set", "route", "setting")
"""What is changed: a rule, a built-in chain's policy, a member of an ipset, a route, a kernel setting (sysctl)."""


@dataclass(frozen=True)
class Mutant:
    """An answer of which some lines were changed.

    `thing` is one of `THINGS`, `change` says what was done to it, `section` where in the answer it stands. `was` and
    `now` are the thing before and after (nothing: it is gone). `line` is its line in the answer. `edits` map a line of
    the answer to what stands there instead. `names` are the words of which a counterexample must use one, beside the
    host, to have named it.
    """

    host: str
    thing: str
    change: str
    section: str
    line: int
    was: str
    now: str
    names: tuple[str, ...]
    lines: tuple[str, ...]
    edits: Mapping[int, tuple[str, ...]]

    @property
    def kind(self) -> str:
        """What the score is counted by."""
        return f"{self.thing} {self.change}"

    @property
    def text(self) -> str:
        """The whole answer, changed."""
        found: list[str] = []
        for number, line in enumerate(self.lines, 1):
            found += self.edits.get(number, (line,))
        return "\n".join(found) + "\n"

    def __str__(self) -> str:
        return f"{self.host}:{self.line} {self.kind}: {self.was}" + (f"  →  {self.now}" if self.now else "")
