"""mbap.cli.times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.cli.times import format_time, parse_time

NOW = 1_750_000_000_000_000


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1970-01-02", 86_400_000_000),
        ("1970-01-01T01:00", 3_600_000_000),
        ("1970-01-01 01:00:00.5", 3_600_500_000),
        ("1970-01-01T01:00:00Z", 3_600_000_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("now", NOW),
        ("24h", NOW - 86_400_000_000),
        ("-24h", NOW - 86_400_000_000),
        (" 1h30m ", NOW - 5_400_000_000),
    ],
)
def test_a_time_is_read_as_utc_microseconds(text: str, time: int) -> None:
    assert parse_time(text, NOW) == time


@pytest.mark.parametrize("text", ["", "yesterday", "12", "2025-13-01", "2025-06-01T25:00"])
def test_what_is_not_a_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: write it like 2025-06-01, 2025-06-01T14:30"):
        parse_time(text, NOW)


@given(st.integers(0, 4 * 10**15))
def test_what_is_written_is_read_back(time: int) -> None:
    assert parse_time(format_time(time), NOW) == time


@given(st.integers(-(2**70), 2**70))
def test_any_time_of_a_hostile_file_is_written_as_some_moment(time: int) -> None:
    assert format_time(time).endswith("Z")


def test_what_is_beyond_all_years_is_the_last_moment_of_them() -> None:
    assert format_time(2**63) == "9999-12-31T23:59:59.999999Z"
