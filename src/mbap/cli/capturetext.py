"""Times and lines as `mbap capture` prints them."""

from __future__ import annotations

from functools import lru_cache

from mbap.cli.times import FIRST, LAST, moment

_SECOND = 999_950
"""Microseconds from which on there would be 1000.0 ms."""


def delay_text(microseconds: float | None) -> str:
    """`4.2 ms`, `1.50 s`, `-` for none."""
    if microseconds is None:
        return "-"
    if abs(microseconds) >= _SECOND:
        return f"{microseconds / 1e6:.2f} s"
    return f"{microseconds / 1e3:.1f} ms"


def clock(time: int) -> str:
    """The time of day in UTC, to the millisecond."""
    second, fraction = divmod(min(max(time, FIRST), LAST), 1_000_000)
    return f"{_second(second)[1]}.{fraction // 1000:03}"


def day(time: int) -> str:
    """The date in UTC."""
    return _second(min(max(time, FIRST), LAST) // 1_000_000)[0]


@lru_cache(maxsize=256)
def _second(time: int) -> tuple[str, str]:
    """Date and time of day: many packets come in one second."""
    when = moment(time * 1_000_000)
    return f"{when:%Y-%m-%d}", f"{when:%H:%M:%S}"
