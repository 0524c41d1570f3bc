"""Reading what iptables-save and ip6tables-save print, with and without counters; also what iptables-restore reads."""

import re
from dataclasses import dataclass, field

from network.errors import Problem, UserError
from network.prove.syntax.addresses import parse_prefix
from network.prove.syntax.matches import BY_PROTOCOL, MODULE_NAMES, OPAQUE, OPTIONS, finish
from network.prove.syntax.numbers import parse_protocol
from network.prove.syntax.targets import known, parse_target
from network.prove.syntax.types import (
    Action,
    Address,
    Chain,
    Continue,
    Counters,
    Extension,
    Fragment,
    Goto,
    Interface,
    Jump,
    Match,
    Opaque,
    Protocol,
    Rule,
    Ruleset,
    Side,
    Table,
)
from network.prove.syntax.words import Word, split

BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
"""The tables, and the chains of each that the kernel itself calls."""

LONG = {
    "--source": "-s",
    "--src": "-s",
    "--destination": "-d",
    "--dst": "-d",
    "--protocol": "-p",
    "--in-interface": "-i",
    "--out-interface": "-o",
    "--fragment": "-f",
    "--match": "-m",
    "--jump": "-j",
    "--goto": "-g",
    "--append": "-A",
}
"""Long forms of the options outside any module; iptables-save prints the short ones."""

MAIN = frozenset({"-s", "-d", "-p", "-i", "-o", "-f", "-m", "-j", "-g"} | set(LONG))

_COUNTERS = re.compile(r"\[(\d+):(\d+)\]\Z")
_HEADER_ORDER = ("-s", "-d", "-i", "-o", "-p", "-f")


@dataclass
class _Open:
    """A module of the rule being read."""

    name: str
    matches: list[Match] = field(default_factory=list)


@dataclass
class _Draft:
    """A table being read: its chains in the order of their declaration, and the line of the ``*table``."""

    name: str
    line: int
    policies: dict[str, tuple[str | None, Counters | None, int]] = field(default_factory=dict)
    rules: dict[str, list[Rule]] = field(default_factory=dict)


