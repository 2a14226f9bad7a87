"""Hours of days, in a time zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from mbap.security.policy import Moment
from mbap.security.schedules import Schedule, clock_text, days_text, parse_clock, parse_days

BERLIN = ZoneInfo("Europe/Berlin")


def holds(schedule: Schedule, *when: int) -> bool:
    year, month, day, hour, minute = when
    return schedule.holds(Moment.at(datetime(year, month, day, hour, minute, tzinfo=BERLIN)).wall)


def test_the_end_is_outside() -> None:
    day = Schedule(parse_days(["mon-fri"]), 6 * 60, 18 * 60, "Europe/Berlin")
    assert [holds(day, 2026, 11, 30, *time) for time in ((5, 59), (6, 0), (17, 59), (18, 0))] == [
        False,
        True,
        True,
        False,
    ]


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    night = Schedule(parse_days(["fri"]), 22 * 60, 6 * 60, "Europe/Berlin")
    assert holds(night, 2026, 12, 4, 22, 0)  # a Friday
    assert holds(night, 2026, 12, 5, 5, 59)
    assert not holds(night, 2026, 12, 5, 6, 0)
    assert not holds(night, 2026, 12, 5, 22, 0)
    assert not holds(night, 2026, 12, 4, 5, 0)


def test_summer_time_is_followed() -> None:
    day = Schedule(tuple(range(7)), 6 * 60, 18 * 60, "Europe/Berlin")
    assert holds(day, 2026, 7, 1, 6, 0)
    assert holds(day, 2026, 1, 1, 6, 0)
    assert not holds(day, 2026, 7, 1, 5, 59)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("sat,sun", (5, 6)),
        ("fri-mon", (0, 4, 5, 6)),
        ("daily", tuple(range(7))),
    ],
)
def test_days_are_read_and_written(text: str, days: tuple[int, ...]) -> None:
    assert parse_days([text]) == days
    assert parse_days([days_text(days)]) == days


@pytest.mark.parametrize("text", ["00:00", "06:30", "23:59", "24:00"])
def test_a_clock_is_read_and_written(text: str) -> None:
    assert clock_text(parse_clock(text)) == text
