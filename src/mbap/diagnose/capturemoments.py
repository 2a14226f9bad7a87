"""Times of day and dates in filters: `time in 22:13..22:14`, `frame.time >= "2023-11-14 22:13:24"`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, NamedTuple

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1) // _MICROSECOND


class Moment(NamedTuple):
    """UTC microseconds, since 1970 or, where it is one *of_day*, since midnight."""

    microseconds: int
    of_day: bool

    def of(self, at: int) -> int:
        """What of *at* is to be compared with it."""
        return at % _DAY if self.of_day else at


def parse_moment(text: str) -> Moment:
    """The moment that *text* says: `22:13`, `22:13:24.5`, `2023-11-14T22:13:24`; UTC without a zone.

    Raises:
        ValueError: it is none.
    """
    plain = text.strip("\"'")
    if ":" in plain[:3]:
        clock = time.fromisoformat(plain)
        if clock.tzinfo is not None:
            raise ValueError(f"{text!r} is a time of day with a zone")
        return Moment((datetime.combine(_EPOCH, clock, UTC) - _EPOCH) // _MICROSECOND, True)
    found = datetime.fromisoformat(plain)
    return Moment((found.replace(tzinfo=found.tzinfo or UTC) - _EPOCH) // _MICROSECOND, False)


def comparing(compare: Callable[[Any, Any], bool], moment: Moment) -> Callable[[int], bool]:
    """Whether a time compares so with *moment*."""
    return lambda at: compare(moment.of(at), moment.microseconds)


def between(low: Moment, high: Moment) -> Callable[[int], bool]:
    """Whether a time is from *low* to *high*; from evening to morning goes over midnight.

    Raises:
        ValueError: one is a time of day, and the other has a date.
    """
    if low.of_day != high.of_day:
        raise ValueError("a range of times is from one time of day to another, or from date to date")
    if low.of_day and low > high:
        return lambda at: not high.microseconds < at % _DAY < low.microseconds
    return lambda at: low.microseconds <= low.of(at) <= high.microseconds
