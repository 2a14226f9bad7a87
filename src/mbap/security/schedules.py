"""Times at which a rule holds: days of the week, hours, a time zone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mbap.filefaults import suggestion
from mbap.records import Record

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)
_MIDNIGHT: Final = 24 * 60


class Schedule(Record):
    """Hours of some days; where they go over midnight, the night belongs to the day on which it begins.

    Attributes:
        days: 0 is Monday.
        begin, end: minutes of the day; *end* itself is outside.
        zone: where the clock hangs: `Europe/Berlin`, `UTC`.
    """

    days: tuple[int, ...]
    begin: int = 0
    end: int = _MIDNIGHT
    zone: str = "UTC"

    def holds(self, wall: int) -> bool:
        """Whether *wall*, in UTC microseconds, is in it."""
        local = (_EPOCH + timedelta(microseconds=wall)).astimezone(time_zone(self.zone))
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        if minute >= self.begin:
            return day in self.days
        return minute < self.end and (day - 1) % 7 in self.days

    def __str__(self) -> str:
        return f"{days_text(self.days)} {clock_text(self.begin)}-{clock_text(self.end)} {self.zone}"


@lru_cache(maxsize=64)
def time_zone(name: str) -> ZoneInfo | timezone:
    """The time zone of that name.

    Raises:
        ValueError: there is none, or this machine has no table of time zones.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        advice = "write it like Europe/Berlin or UTC; on Windows they come with: pip install tzdata"
        raise ValueError(f'there is no time zone "{name}": {advice}') from None


def parse_days(parts: Iterable[str]) -> tuple[int, ...]:
    """The days in `mon-fri`, `sat`; `daily` is all of them.

    Raises:
        ValueError: one is no day.
    """
    days: set[int] = set()
    for part in (word.strip().lower() for text in parts for word in text.split(",")):
        if part == "daily":
            days |= set(range(7))
            continue
        first, _, last = part.partition("-")
        begin, end = _day(first, part), _day(last or first, part)
        days |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return tuple(sorted(days))


def _day(word: str, part: str) -> int:
    if word not in DAYS:
        raise ValueError(f'"{part}" is no day: write mon, mon-fri or daily{suggestion(word, DAYS)}')
    return DAYS.index(word)


def days_text(days: tuple[int, ...]) -> str:
    """*days* as `parse_days` reads them."""
    if len(days) == 7:
        return "daily"
    runs = [day for day in days if day - 1 not in days]
    ends = [day for day in days if day + 1 not in days]
    spans = zip(runs, ends, strict=True)
    return ",".join(DAYS[a] if a == b else f"{DAYS[a]}-{DAYS[b]}" for a, b in spans)


def parse_clock(text: str) -> int:
    """The minutes of the day in `06:00`.

    Raises:
        ValueError: it is no time of the day.
    """
    if not _CLOCK.fullmatch(text.strip()):
        raise ValueError(f'"{text}" is no time of the day: write 06:00 to 24:00')
    return _MIDNIGHT if text.strip() == "24:00" else _minutes(time.fromisoformat(text.strip()))


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def clock_text(minutes: int) -> str:
    """*minutes* as `parse_clock` reads them."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