class _RuleReader:
    """Reads the words of one rule, from behind ``-A chain``. Raises ValueError with what is wrong."""

    def __init__(self, words: list[Word], family: int, chains: frozenset[str]) -> None:
        self.words = words
        self.family = family
        self.chains = chains
        self.at = 0
        self.header: dict[str, Match] = {}
        self.open: list[_Open] = []
        self.action: Action | None = None

    def read(self) -> tuple[tuple[Match, ...], tuple[Extension, ...], Action]:
        while self.at < len(self.words):
            negated = self._negation()
            word = self._take("a condition")
            option = word.value if not word.quoted else ""
            option = LONG.get(option, option)
            if option in {"-j", "-g"} and not negated:
                self._target(option)
            elif option == "-m" and not negated:
                self._module(self._take("a module's name").value)
            elif option in _HEADER_ORDER:
                self._header(option, negated)
            else:
                self._option(option, word, negated)
        header = tuple(self.header[option] for option in _HEADER_ORDER if option in self.header)
        extensions = tuple(finish(opened.name, opened.matches) for opened in self.open)
        return header, extensions, self.action or Continue()

    def _take(self, expected: str) -> Word:
        if self.at >= len(self.words):
            raise ValueError(f"the rule ends where {expected} should follow")
        self.at += 1
        return self.words[self.at - 1]

    def _negation(self) -> bool:
        """Read a ``!``; in old dumps it stands between option and value."""
        if self.at < len(self.words) and self.words[self.at].raw == "!":
            self.at += 1
            return True
        return False

    def _rest(self) -> list[Word]:
        """Take the words up to the next option outside any module, or of a module that is modelled."""
        start = self.at
        while self.at < len(self.words):
            word = self.words[self.at]
            follows = self.words[self.at + 1] if word.raw == "!" and self.at + 1 < len(self.words) else word
            if not follows.quoted and (follows.value in MAIN or self._modelled(follows.value)):
                break
            self.at += 1
        return self.words[start : self.at]

    def _header(self, option: str, negated: bool) -> None:
        if option == "-f":
            self.header[option] = Fragment(negated)
            return
        negated |= self._negation()
        value = self._take(f"the value of {option}").value
        if option in self.header:
            raise ValueError(f"{option} stands twice")
        match option:
            case "-s" | "-d":
                side = Side.SOURCE if option == "-s" else Side.DESTINATION
                prefix = parse_prefix(value, self.family)
                if prefix.mask or negated:
                    self.header[option] = Address(side, prefix, negated)
            case "-i" | "-o":
                self.header[option] = Interface(Side.SOURCE if option == "-i" else Side.DESTINATION, value, negated)
            case _:
                if value.lower() not in {"all", "0"} or negated:
                    self.header[option] = Protocol(parse_protocol(value), negated)

    def _module(self, name: str) -> None:
        name = MODULE_NAMES.get(name, name)
        if name in OPTIONS:
            self.open.append(_Open(name))
        elif name in OPAQUE:
            words = tuple(word.raw for word in self._rest())
            self.open.append(_Open(name, [Opaque(words)] if words else []))
        else:
            raise ValueError(f"module {name!r} is not known")

    def _owner(self, option: str) -> _Open | None:
        """Find the loaded module that has the option: the latest first, then the one that the protocol implies."""
        for opened in reversed(self.open):
            if option in OPTIONS.get(opened.name, {}):
                return opened
        return None

    def _modelled(self, option: str) -> bool:
        return self._owner(option) is not None or self._implied(option) is not None

    def _implied(self, option: str) -> str | None:
        """Name the module that has an option and that the rule's protocol implies, if it is not loaded yet."""
        protocol = self.header.get("-p")
        if not isinstance(protocol, Protocol) or protocol.negated:
            return None
        name = BY_PROTOCOL.get(protocol.number)
        if name is None or option not in OPTIONS[name] or any(opened.name == name for opened in self.open):
            return None
        return name

    def _option(self, option: str, word: Word, negated: bool) -> None:
        owner = self._owner(option)
        if owner is None:
            name = self._implied(option)
            if name is None:
                raise ValueError(f"{word.raw} is no option of this rule's modules")
            owner = _Open(name)
            self.open.append(owner)
        grammar = OPTIONS[owner.name][option]
        if grammar.words:
            negated |= self._negation()
        values = [self._take(f"the value of {option}").value for _ in range(grammar.words)]
        owner.matches.append(grammar.make(values, negated, self.family))

    def _target(self, option: str) -> None:
        if self.action is not None:
            raise ValueError("the rule has two targets")
        name = self._take("a target").value
        if name in self.chains:
            self.action = Jump(name) if option == "-j" else Goto(name)
        elif option == "-g" or not known(name):
            raise ValueError(f"{name!r} is neither a chain of this table nor a target of iptables")
        else:
            self.action = parse_target(name, self._rest(), self.family)


