from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.collect.clock import HORIZON, RELEASED, SECOND, SiteClock
from support.fake_time import Clock

TODAY = RELEASED + 30 * 86_400 * SECOND


class Machine:
    """A computer's two clocks."""

    def __init__(self, wall: int = TODAY) -> None:
        self.monotonic = Clock(50.0)
        self.wall = Clock(wall / SECOND)

    def advance(self, seconds: float) -> None:
        self.monotonic.advance(seconds)
        self.wall.advance(seconds)

    def clock(self, floor: int | None = None) -> SiteClock:
        return SiteClock(self.monotonic, self.wall, floor)


def close(stamp: int, expected: float) -> bool:
    return abs(stamp - expected) <= 10


def test_a_right_clock_gives_wall_time() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.advance(5)
    time, certain = clock.stamp()
    assert close(time, TODAY + 5 * SECOND)
    assert certain
    assert clock.settled


def test_a_reading_is_stamped_with_when_it_was_made() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.advance(5)
    assert close(clock.stamp(machine.monotonic() - 2)[0], TODAY + 3 * SECOND)


def test_a_clock_before_the_release_is_not_believed() -> None:
    clock = Machine(wall=0).clock()
    assert not clock.stamp()[1]
    assert not clock.settled


def test_a_clock_absurdly_far_in_the_future_is_not_believed() -> None:
    clock = Machine(wall=RELEASED + HORIZON).clock()
    assert not clock.check()


def test_a_clock_behind_what_is_stored_is_not_believed() -> None:
    assert not Machine().clock(floor=TODAY + 3600 * SECOND).check()


def test_uncertain_stamps_lie_after_what_is_stored() -> None:
    floor = TODAY + 3600 * SECOND
    assert Machine().clock(floor).stamp()[0] > floor


