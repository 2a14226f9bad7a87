"""What the commands that ask one device share: the options of a client, and what a duration is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mbap.cli.securing import Trust, tls_options
from mbap.durations import parse_duration

if TYPE_CHECKING:
    from mbap.client.asynchronous import AsyncClient
    from mbap.client.blocking import Client
    from mbap.client.timing import LinkName
    from mbap.values import Encoding, Value

F = TypeVar("F", bound=Callable[..., Any])


# ParamType is generic from click 8.4 on.
class Duration(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A duration such as 500ms, in seconds; more than nothing, unless *nothing* is one, too.

    Args:
        never: the word that means none at all, which is None.
    """

    name = "duration"

    def __init__(self, *, nothing: bool = False, never: str | None = None) -> None:
        self._nothing = nothing
        self._never = never

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if not isinstance(value, str):
            return float(value)
        if value == self._never:
            return None
        try:
            seconds = parse_duration(value)
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)
        if seconds <= 0 and not self._nothing:
            self.fail(f"{value!r} is no time at all", param, ctx)
        return seconds


DURATION = Duration()
PAUSE = Duration(nothing=True)
IDLE = Duration(nothing=True, never="never")


def client_options(command: F) -> F:
    """The options of whatever asks one device; the command gets them, with its endpoint, as `asking`."""
    return _collected(command)


def repeating_options(command: F) -> F:
    """The same for what asks again and again anyway: the next round is the retry."""
    return _collected(command, "retries")


def surveying_options(command: F) -> F:
    """The same for what understands silence itself, and takes values as they lie."""
    return _collected(command, "order", "retries")


def _collected(command: F, *left_out: str) -> F:
    """Give *command* an `Asking` of all options but those *left_out*; `order` remains on its own."""

    @wraps(command)
    def asked(*arguments: Any, endpoint: str | None, **options: Any) -> Any:
        given = {name: options.pop(name) for name in _OF_ASKING if name in options}
        return command(*arguments, asking=Asking(endpoint or "", **given), **options)

    wrapped: Any = tls_options(asked)
    for name, option in zip(reversed(_NAMES), reversed(_OPTIONS), strict=True):
        wrapped = wrapped if name in left_out else option(wrapped)
    return wrapped  # type: ignore[no-any-return]


_NAMES = ("unit", "order", "timeout", "link", "retries", "deadline", "quirks")
_OF_ASKING = ("unit", "timeout", "link", "retries", "deadline", "quirks", "tls", "pause")
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
        help="How long to wait for one answer, and for the connection; without it as --link says.",
    ),
    click.option(
        "--link",
        type=click.Choice(["lan", "wan", "satellite"]),
        default="lan",
        show_default=True,
        help="The way there: a timeout of 3s, 10s or 40s.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0, 100),
        default=3,
        show_default=True,
        help="How often a read is repeated when no answer comes, after 1, 2, 4 s. A write only is when the"
        " device was busy and refused it.",
    ),
    click.option(
        "--deadline",
        type=DURATION,
        help="How long each request may take with everything: connecting, retries.",
    ),
    click.option(
        "--quirk",
        "quirks",
        multiple=True,
        metavar="NAME[=VALUE]",
        help="How the device breaks the rules, transaction=zero for example; may be repeated.",
    ),
)


@dataclass(frozen=True, slots=True)
class Asking:
    """How one device is asked, as the options say.

    Attributes:
        endpoint: as it was given; empty where none was.
        deadline: seconds for each request; None leaves it to its attempts.
        pause: seconds between two requests.
    """

    endpoint: str
    unit: int | None
    timeout: float | None
    link: LinkName
    deadline: float | None
    quirks: tuple[str, ...]
    retries: int = 0
    tls: Trust | None = None
    pause: float = 0.0

    @property
    def words(self) -> list[str]:
        """The options without which the device would not answer so, as they would be typed again."""
        unit = [] if self.unit is None else ["--unit", str(self.unit)]
        quirks = [word for quirk in self.quirks for word in ("--quirk", quirk)]
        return [*unit, *quirks, *([] if self.tls is None else self.tls.words)]

    def client(self) -> Client:
        """The client for it; nothing is connected yet."""
        from mbap.client.blocking import Client
        from mbap.client.quirks import Quirks

        return Client(
            self.endpoint,
            unit=self.unit,
            timeout=self.timeout,
            link=self.link,
            retries=self.retries,
            pause=self.pause,
            quirks=Quirks.parse(self.quirks),
            tls=None if self.tls is None else self.tls.settings(),
        )

    def async_client(self) -> AsyncClient:
        """The same for asyncio, which tries to connect whenever it is asked: nobody waits for a back-off."""
        from mbap.client.asynchronous import AsyncClient
        from mbap.client.quirks import Quirks

        return AsyncClient(
            self.endpoint,
            unit=self.unit,
            timeout=self.timeout,
            link=self.link,
            retries=self.retries,
            quirks=Quirks.parse(self.quirks),
            tls=None if self.tls is None else self.tls.settings(),
        )


def value_text(encoding: Encoding, value: Value | None) -> str:
    """*value* for people: on and off for bits, `-` where there is none."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return encoding.text(value)
