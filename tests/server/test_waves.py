"""Values that move: the shapes, and counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.server.waves import SHAPES, Counter, Noise, Shape, Steps, Wave


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        ("sine", [50, 100, 50, 0]),
        ("triangle", [50, 100, 50, 0]),
        ("ramp", [0, 25, 50, 75]),
        ("square", [100, 100, 0, 0]),
    ],
)
def test_a_shape_has_its_values_at_the_quarters_of_its_period(shape: Shape, values: list[float]) -> None:
    wave = Wave(shape, 0.0, 100.0, period=40.0)
    assert [wave.at(seconds) for seconds in (0, 10, 20, 30)] == pytest.approx(values)


@given(
    st.sampled_from(SHAPES),
    st.floats(-1e6, 1e6),
    st.floats(0, 1e6),
    st.floats(0.001, 1e5),
    st.floats(0, 1e9),
)
def test_a_wave_stays_between_low_and_high(
    shape: Shape, low: float, height: float, period: float, seconds: float
) -> None:
    value = Wave(shape, low, low + height, period).at(seconds)
    slack = 1e-9 * (abs(low) + height + 1.0)
    assert low - slack <= value <= low + height + slack


@pytest.mark.parametrize("shape", ["sine", "triangle", "ramp", "square"])
def test_a_wave_repeats_itself(shape: Shape) -> None:
    wave = Wave(shape, period=7.0)
    assert wave.at(3.25) == pytest.approx(wave.at(3.25 + 70.0))


def test_a_phase_shifts_the_beginning() -> None:
    assert Wave("ramp", 0.0, 100.0, period=10.0, phase=0.25).at(0.0) == pytest.approx(25.0)


def test_duty_is_the_share_of_the_period_that_a_square_is_high() -> None:
    wave = Wave("square", period=10.0, duty=0.1)
    assert [wave.at(seconds) for seconds in (0.0, 0.9, 1.1, 9.9)] == [1.0, 1.0, 0.0, 0.0]


def test_a_random_wave_is_the_same_at_the_same_time() -> None:
    assert Wave("random", seed=3).at(123.4) == Wave("random", seed=3).at(123.4)


def test_random_waves_with_other_seeds_differ() -> None:
    assert Wave("random", seed=3).at(123.4) != Wave("random", seed=4).at(123.4)


def test_a_random_wave_does_not_jump() -> None:
    wave = Wave("random", period=1.0)
    steps = [abs(wave.at(n / 100) - wave.at((n + 1) / 100)) for n in range(1_000)]
    assert max(steps) < 0.02


def test_a_random_wave_uses_its_range() -> None:
    wave = Wave("random", period=1.0)
    values = [wave.at(float(n)) for n in range(200)]
    assert min(values) < 0.1
    assert max(values) > 0.9


def test_a_counter_counts() -> None:
    assert Counter(100.0, 2.5).at(10.0) == 125.0


def test_a_counter_begins_again_where_it_wraps() -> None:
    assert Counter(8.0, 1.0, wraps_at=10.0).at(3.0) == 1.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"period": 0.0}, "a period is longer than 0"),
        ({"low": 2.0, "high": 1.0}, "low is above high: 2 > 1"),
        ({"duty": 1.5}, "duty is a share"),
    ],
)
def test_a_wave_that_cannot_be_is_refused(arguments: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Wave("sine", **arguments)  # type: ignore[arg-type]


def test_a_counter_that_falls_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fall"):
        Counter(per_second=-1.0)


def test_a_counter_that_wraps_at_0_is_refused() -> None:
    with pytest.raises(ValueError, match="wraps at more than 0"):
        Counter(wraps_at=0.0)


def test_noise_stays_for_its_period_and_then_jumps() -> None:
    noise = Noise(around=100.0, spread=5.0, period=2.0, seed=3)
    assert noise.at(0.1) == noise.at(1.9)
    assert noise.at(1.9) != noise.at(2.0)


def test_noise_is_around_its_middle_and_within_four_spreads() -> None:
    noise = Noise(around=100.0, spread=5.0, period=1.0)
    values = [noise.at(float(second)) for second in range(2_000)]
    assert 99.0 < sum(values) / len(values) < 101.0
    assert all(80.0 <= value <= 120.0 for value in values)
    assert sum(95.0 <= value <= 105.0 for value in values) / len(values) == pytest.approx(0.68, abs=0.05)


@pytest.mark.parametrize(("spread", "period"), [(-1.0, 1.0), (1.0, 0.0)])
def test_noise_that_cannot_be_is_refused(spread: float, period: float) -> None:
    with pytest.raises(ValueError, match=r"a spread is not negative|a period is longer than 0"):
        Noise(0.0, spread, period)


def test_steps_hold_the_first_value_before_the_first_time() -> None:
    assert Steps((5.0, 10.0), (1.0, 2.0)).at(0.0) == 1.0


def test_steps_that_were_taken_are_counted_over_all_turns() -> None:
    steps = Steps((0.0, 10.0), (1.0, 2.0), period=20.0)
    assert [steps.taken(at) for at in (0.0, 9.9, 10.0, 20.0, 31.0)] == [1, 1, 2, 3, 4]


def test_steps_hold_the_last_value_or_begin_again() -> None:
    assert Steps((0.0, 10.0), (1.0, 2.0)).at(1_000.0) == 2.0
    assert Steps((0.0, 10.0), (1.0, 2.0), period=20.0).at(1_005.0) == 1.0


@pytest.mark.parametrize(
    ("times", "values", "period"),
    [((), (), None), ((1.0,), (), None), ((2.0, 1.0), (1.0, 2.0), None), ((0.0, 9.0), (1.0, 2.0), 9.0)],
)
def test_steps_that_cannot_be_are_refused(
    times: tuple[float, ...], values: tuple[float, ...], period: float | None
) -> None:
    with pytest.raises(ValueError, match=r"step"):
        Steps(times, values, period)
