"""Times and lines as `mbap capture` prints them."""

from __future__ import annotations

from mbap.cli.times import moment

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
    return f"{moment(time):%H:%M:%S.%f}"[:-3]


def day(time: int) -> str:
    """The date in UTC."""
    return f"{moment(time):%Y-%m-%d}"
