"""security.intervals: what a set of addresses knows, against a set of numbers."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from mbap.security.intervals import Intervals

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda one: (one[0], one[0] + one[1])))
span = st.tuples(st.integers(0, 80), st.integers(0, 20)).map(lambda one: (one[0], one[0] + one[1]))


def numbers(first: int, last: int) -> set[int]:
    return set(range(first, last + 1))


@given(spans, span)
def test_it_knows_what_a_set_of_numbers_knows(added: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    intervals = Intervals(added)
    naive = set().union(*(numbers(*one) for one in added))
    assert intervals.covers(*asked) == (numbers(*asked) <= naive)
    assert intervals.touches(*asked) == bool(numbers(*asked) & naive)
    missing = set().union(*(numbers(*one) for one in intervals.missing(*asked)))
    assert missing == numbers(*asked) - naive
    assert set().union(*(numbers(*one) for one in intervals.items())) == naive


@given(spans)
def test_intervals_are_apart_and_in_order(added: list[tuple[int, int]]) -> None:
    found = Intervals(added).items()
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(found))


@given(spans)
def test_there_are_never_more_than_there_may_be_and_nothing_is_forgotten(
    added: list[tuple[int, int]],
) -> None:
    intervals = Intervals(added, most=3)
    assert len(intervals) <= 3
    assert all(intervals.covers(*one) for one in added)


def test_the_two_that_are_closest_become_one_and_it_is_counted() -> None:
    intervals = Intervals([(0, 0), (10, 10), (13, 13)], most=2)
    assert intervals.items() == [[0, 0], [10, 13]]
    assert intervals.widened == 1


def test_in_words() -> None:
    assert str(Intervals([(0, 9), (20, 20)])) == "0-9, 20"
    assert str(Intervals()) == "none"
    assert str(Intervals((2 * n, 2 * n) for n in range(13))).endswith(", 22, ...")
