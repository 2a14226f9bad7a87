"""How the scans of one device ask it, and how they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mbap.cli.connecting import DURATION, PAUSE
from mbap.cli.exits import STOPPED, ExitCode, exit_code
from mbap.cli.securing import Trust
from mbap.errors import ModbusError

if TYPE_CHECKING:
    from mbap.diagnose.doctor.asking import Asking

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def device_options(timeout: str) -> Callable[[F], F]:
    """The options --timeout, which is *timeout* where nobody says more, and --pause."""

    def decorated(command: F) -> F:
        command = click.option(
            "--pause", type=PAUSE, default="50ms", show_default=True, help="Rest before each request."
        )(command)
        return click.option(
            "--timeout",
            type=DURATION,
            default=timeout,
            show_default=True,
            help="For connecting, and for each answer.",
        )(command)

    return decorated


def asking_of(
    endpoint: str, unit: int | None, timeout: float, pause: float, tls: Trust
) -> tuple[Asking, int]:
    """What asks it, and the unit."""
    from mbap.diagnose.doctor.asking import Asking
    from mbap.transport.endpoint import parse_endpoint

    place = parse_endpoint(endpoint)
    number = place.unit if unit is None else unit
    asking = Asking(place.url, timeout=timeout, pause=pause, tls=tls.settings_for([place]))
    return asking, 1 if number is None else number


def gather(coming: Iterable[T], found: list[T]) -> ModbusError | KeyboardInterrupt | None:
    """Put what is *coming* into *found*; gives what ended it before it was all there, if anything did."""
    try:
        for one in coming:
            found.append(one)  # noqa: PERF402 - what came before an error stays
    except (ModbusError, KeyboardInterrupt) as ended:
        return ended
    return None


def nobody(endpoint: str, errors: Sequence[ModbusError | None]) -> int:
    """Say what came instead of an answer, most often, and who finds out more; gives the exit code of that."""
    codes = Counter(exit_code(error) for error in errors if error is not None)
    usual = codes.most_common(1)[0][0] if codes else None
    error = next((one for one in errors if one is not None and exit_code(one) is usual), None)
    click.echo(f"error: {error or 'nothing was asked'}", err=True)
    click.echo(f"mbap doctor {endpoint} finds out more", err=True)
    return usual or ExitCode.TIMEOUT


def code_of(problem: ModbusError | KeyboardInterrupt | None, otherwise: ExitCode, how_on: str = "") -> int:
    """Say that *problem* has ended it, and *how_on* it goes; gives the exit code."""
    if problem is None:
        return otherwise
    if isinstance(problem, KeyboardInterrupt):
        click.echo(f"stopped{how_on}", err=True)
        return STOPPED
    click.echo(f"error: {problem}{how_on}", err=True)
    return exit_code(problem) or ExitCode.FAILED
