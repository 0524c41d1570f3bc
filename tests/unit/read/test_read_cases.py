"""Each folder of ``cases`` is an environment with one thing wrong, and ``expected.txt`` is what its user reads.

A case holds the files in which it differs from the environment in ``base``.
"""

import pytest

from tests.unit.read.environment import HERE, files, outcome

CASES = sorted(path.name for path in (HERE / "cases").iterdir())


def test_base_accepted() -> None:
    assert outcome({}) == "accepted\n"


@pytest.mark.parametrize("name", CASES)
def test_case_told_as_expected(name: str) -> None:
    case = HERE / "cases" / name
    assert outcome(files(case)) == (case / "expected.txt").read_text()


@pytest.mark.parametrize("name", CASES)
def test_case_tells_place_rule_and_remedy(name: str) -> None:
    """Every problem has its four lines, and names a file of the case (the line too, where there is one)."""
    told = (HERE / "cases" / name / "expected.txt").read_text()
    if told == "accepted\n":
        return
    lines = told.splitlines()
    assert len(lines) % 4 == 0
    for place, found, rule, remedy in zip(*(lines[at::4] for at in range(4)), strict=True):
        assert place.startswith(("policy.yml:", "inventory"))
        assert (found[:10], rule[:10], remedy[:10]) == ("  found:  ", "  rule:   ", "  remedy: ")
