"""Checks of shape shared by the policy and the inventory. Each collects what is wrong, and goes on."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from network.errors import Problem
from network.read.tree import Mapping, Mark, Scalar, Sequence, Value

NAME = re.compile(r"[a-z][a-z0-9-]*")
DNS_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_JINJA = re.compile(r"\{\{|\{%|\{#")


@dataclass(frozen=True)
class Named:
    """A name, or another text, with the place where it is written."""

    name: str
    mark: Mark


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was most likely meant, if one is near."""
    candidates = list(known)
    exact = [candidate for candidate in candidates if candidate.replace("_", "-") == name.lower().replace("_", "-")]
    return next(iter(exact or get_close_matches(name, candidates, 1, 0.6)), None)


def did_you_mean(name: str, known: Collection[str], otherwise: str) -> str:
    """Return the remedy for an unknown name: the one that is near, or else a sentence of the caller's."""
    near = suggestion(name, known)
    return f"Did you mean '{near}'?" if near else otherwise


def listed(names: Iterable[str]) -> str:
    """Return names as an enumeration, or 'none'."""
    return ", ".join(names) or "none"


class Shape:
    """A collector of problems, with the checks that report to it. A check answers None when it has reported."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def report(self, where: Mark | str, found: str, rule: str, remedy: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(str(where), found, rule, remedy))

    def mapping(self, value: Value, what: str, remedy: str) -> Mapping | None:
        """Demand a mapping. `what` names the value: "a flow"; `remedy` shows how one is written."""
        if isinstance(value, Mapping):
            return value
        self.report(value.mark, f"{value} as {what}", f"{what} is a mapping", remedy)
        return None

    def keys(self, mapping: Mapping, what: str, allowed: Collection[str], required: Collection[str] = ()) -> bool:
        """Demand that a mapping has the required keys and none but the allowed ones."""
        before = len(self.problems)
        for key, entry in mapping.entries.items():
            if key not in allowed:
                otherwise = f"Remove it; {what} has: {listed(allowed)}."
                found = f"the key '{key}' in {what}"
                self.report(entry.key, found, "only known keys are used", did_you_mean(key, allowed, otherwise))
        for key in required:
            if key not in mapping.entries:
                found = f"{what} without '{key}'"
                self.report(mapping.mark, found, f"{what} has: {listed(required)}", f"Add '{key}: …'.")
        return len(self.problems) == before

    def scalar(self, value: Value, what: str, remedy: str) -> Scalar | None:
        """Demand a single value that is not empty and no Jinja expression."""
        if isinstance(value, Scalar) and _JINJA.search(value.text):
            rule = "the network is read before Ansible evaluates anything"
            self.report(value.mark, f"{value} as {what}", rule, "Write the value itself, not a Jinja expression.")
            return None
        if isinstance(value, Scalar) and value.text.strip() and value.value is not None:
            return value
        self.report(value.mark, f"{value} as {what}", f"{what} is a single value", remedy)
        return None

    def text(self, mapping: Mapping, key: str, what: str) -> str | None:
        """Demand text under a key that `keys` has already demanded; answers None when the key is missing."""
        entry = mapping.entries.get(key)
        if entry is None:
            return None
        found = self.scalar(entry.value, f"'{key}' of {what}", f"Write '{key}:' and a sentence or a word.")
        return found.text.strip() if found else None

    def items(self, value: Value, what: str, remedy: str) -> tuple[Scalar, ...]:
        """Demand a single value or a list of them; those that are none are reported and left out."""
        given = value.items if isinstance(value, Sequence) else (value,)
        if not given:
            self.report(value.mark, f"an empty list as {what}", f"{what} names at least one", remedy)
        return tuple(scalar for item in given if (scalar := self.scalar(item, what, remedy)))

    def name(self, name: str, mark: Mark, what: str, longest: int) -> bool:
        """Demand a name of lower-case letters, digits and hyphens, for it becomes part of rule and chain names."""
        if NAME.fullmatch(name) and len(name) <= longest:
            return True
        rule = f"{what} has lower-case letters, digits and hyphens, a letter first, {longest} characters at most"
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:longest].strip("-")
        self.report(mark, f"'{name}'", rule, f"Call it '{near}'." if NAME.fullmatch(near) else "Choose such a name.")
        return False
