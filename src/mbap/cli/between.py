"""What `mbap gateway` and `mbap proxy` share: the options of whoever stands between clients and devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mbap.cli.connecting import DURATION, IDLE, PAUSE

F = TypeVar("F", bound=Callable[..., Any])

connect_rate_option = click.option(
    "--connect-rate",
    type=click.FloatRange(0),
    default=50.0,
    show_default=True,
    metavar="N",
    help="Let in so many new connections a second of addresses that were not answered before; 0: any.",
)

LISTEN = "tcp://127.0.0.1:1502"


def served_options(command: F) -> F:
    """Where clients come in, who they may be, and what they may do."""
    return _with(command, _SERVED)


def line_options(command: F) -> F:
    """How the devices behind are treated; named as in `LinkOptions`."""
    return _with(command, _LINE)


def crowd_options(command: F) -> F:
    """How many clients may come, how fast, and who is treated better; named as in `crowd_limits`."""
    return _with(command, _CROWD)


def running_options(command: F) -> F:
    """How long it runs, and what it says."""
    return _with(command, _RUNNING)


def _with(command: F, options: tuple[Callable[[F], F], ...]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


_SERVED: tuple[Callable[..., Any], ...] = (
    click.option(
        "--listen",
        multiple=True,
        metavar="URL",
        help=f"Where clients come in, {LISTEN} unless told; may be given several times.",
    ),
    click.option("--read-only", is_flag=True, help="Let nothing pass that writes."),
    click.option("--opaque", is_flag=True, help="Pass on function codes that mbap does not know."),
    click.option(
        "--allow",
        multiple=True,
        metavar="NETWORK",
        help="Serve clients of this network or address only; may be given several times.",
    ),
    click.option("--public", is_flag=True, help="Yes, the whole internet may reach it."),
)

_CROWD: tuple[Callable[..., Any], ...] = (
    click.option("--max-clients", type=click.IntRange(1), metavar="N", help="Serve so many at once (1024)."),
    click.option(
        "--when-full",
        type=click.Choice(["refuse", "drop-idle"]),
        default="drop-idle",
        show_default=True,
        callback=lambda _ctx, _param, value: value.replace("-", "_"),
        help="Refuse one more client, or close the one that was quiet for longest.",
    ),
    connect_rate_option,
    click.option(
        "--idle",
        type=IDLE,
        default="120s",
        show_default=True,
        help="Close a client that is quiet for so long; never: leave it.",
    ),
    click.option(
        "--keep",
        multiple=True,
        metavar="NETWORK",
        help="Clients of this network are never closed for being quiet, nor for coming too fast; may be"
        " given several times.",
    ),
)

_LINE: tuple[Callable[..., Any], ...] = (
    click.option(
        "--retries",
        type=click.IntRange(0, 10),
        default=0,
        show_default=True,
        help="How often a read is repeated when no answer comes; a write never is.",
    ),
    click.option(
        "--pause",
        type=PAUSE,
        default="0s",
        show_default=True,
        help="Silence between an answer and the next request.",
    ),
    click.option(
        "--outstanding",
        type=click.IntRange(1, 64),
        default=1,
        show_default=True,
        help="How many requests may be on their way to a TCP device at once.",
    ),
    click.option(
        "--quarantine",
        type=PAUSE,
        help="Where only their order tells answers apart: how long a late one is waited for, and nothing"
        " sent there, after --timeout; without it as long again.",
    ),
    click.option(
        "--queue",
        type=click.IntRange(1, 100_000),
        default=1000,
        show_default=True,
        help="How many requests may wait for a line or device; one more is answered with 06.",
    ),
)

_RUNNING: tuple[Callable[..., Any], ...] = (
    click.option(
        "--json", "as_data", is_flag=True, help="Print the counts as JSON, at the end and at SIGUSR1."
    ),
    click.option("--for", "seconds", type=DURATION, help="End after 20s, 5m, ..."),
    click.option("-v", "--verbose", is_flag=True, help="Say more about what happens, on standard error."),
)
