"""Long-lived objects are set aside, and searched now and then after all."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from mbap.site.garbage import SHORTEST_REST, YOUNG, Garbage


class Ring:
    """Garbage that only a search finds."""

    def __init__(self) -> None:
        self.me = self


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def garbage(clock: Clock) -> Iterator[Garbage]:
    garbage = Garbage(clock)
    garbage.begin()
    yield garbage
    garbage.end()


def test_what_outlives_a_full_search_is_set_aside(garbage: Garbage) -> None:
    before = gc.get_freeze_count()
    kept = [Ring() for _ in range(100)]
    gc.collect()
    assert gc.get_freeze_count() >= before + len(kept)


def test_garbage_among_what_was_set_aside_goes_when_everything_is_searched(
    garbage: Garbage, clock: Clock
) -> None:
    ring = Ring()
    gc.collect()
    seen = weakref.ref(ring)
    del ring
    gc.collect()
    assert seen() is not None
    clock.now += SHORTEST_REST
    garbage.look()
    assert seen() is None


def test_everything_is_searched_only_when_that_is_due(garbage: Garbage, clock: Clock) -> None:
    garbage.look()
    assert garbage.searches == 0
    clock.now += SHORTEST_REST
    garbage.look()
    garbage.look()
    assert garbage.searches == 1


def test_a_search_that_takes_long_is_made_more_rarely(garbage: Garbage, clock: Clock) -> None:
    class Slow:
        """Takes a second to go, by the clock."""

        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            clock.now += 1.0

    Slow()
    clock.now += SHORTEST_REST
    garbage.look()
    clock.now += 4_900
    garbage.look()
    assert garbage.searches == 1
    clock.now += 200
    garbage.look()
    assert garbage.searches == 2


def test_the_end_leaves_all_as_it_was() -> None:
    before, callbacks = gc.get_threshold(), len(gc.callbacks)
    garbage = Garbage()
    garbage.begin()
    garbage.begin()
    assert gc.get_threshold()[0] == YOUNG
    garbage.end()
    garbage.end()
    assert gc.get_threshold() == before
    assert len(gc.callbacks) == callbacks
    assert gc.get_freeze_count() == 0


def test_nothing_is_searched_before_the_beginning(clock: Clock) -> None:
    garbage = Garbage(clock)
    clock.now += 10 * SHORTEST_REST
    garbage.look()
    assert garbage.searches == 0
