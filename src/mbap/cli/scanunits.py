"""`mbap scan units`: who is behind one connection."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from mbap.cli.exits import ExitCode
from mbap.cli.scanasking import asking_of, code_of, device_options, gather, nobody
from mbap.cli.scanned import Rows, echo_rows, forms, parse_span
from mbap.cli.securing import Trust, tls_options
from mbap.cli.surveying import estimating

if TYPE_CHECKING:
    from mbap.diagnose.scan.units import Unit

_HEADS = ("unit", "answer", "took", "who")
_KEYS = ("unit", "answer", "seconds", "who")


@click.command()
@click.argument("endpoint")
@click.option(
    "--range", "span", default="0-255", show_default=True, metavar="FIRST-LAST", help="Units to ask."
)
@device_options("1s")
@tls_options
@forms
def units(endpoint: str, span: str, timeout: float, pause: float, form: str | None, tls: Trust) -> int:
    """Find the units behind ENDPOINT.

    Each is asked for one register, and those that answer who they are. Ctrl-C ends it with what was found
    until then.

    \b
    Examples:
      mbap scan units tcp://gateway
      mbap scan units rtu:///dev/ttyUSB0?baudrate=9600 --range 1-32
    """
    from mbap.diagnose.scan.units import scan

    first, last = parse_span(span, 255)
    asking, _ = asking_of(endpoint, None, timeout, pause, tls)
    numbers = range(first, last + 1)
    asked: list[Unit] = []
    with closing(asking), estimating(len(numbers), "unit") as tell:
        problem = gather(scan(asking, numbers, tell), asked)
    found = [unit for unit in asked if unit.present]
    data = [_fields(unit) for unit in found]
    rows = Rows(_HEADS, [_row(unit) for unit in found], data, right=(0, 2), keys=_KEYS)
    echo_rows(rows, form, f"{len(asked)} asked, {len(found)} answered")
    if found or problem is not None:
        return code_of(problem, ExitCode.OK)
    return nobody(endpoint, [unit.error for unit in asked])


def _row(unit: Unit) -> tuple[str, ...]:
    from mbap.diagnose.doctor.finding import spoken
    from mbap.diagnose.scan.identity import in_short

    return str(unit.number), unit.said, spoken(unit.seconds), in_short(unit.identity)


def _fields(unit: Unit) -> dict[str, object]:
    from mbap.diagnose.scan.identity import in_short

    return {
        "unit": unit.number,
        "answer": unit.said,
        "seconds": round(unit.seconds, 5),
        "who": in_short(unit.identity),
        "identity": unit.identity,
    }
