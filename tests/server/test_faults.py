"""Faults: when a rule hits, and that chance can be repeated."""

from __future__ import annotations

import pytest

from mbap.server.faults import Fault, Faults, Rule
from support.hand_clock import HandClock

SILENT = Fault("silent")


def kinds(faults: Faults, count: int) -> list[str]:
    judged = [faults.judge(1) for _ in range(count)]
    return [fault.kind if fault else "" for fault in judged]


def test_without_rules_nothing_happens() -> None:
    assert kinds(Faults([]), 3) == ["", "", ""]


def test_a_rule_of_probability_1_always_hits() -> None:
    assert kinds(Faults([Rule(SILENT)]), 3) == ["silent"] * 3


def test_a_rule_of_probability_0_never_hits() -> None:
    assert kinds(Faults([Rule(SILENT, probability=0.0)]), 3) == [""] * 3


def test_a_rule_hits_about_as_often_as_its_probability_says() -> None:
    hits = kinds(Faults([Rule(SILENT, probability=0.2)]), 1_000).count("silent")
    assert 150 < hits < 250


def test_the_same_seed_gives_the_same_faults() -> None:
    rules = [Rule(SILENT, probability=0.5)]
    assert kinds(Faults(rules, seed=7), 50) == kinds(Faults(rules, seed=7), 50)
    assert kinds(Faults(rules, seed=7), 50) != kinds(Faults(rules, seed=8), 50)


def test_a_spell_begins_when_it_is_said_and_comes_again() -> None:
    clock = HandClock(100.0)
    faults = Faults([Rule(SILENT, every=45.0, lasting=8.0, first=6.0)], clock=clock)
    found = []
    for age in (0.0, 5.9, 6.0, 13.9, 14.0, 50.9, 51.0, 58.9, 59.0):
        clock.now = 100.0 + age
        found.append(faults.judge(1) is not None)
    assert found == [False, False, True, True, False, False, True, True, False]


def test_a_rule_can_be_for_some_units() -> None:
    faults = Faults([Rule(SILENT, units=frozenset({3}))])
    assert faults.judge(1) is None
    assert faults.judge(3) == SILENT


def test_the_first_rule_that_hits_decides() -> None:
    faults = Faults([Rule(Fault("late", delay=1.0)), Rule(SILENT)])
    assert faults.judge(1) == Fault("late", delay=1.0)


def test_what_was_hit_is_counted_by_kind() -> None:
    faults = Faults([Rule(SILENT)])
    kinds(faults, 3)
    assert {kind: count for kind, count in faults.counts.items() if count} == {"silent": 3}


@pytest.mark.parametrize("probability", [-0.1, 1.1])
def test_a_probability_is_0_to_1(probability: float) -> None:
    with pytest.raises(ValueError, match="a probability is 0 to 1"):
        Rule(SILENT, probability=probability)


@pytest.mark.parametrize("lasting", [0.0, 11.0])
def test_a_spell_fits_between_two(lasting: float) -> None:
    with pytest.raises(ValueError, match="a spell every 10 s cannot last"):
        Rule(SILENT, every=10.0, lasting=lasting)


def test_an_exception_needs_a_code() -> None:
    with pytest.raises(ValueError, match="an exception code is 1 to 255, not 0"):
        Rule(Fault("exception"))
