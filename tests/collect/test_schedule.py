from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.collect.schedule import LONGEST_PHASE, Entry, Schedule, phase

ALL = 1000


def one(period: float = 1.0, now: float = 0.0, name: str = "main") -> tuple[Schedule[str], Entry[str]]:
    schedule: Schedule[str] = Schedule()
    return schedule, schedule.add("item", name=name, period=period, now=now)


def take(schedule: Schedule[str], now: float) -> list[str]:
    """What is due at *now*; finished at once."""
    turns = schedule.due(now, ALL)
    for entry, _ in turns:
        schedule.finished(entry)
    return [entry.item for entry, _ in turns]


def test_the_first_turn_comes_after_the_phase() -> None:
    schedule, _ = one(now=100.0)
    assert schedule.next_due() == 100.0 + phase("main", 1.0)


def test_nothing_is_due_before_its_time() -> None:
    schedule, entry = one()
    assert take(schedule, entry.start - 0.01) == []


def test_what_is_due_is_given_once() -> None:
    schedule, entry = one()
    assert take(schedule, entry.start) == ["item"]
    assert take(schedule, entry.start) == []


def test_a_timer_that_comes_a_little_early_is_no_reason_to_wait() -> None:
    schedule, entry = one()
    assert take(schedule, entry.start - 0.0005) == ["item"]
    assert schedule.next_due() == entry.start + 1


def test_turns_do_not_drift() -> None:
    schedule, entry = one(period=0.1)
    for _ in range(10_000):
        due = schedule.next_due()
        assert due is not None
        take(schedule, due + 0.003)
    assert schedule.next_due() == pytest.approx(entry.start + 1000, abs=1e-9)
    assert entry.overruns == 0


def test_lateness_is_measured() -> None:
    schedule, entry = one()
    ((_, late),) = schedule.due(entry.start + 0.25, ALL)
    assert late == pytest.approx(0.25)


def test_a_turn_while_the_one_before_runs_is_left_out_and_counted() -> None:
    schedule, entry = one()
    schedule.due(entry.start, ALL)
    assert schedule.due(entry.start + 1, ALL) == []
    assert schedule.due(entry.start + 2, ALL) == []
    assert entry.overruns == 2
    schedule.finished(entry)
    assert take(schedule, entry.start + 3) == ["item"]


def test_turns_missed_while_nobody_asked_are_one_turn_and_counted() -> None:
    schedule, entry = one()
    assert take(schedule, entry.start + 5.5) == ["item"]
    assert entry.overruns == 5
    assert schedule.next_due() == entry.start + 6


def test_at_most_the_limit_is_given_at_once() -> None:
    schedule: Schedule[str] = Schedule()
    for n in range(10):
        schedule.add(str(n), name=str(n), period=1.0, now=0.0)
    assert [len(schedule.due(1.0, 4)) for _ in range(3)] == [4, 4, 2]


def test_two_periods_side_by_side() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add("fast", name="x", period=0.5, now=0.0)
    schedule.add("slow", name="x", period=5.0, now=0.0)
    given_items: list[str] = []
    while (due := schedule.next_due()) is not None and due < 50 + phase("x", 5.0):
        given_items += take(schedule, due)
    assert given_items.count("slow") == 10
    assert given_items.count("fast") in range(100, 110)


def test_a_removed_entry_is_never_due() -> None:
    schedule, entry = one()
    schedule.remove(entry)
    schedule.remove(entry)
    assert schedule.next_due() is None
    assert take(schedule, 10.0) == []
    assert len(schedule) == 0


def test_an_extra_turn_comes_before_the_grid() -> None:
    schedule, entry = one(period=60.0)
    take(schedule, entry.start)
    assert schedule.retry(entry, entry.start + 2)
    assert take(schedule, entry.start + 2) == ["item"]
    assert not entry.on_grid
    assert schedule.next_due() == entry.start + 60


def test_an_extra_turn_after_the_next_one_of_the_grid_is_not_needed() -> None:
    schedule, entry = one(period=1.0)
    take(schedule, entry.start)
    assert not schedule.retry(entry, entry.start + 2)


def test_an_extra_turn_leaves_the_grid_as_it_was() -> None:
    schedule, entry = one(period=60.0)
    take(schedule, entry.start)
    schedule.retry(entry, entry.start + 2)
    take(schedule, entry.start + 2.5)
    assert take(schedule, entry.start + 60) == ["item"]
    assert entry.on_grid
    assert entry.overruns == 0


def test_an_extra_turn_while_it_runs_is_not_an_overrun() -> None:
    schedule, entry = one(period=60.0)
    schedule.due(entry.start, ALL)
    schedule.retry(entry, entry.start + 2)
    assert schedule.due(entry.start + 2, ALL) == []
    assert entry.overruns == 0


def test_a_retired_entry_gets_no_extra_turn() -> None:
    schedule, entry = one(period=60.0)
    schedule.remove(entry)
    assert not schedule.retry(entry, entry.start - 1)


@pytest.mark.parametrize("period", [0.0, -1.0, float("nan")])
def test_a_period_that_is_none_is_refused(period: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        one(period=period)


def test_the_phase_of_a_name_is_always_the_same() -> None:
    assert phase("main", 1.0) == phase("main", 1.0) == pytest.approx(0.7467, abs=0.0001)


def test_phases_are_spread_over_the_period() -> None:
    tenths = {int(phase(f"meter_{n}", 1.0) * 10) for n in range(200)}
    assert tenths == set(range(10))


@given(st.text(), st.floats(0.001, 1e6))
def test_a_phase_is_within_the_period_and_bounded(name: str, period: float) -> None:
    assert 0 <= phase(name, period) < min(period, LONGEST_PHASE) + 1e-12


@given(st.floats(0.01, 100), st.lists(st.floats(0, 300), min_size=1, max_size=50))
def test_turns_given_and_left_out_add_up_to_the_grid(period: float, waits: list[float]) -> None:
    schedule, entry = one(period=period)
    now, given_turns = entry.start, 0
    for wait in waits:
        now += wait
        given_turns += len(take(schedule, now))
    passed = round((entry.grid - entry.start) / period)
    assert given_turns + entry.overruns == passed
    assert entry.grid > now - 0.001
