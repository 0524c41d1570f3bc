from dataclasses import replace

import pytest

from network.check.verdict import Observation, Verdict, decide

PROVEN = Observation("timeout", canary=True, listening=True, arrived=False, counted=True)


def verdict(seen: Observation, *, allowed: bool = False, denial: str = "timeout") -> Verdict:
    return decide(allowed=allowed, denial=denial, seen=seen)[0]


def test_decide_denial_with_every_proof_is_proven() -> None:
    assert verdict(PROVEN) is Verdict.DENIED


@pytest.mark.parametrize(
    "seen",
    [replace(PROVEN, canary=False), replace(PROVEN, listening=False), replace(PROVEN, counted=False)],
    ids=["canary", "listening", "counted"],
)
def test_decide_denial_without_one_proof_is_inconclusive(seen: Observation) -> None:
    assert verdict(seen) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("outcome", ["refused", "prohibited", "error: Bad file descriptor", ""])
def test_decide_denial_of_another_kind_is_inconclusive(outcome: str) -> None:
    assert verdict(replace(PROVEN, outcome=outcome)) is Verdict.INCONCLUSIVE


def test_decide_connection_that_no_flow_allows_is_a_leak_whatever_else_is_known() -> None:
    assert verdict(Observation("connected", False, False, False, False)) is Verdict.LEAK


def test_decide_packet_that_arrived_is_a_leak_even_without_an_answer() -> None:
    assert verdict(replace(PROVEN, arrived=True)) is Verdict.LEAK


def test_decide_connection_that_a_flow_allows_is_open() -> None:
    assert verdict(replace(PROVEN, outcome="connected"), allowed=True) is Verdict.OPEN


def test_decide_silence_where_a_flow_leads_is_blocked_only_if_the_source_lives_and_the_door_is_open() -> None:
    assert verdict(PROVEN, allowed=True) is Verdict.BLOCKED
    assert verdict(replace(PROVEN, canary=False), allowed=True) is Verdict.INCONCLUSIVE
    assert verdict(replace(PROVEN, listening=False), allowed=True) is Verdict.INCONCLUSIVE


def test_decide_inconclusive_names_every_doubt() -> None:
    reason = decide(allowed=False, denial="prohibited", seen=Observation("timeout", False, False, False, False))[1]

    assert reason == (
        "timeout, but the source reaches nothing at all; nothing listens there; a denial shows as prohibited; "
        "the deny counter did not rise"
    )


def test_only_two_verdicts_pass() -> None:
    assert {each for each in Verdict if each.passed} == {Verdict.OPEN, Verdict.DENIED}
