"""mbap.sinks.backlog."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mbap.collect.readings import Readings
from mbap.sinks.backlog import Backlog, Gap
from support.store_contract import SECOND, TODAY


def readings(number: int, width: int = 1) -> Readings:
    points = tuple(f"p{n}" for n in range(width))
    return Readings("main", TODAY + number * SECOND, points, (1.0,) * width)


def numbers(batch: list[Readings]) -> list[int]:
    return [(one.time - TODAY) // SECOND for one in batch]


def test_readings_come_out_in_the_order_they_went_in() -> None:
    backlog = Backlog(10)
    for number in range(3):
        backlog.put(readings(number))
    assert numbers(backlog.hand_out(10)) == [0, 1, 2]


def test_a_batch_has_about_as_many_values_as_asked_for() -> None:
    backlog = Backlog(1_000)
    for number in range(10):
        backlog.put(readings(number, width=30))
    assert numbers(backlog.hand_out(100)) == [0, 1, 2, 3]


def test_a_batch_has_at_least_one_reading() -> None:
    backlog = Backlog(1_000)
    backlog.put(readings(0, width=500))
    assert numbers(backlog.hand_out(100)) == [0]


def test_what_is_handed_out_is_counted_until_it_is_settled() -> None:
    backlog = Backlog(10)
    backlog.put(readings(0, width=4))
    backlog.hand_out(10)
    assert backlog.values == 4
    assert backlog.settle() == 4
    assert backlog.values == 0


def test_what_is_taken_back_comes_first_again() -> None:
    backlog = Backlog(10)
    for number in range(3):
        backlog.put(readings(number))
    backlog.hand_out(2)
    backlog.put(readings(3))
    backlog.take_back()
    assert numbers(backlog.hand_out(10)) == [0, 1, 2, 3]


def test_the_oldest_go_when_it_is_full() -> None:
    backlog = Backlog(3)
    for number in range(5):
        backlog.put(readings(number))
    assert numbers(backlog.hand_out(10)) == [2, 3, 4]
    assert backlog.dropped == 2


def test_what_is_being_written_neither_goes_nor_pushes_anything_out() -> None:
    backlog = Backlog(3)
    for number in range(3):
        backlog.put(readings(number))
    backlog.hand_out(3)
    for number in range(3, 6):
        backlog.put(readings(number))
    assert backlog.dropped == 0
    assert backlog.settle() == 3
    assert numbers(backlog.hand_out(10)) == [3, 4, 5]


def test_what_is_taken_back_goes_first_where_there_is_no_room() -> None:
    backlog = Backlog(3)
    for number in range(3):
        backlog.put(readings(number))
    backlog.hand_out(3)
    backlog.put(readings(3))
    backlog.take_back()
    assert numbers(backlog.hand_out(10)) == [1, 2, 3]


def test_a_gap_says_how_many_from_when_to_when() -> None:
    backlog = Backlog(2)
    for number in range(62):
        backlog.put(readings(number))
    gap = backlog.gap()
    assert gap == Gap(60, TODAY, TODAY + 59 * SECOND)
    assert str(gap) == "60 values from 2024-10-04 00:00:00 UTC to 2024-10-04 00:00:59 UTC were lost"


def test_a_gap_is_told_once() -> None:
    backlog = Backlog(1)
    backlog.put(readings(0))
    backlog.put(readings(1))
    assert backlog.gap() is not None
    assert backlog.gap() is None


def test_giving_up_drops_everything() -> None:
    backlog = Backlog(10)
    for number in range(4):
        backlog.put(readings(number))
    backlog.give_up()
    assert (backlog.values, backlog.dropped) == (0, 4)


@given(
    st.integers(1, 20),
    st.lists(st.sampled_from(["put", "put", "wide", "out", "settle", "back"]), max_size=60),
)
def test_no_value_is_counted_twice_or_forgotten(limit: int, steps: list[str]) -> None:
    backlog = Backlog(limit)
    put = settled = 0
    for number, step in enumerate(steps):
        if step in ("put", "wide"):
            width = 5 if step == "wide" else 1
            backlog.put(readings(number, width))
            put += width
        elif step == "out":
            backlog.hand_out(4)
        elif step == "settle":
            settled += backlog.settle()
        else:
            backlog.take_back()
        assert put == settled + backlog.values + backlog.dropped
        assert backlog.values <= limit + 4 + 4