def test_a_clock_less_than_a_second_behind_what_is_stored_is_good_enough() -> None:
    clock = Machine().clock(floor=TODAY + SECOND // 2)
    assert clock.stamp()[1]


def test_when_the_clock_becomes_right_earlier_readings_get_their_right_time() -> None:
    machine = Machine(wall=0)
    clock = machine.clock(floor=TODAY)
    read_at = machine.monotonic()
    machine.advance(30)
    machine.wall.now = (TODAY + 86_400 * SECOND) / SECOND
    assert clock.check()
    time, certain = clock.stamp(read_at)
    assert certain
    assert close(time, TODAY + (86_400 - 30) * SECOND)


def test_the_first_setting_of_a_wrong_clock_is_not_a_jump() -> None:
    machine = Machine(wall=0)
    clock = machine.clock()
    machine.wall.now = TODAY / SECOND
    clock.check()
    assert clock.jumps == 0


def test_a_clock_that_stays_behind_has_caught_up_when_it_passes_what_is_stored() -> None:
    machine = Machine()
    clock = machine.clock(floor=TODAY + 2 * SECOND)
    assert not clock.check()
    for _ in range(200):
        machine.advance(0.1)
        clock.stamp()
    assert clock.check()


def test_a_forward_jump_is_adopted_at_once() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.stamp()
    machine.wall.advance(3600)
    time, certain = clock.stamp()
    assert close(time, TODAY + 3600 * SECOND)
    assert certain
    assert clock.jumps == 1


def test_a_forward_jump_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall.advance(3600)
    clock.stamp()
    assert "forward by 3600.0 s" in caplog.text


def test_after_a_backward_jump_time_goes_on() -> None:
    machine = Machine()
    clock = machine.clock()
    before, _ = clock.stamp()
    machine.advance(1)
    machine.wall.advance(-3600)
    after, certain = clock.stamp()
    assert before + 0.8 * SECOND < after <= before + SECOND
    assert not certain
    assert clock.settled


def test_a_backward_jump_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall.advance(-3600)
    clock.stamp()
    machine.advance(1)
    clock.stamp()
    assert len(caplog.records) == 1
    assert "3600.0 s behind" in caplog.text


def test_after_a_backward_jump_stamps_become_certain_again_when_the_wall_has_caught_up() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall.advance(-60)
    for _ in range(59 * 10 + 10):
        machine.advance(1)
        _, certain = clock.stamp()
    assert certain
    assert clock.ahead < 1


def test_a_backward_jump_that_is_taken_back_leaves_no_mark() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall.advance(-3600)
    assert not clock.stamp()[1]
    machine.wall.advance(3600)
    assert clock.stamp()[1]
    assert clock.jumps == 0


@pytest.mark.parametrize("difference", [-0.9, 0.9])
def test_a_small_difference_is_followed_slowly(difference: float) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall.advance(difference)
    machine.advance(1)
    time, certain = clock.stamp()
    assert certain
    assert close(time, TODAY + SECOND + (0.1 if difference > 0 else -0.1) * SECOND)


@pytest.mark.parametrize("difference", [-0.9, 0.9])
def test_a_small_difference_is_gone_after_a_while(difference: float) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall.advance(difference)
    for _ in range(10):
        machine.advance(1)
        clock.stamp()
    assert abs(clock.ahead) < 0.001


def test_a_wall_that_falls_back_to_1970_while_running_is_not_followed() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.stamp()
    machine.advance(10)
    machine.wall.now = 10.0
    time, certain = clock.stamp()
    assert close(time, TODAY + 10 * SECOND)
    assert not certain


def test_an_estimate_moves_nothing() -> None:
    machine = Machine(wall=0)
    clock = machine.clock(floor=TODAY)
    machine.advance(100)
    late = clock.estimate(machine.monotonic())
    assert clock.stamp(machine.monotonic() - 100)[0] < late


steps = st.lists(
    st.tuples(
        st.floats(0, 1e4, allow_nan=False),
        st.one_of(st.floats(-2, 2), st.floats(-1e10, 1e10)),
        st.floats(0, 100),
    ),
    max_size=60,
)


@given(steps, st.integers(0, 2 * TODAY), st.one_of(st.none(), st.integers(0, 2 * TODAY)))
def test_the_timeline_never_goes_backwards_whatever_the_wall_does(
    changes: list[tuple[float, float, float]], wall: int, floor: int | None
) -> None:
    machine = Machine(wall)
    clock = machine.clock(floor)
    last = 0 if floor is None else floor
    for elapsed, jump, age in changes:
        machine.advance(elapsed)
        machine.wall.advance(jump)
        stamp, _ = clock.stamp(machine.monotonic() - age)
        assert stamp >= last
        last = stamp


@given(steps, st.integers(0, 2 * TODAY))
def test_stamps_of_now_advance_with_the_monotonic_clock(
    changes: list[tuple[float, float, float]], wall: int
) -> None:
    machine = Machine(wall)
    clock = machine.clock()
    last, _ = clock.stamp()
    for elapsed, jump, _ in changes:
        machine.advance(elapsed)
        machine.wall.advance(jump)
        stamp, _ = clock.stamp()
        assert stamp - last >= elapsed * SECOND * 0.9 - 10
        last = stamp


def test_no_two_stamps_are_the_same() -> None:
    machine = Machine()
    clock = machine.clock()
    stamps = [clock.stamp(machine.monotonic())[0] for _ in range(100)]
    assert len(set(stamps)) == 100
    assert stamps == sorted(stamps)


def test_readings_held_back_behind_the_floor_keep_their_distances() -> None:
    machine = Machine()
    floor = TODAY + 3600 * SECOND
    clock = machine.clock(floor)
    made = []
    for _ in range(600):
        machine.advance(1)
        made.append(machine.monotonic())
        clock.check()
    stamps = [clock.stamp(at)[0] for at in made]
    assert stamps[0] > floor
    assert all(close(later - earlier, SECOND) for earlier, later in pairwise(stamps))


def test_a_clock_can_begin_anew_behind_what_turns_out_to_be_stored() -> None:
    machine = Machine()
    clock = machine.clock()
    floor = TODAY + 3600 * SECOND
    clock.begin_after(floor)
    assert not clock.settled
    assert clock.stamp()[0] > floor
