"""What `mbap read` and `mbap write` share: the endpoint, the options of a client, and what a duration is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mbap.durations import parse_duration

if TYPE_CHECKING:
    from mbap.client.blocking import Client
    from mbap.values import Encoding, Value

F = TypeVar("F", bound=Callable[..., Any])


# ParamType is generic from click 8.4 on.
class Duration(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A duration such as 500ms, in seconds; more than nothing."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if not isinstance(value, str):
            return float(value)
        try:
            seconds = parse_duration(value)
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)
        if seconds <= 0:
            self.fail(f"{value!r} is no time at all", param, ctx)
        return seconds


DURATION = Duration()


def client_options(command: F) -> F:
    """The options of whatever asks one device."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "-u",
        "--unit",
        type=click.IntRange(0, 255),
        help="The unit; without it, and without #5 at the end of ENDPOINT, it is 1.",
    ),
    click.option(
        "--order",
        default="",
        metavar="ORDER",
        help="Order of bytes where an item names none: ABCD, CDAB (words swapped), BADC, DCBA.",
    ),
    click.option(
        "--timeout",
        type=DURATION,
        default="3s",
        show_default=True,
        help="How long to wait for one answer, and for the connection.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0, 100),
        default=3,
        show_default=True,
        help="How often a read is repeated when no answer comes. A write never is.",
    ),
    click.option(
        "--deadline",
        type=DURATION,
        help="How long each request may take with everything: connecting, retries.",
    ),
)


def client(endpoint: str, unit: int | None, timeout: float, retries: int) -> Client:
    """The client for these options; nothing is connected yet."""
    from mbap.client.blocking import Client

    return Client(endpoint, unit=unit, timeout=timeout, retries=retries)


def value_text(encoding: Encoding, value: Value | None) -> str:
    """*value* for people: on and off for bits, `-` where there is none."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return encoding.text(value)
