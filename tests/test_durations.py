"""mbap.durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("3s", 3.0),
        ("1.5s", 1.5),
        ("5m", 300.0),
        ("2h", 7_200.0),
        ("400d", 34_560_000.0),
        ("4w", 2_419_200.0),
        ("1h30m", 5_400.0),
        (" 10 s ", 10.0),
        ("0s", 0.0),
    ],
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 fortnight", "1e3s", "inf", "nan", "5x", "s5", "٣s"])
def test_what_is_not_a_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 500ms, 3s"):
        parse_duration(text)


def test_a_number_without_unit_is_refused_and_told_how_to_write_it() -> None:
    with pytest.raises(ValueError, match="'5' has no unit of time: write 5s"):
        parse_duration("5")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "500ms"),
        (1.5, "1.5s"),
        (90, "1m30s"),
        (3_600, "1h"),
        (34_560_000, "400d"),
        (0, "0s"),
        (60.5, "1m500ms"),
    ],
)
def test_seconds_are_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_an_impossible_duration_is_not_written(seconds: float) -> None:
    with pytest.raises(ValueError, match="not negative and not endless"):
        format_duration(seconds)


@given(st.integers(0, 10**12))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1_000)) == pytest.approx(milliseconds / 1_000)
