"""Rules and sets are read and printed back as they were; what cannot be read is refused, line by line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from network.errors import UserError
from network.prove.syntax.rules import parse_ruleset
from network.prove.syntax.sets import check_sets, parse_sets, print_sets
from network.prove.syntax.text import print_rule, print_ruleset
from network.prove.syntax.words import quote, split

CASES = Path(__file__).parent / "cases"
CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.iptables-save"))
TOOLS = sorted((Path(__file__).parent / "corpus/tools").glob("*tables-save"))


def family(dump: Path) -> int:
    return 6 if dump.suffix in {".v6", ".ip6tables-save"} else 4


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", sorted((CASES / "refused").glob("*.yml")), ids=lambda path: path.stem)
def test_what_is_wrong_is_named(path: Path) -> None:
    case = load(path)
    with pytest.raises(UserError) as raised:
        ruleset = parse_ruleset(case["text"], 4, "dump")
        sets = parse_sets(case.get("sets", ""), "dump")
        raise UserError(*check_sets(ruleset, sets))
    for problem, expected in zip(raised.value.problems, case["problems"], strict=True):
        assert problem.where == f"dump:{expected['line']}"
        assert expected["found"] in problem.found
        assert expected.get("remedy", "") in problem.remedy
        assert problem.rule
        assert problem.remedy


@pytest.mark.parametrize("name", ["modules.v4", "modules.v6", "containers.v4"])
def test_canonical_text_is_printed_back(name: str) -> None:
    text = (CASES / "printed" / name).read_text()
    ruleset = parse_ruleset(text, int(name[-1]), name)
    assert print_ruleset(ruleset) == text
    assert parse_ruleset(print_ruleset(ruleset), int(name[-1]), name) == ruleset


@pytest.mark.parametrize("case", load(CASES / "printed" / "foreign.yml"), ids=lambda case: str(case["given"]))
def test_other_forms_are_printed_canonically(case: dict[str, str]) -> None:
    ruleset = parse_ruleset(f"*filter\n:INPUT DROP [0:0]\n{case['given']}\nCOMMIT\n", 4, "given")
    assert print_rule(ruleset.tables["filter"].chains["INPUT"].rules[0], "INPUT", 4) == case["printed"]


@pytest.mark.parametrize("path", [*CORPUS, *TOOLS], ids=lambda path: path.name)
def test_real_dumps_are_printed_back(path: Path) -> None:
    text = path.read_text()
    printed = print_ruleset(parse_ruleset(text, family(path), path.name))
    assert parse_ruleset(printed, family(path), path.name) == parse_ruleset(text, family(path), path.name)
    if path.stem != "ugent":  # an old iptables, whose forms are not today's
        lines = (line.strip() for line in text.splitlines() if not line.startswith("#"))
        assert printed.splitlines() == [line for line in lines if line]


def test_lines_of_rules_are_those_of_the_file() -> None:
    ruleset = parse_ruleset("# a comment\n*filter\n:INPUT DROP [0:0]\n\n-A INPUT -j DROP\nCOMMIT\n", 4, "dump", 100)
    rule = ruleset.tables["filter"].chains["INPUT"].rules[0]
    assert (rule.line, rule.text) == (104, "-A INPUT -j DROP")


def test_a_rule_names_its_flow() -> None:
    text = '*filter\n:INPUT DROP [0:0]\n-A INPUT -m comment --comment "flow:status-callback" -j ACCEPT\nCOMMIT\n'
    assert parse_ruleset(text, 4, "dump").tables["filter"].chains["INPUT"].rules[0].flow == "status-callback"


def test_sets_are_printed_back() -> None:
    text = (CASES / "sets" / "kinds.ipset").read_text()
    sets = parse_sets(text, "sets")
    assert print_sets(sets) == text
    assert parse_sets(print_sets(sets), "sets") == sets


@pytest.mark.parametrize("value", ["plain", "two words", 'a "b"', "back\\slash", "it's", "", "flow:x", "[UFW BLOCK] "])
def test_quoting_is_undone_by_splitting(value: str) -> None:
    assert [word.value for word in split(f"--comment {quote(value)} -j")] == ["--comment", value, "-j"]
