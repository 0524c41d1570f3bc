"""Writing rulesets as iptables-save prints them."""

from network.prove.syntax.matches import print_extension, print_header
from network.prove.syntax.targets import print_action
from network.prove.syntax.types import Chain, Counters, Rule, Ruleset, Table


def print_rule(rule: Rule, chain: str, family: int) -> str:
    """Write a rule without its counters."""
    words = ["-A", chain]
    for match in rule.header:
        words += print_header(match, family)
    for extension in rule.extensions:
        words += print_extension(extension, family)
    return " ".join(words + print_action(rule.action))


def _counters(counters: Counters | None) -> str:
    return f"[{counters.packets}:{counters.bytes}]" if counters else ""


def _chain(chain: Chain) -> str:
    return f":{chain.name} {chain.policy or '-'} {_counters(chain.counters) or '[0:0]'}"


def _table(table: Table, family: int) -> list[str]:
    rules = [
        f"{_counters(rule.counters)} {print_rule(rule, chain.name, family)}".lstrip()
        for chain in table.chains.values()
        for rule in chain.rules
    ]
    return [f"*{table.name}", *(_chain(chain) for chain in table.chains.values()), *rules, "COMMIT"]


def print_ruleset(ruleset: Ruleset) -> str:
    """Write a ruleset, without the comments that iptables-save puts around each table."""
    lines = [line for table in ruleset.tables.values() for line in _table(table, ruleset.family)]
    return "".join(f"{line}\n" for line in lines)
