"""The errors a user meets: where, what was found, which rule it breaks, and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with what the user gave.

    `where` is a file and line (``network/policy.yml:12``) or the thing looked at; the other three are sentences.
    """

    where: str
    found: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}\n  found:  {self.found}\n  rule:   {self.rule}\n  remedy: {self.remedy}"


class UserError(Exception):
    """What the user gave cannot be used. Holds every problem that was seen, not only the first."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
