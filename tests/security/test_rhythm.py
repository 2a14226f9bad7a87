"""security.rhythm: rates and periods."""

from __future__ import annotations

from mbap.security.rhythm import LEAST_LIMIT, Period, Rate


def test_the_limit_is_twice_the_most_and_at_least_twenty() -> None:
    assert Rate(3).limit == LEAST_LIMIT == 20
    assert Rate(50).limit == 100


def test_requests_are_counted_in_windows_of_ten_seconds() -> None:
    rate = Rate()
    assert [rate.count(now) for now in (0.0, 9.9, 10.0, 10.1)] == [1, 2, 1, 2]


def test_the_most_of_a_window_is_learned() -> None:
    rate = Rate()
    for now in (0, 1, 2, 20, 21, 40):
        rate.learn(now)
    assert rate.most == 3


def test_a_clock_that_goes_back_begins_a_window() -> None:
    rate = Rate()
    rate.count(100.0)
    assert rate.count(50.0) == 1


def learned(*gaps: float) -> Period:
    period, now = Period(), 100.0
    period.learn(now)
    for gap in gaps:
        now += gap
        period.learn(now)
    return period


def test_a_period_is_known_after_eight_requests() -> None:
    assert learned(*[2.0] * 6).period == 0
    seven = learned(*[2.0] * 7)
    assert (seven.period, seven.spread, seven.steady) == (2.0, 0.0, True)


def test_what_is_not_regular_has_no_period_to_speak_of() -> None:
    assert not learned(1.0, 3.0, 1.5, 2.5, 1.0, 3.0, 2.0, 2.5).steady


def test_nor_has_what_comes_in_bursts_now_and_then() -> None:
    """Its median is steady, its number is not."""
    assert not learned(*[2.0, 2.0, 2.0, 0.0] * 8).steady


def test_one_that_comes_early_is_nothing() -> None:
    period = learned(*[2.0] * 10)
    assert not any(period.disturbed(200 + now) for now in (0, 2, 2.1, 4, 6, 8))


def test_half_as_many_again_as_there_should_be_are_told() -> None:
    period = learned(*[2.0] * 10)
    assert [period.disturbed(200.0 + now) for now in range(14)] == [False] * 12 + [True] * 2


def test_one_more_now_and_then_is_not() -> None:
    period = learned(*[2.0] * 10)
    twice = [200.0 + 2 * n for n in range(100)] + [201.0 + 20 * n for n in range(10)]
    assert not any(period.disturbed(now) for now in sorted(twice))