class _DumpReader:
    def __init__(self, where: str, family: int, first_line: int) -> None:
        self.where = where
        self.family = family
        self.first_line = first_line
        self.tables: dict[str, Table] = {}
        self.draft: _Draft | None = None
        self.problems: list[Problem] = []

    def complain(self, line: int, found: str, rule: str, remedy: str) -> None:
        self.problems.append(Problem(f"{self.where}:{line}", found, rule, remedy))

    def read(self, text: str) -> Ruleset:
        lines = text.splitlines()
        declared = _declared(lines)
        number = self.first_line - 1
        for number, full in enumerate(lines, self.first_line):
            line = full.strip()
            if not line or line.startswith("#"):
                continue
            try:
                self._line(line, number, declared)
            except ValueError as error:
                self.complain(
                    number,
                    f"{error}, in: {line}",
                    "every line must be one that iptables-save prints and this program knows",
                    "take the dump again with iptables-save; if it is right, the proof cannot be made for this host",
                )
        if self.draft is not None:
            self.complain(
                number,
                f"the dump ends inside table {self.draft.name}, without COMMIT",
                "a table ends with COMMIT; a dump without it has been cut off",
                "take the dump again",
            )
        if self.problems:
            raise UserError(*self.problems)
        return Ruleset(self.family, self.tables, self.where)

    def _line(self, line: str, number: int, declared: dict[str, frozenset[str]]) -> None:
        if line.startswith("*"):
            self._table(line[1:].strip(), number)
        elif self.draft is None:
            raise ValueError("this stands outside any table")
        elif line.startswith(":"):
            self._chain(line[1:].split(), number, self.draft)
        elif line == "COMMIT":
            self._commit(self.draft)
        else:
            self._rule(line, number, self.draft, declared.get(self.draft.name, frozenset()))

    def _table(self, name: str, number: int) -> None:
        if self.draft is not None:
            unfinished, self.draft = self.draft.name, None
            self.draft = _Draft(name, number)
            raise ValueError(f"table {unfinished} has no COMMIT")
        self.draft = _Draft(name, number)
        if name not in BUILT_IN:
            raise ValueError(f"{name!r} is no table of iptables")
        if name in self.tables:
            raise ValueError(f"table {name} stands twice")

    def _chain(self, words: list[str], number: int, draft: _Draft) -> None:
        if len(words) not in {2, 3}:
            raise ValueError("a chain is declared as :NAME POLICY [packets:bytes]")
        name, policy = words[0], words[1]
        counters = _counters(words[2]) if len(words) == 3 else None
        built_in = name in BUILT_IN.get(draft.name, ())
        if built_in and policy not in {"ACCEPT", "DROP"}:
            raise ValueError(f"the policy of {name} is {policy!r}, neither ACCEPT nor DROP")
        if name in draft.policies:
            raise ValueError(f"chain {name} is declared twice")
        draft.policies[name] = (policy if built_in else None, counters, number)
        draft.rules[name] = []

    def _rule(self, line: str, number: int, draft: _Draft, chains: frozenset[str]) -> None:
        words = split(line)
        counters = None
        if match := _COUNTERS.match(words[0].raw):
            counters = Counters(int(match[1]), int(match[2]))
            words = words[1:]
        if len(words) < 2 or LONG.get(words[0].raw, words[0].raw) != "-A":
            raise ValueError("this is no rule (-A chain …)")
        name = words[1].value
        if name not in draft.rules:
            raise ValueError(f"chain {name!r} is not declared in table {draft.name}")
        targets = chains - set(BUILT_IN.get(draft.name, ()))
        header, extensions, action = _RuleReader(words[2:], self.family, targets).read()
        draft.rules[name].append(Rule(header, extensions, action, counters, number, line))

    def _commit(self, draft: _Draft) -> None:
        self.draft = None
        chains = {
            name: Chain(name, policy, tuple(draft.rules[name]), counters, line)
            for name, (policy, counters, line) in draft.policies.items()
        }
        table = Table(draft.name, chains)
        self.tables[draft.name] = table
        for loop in loops(table):
            self.complain(
                chains[loop[0]].line,
                f"chains of table {draft.name} call each other in a loop: {' → '.join((*loop, loop[0]))}",
                "the kernel loads no chains that loop",
                "remove one of the jumps; a dump like this was not taken from a running host",
            )


def _counters(text: str) -> Counters:
    match = _COUNTERS.match(text)
    if match is None:
        raise ValueError(f"{text!r} are no counters")
    return Counters(int(match[1]), int(match[2]))


def _declared(lines: list[str]) -> dict[str, frozenset[str]]:
    """Give the chains that each table declares, wherever in the table they do."""
    declared: dict[str, set[str]] = {}
    table = ""
    for full in lines:
        line = full.strip()
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":") and (words := line[1:].split()):
            declared.setdefault(table, set()).add(words[0])
    return {name: frozenset(chains) for name, chains in declared.items()}


def loops(table: Table) -> list[tuple[str, ...]]:
    """Find the chains that call each other in a loop; each loop once."""
    calls = {
        name: tuple(dict.fromkeys(rule.action.chain for rule in chain.rules if isinstance(rule.action, Jump | Goto)))
        for name, chain in table.chains.items()
    }
    found: list[tuple[str, ...]] = []
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            found.append(path[path.index(name) :])
            return
        if name in done:
            return
        for called in calls.get(name, ()):
            walk(called, (*path, name))
        done.add(name)

    for name in calls:
        walk(name, ())
    return found


def parse_ruleset(text: str, family: int, where: str, first_line: int = 1) -> Ruleset:
    """Read a dump. `where` is its file, and `first_line` the line there on which it begins, for messages.

    Refused with UserError, which names every line that is wrong.
    """
    return _DumpReader(where, family, first_line).read(text)
