"""`mbap scan functions`: which function codes a device has."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from mbap.cli.exits import ExitCode
from mbap.cli.scanasking import asking_of, code_of, device_options, gather, nobody
from mbap.cli.scanned import Rows, echo_rows, forms
from mbap.cli.securing import Trust, tls_options
from mbap.cli.surveying import estimating

if TYPE_CHECKING:
    from mbap.diagnose.scan.functions import Function

_HEADS = ("function", "title", "there", "answer", "took")
_KEYS = ("function", "title", "present", "answer", "seconds")
_WORDS = {True: "yes", False: "no", None: "unclear"}


@click.command()
@click.argument("endpoint")
@click.option(
    "-u", "--unit", type=click.IntRange(0, 255), help="The unit; without it, and without #5, it is 1."
)
@click.option(
    "--writes", is_flag=True, help="Ask for 15, 16 and 23, too: with no values, which has to be refused."
)
@device_options("2s")
@tls_options
@forms
def functions(
    endpoint: str, unit: int | None, writes: bool, timeout: float, pause: float, form: str | None, tls: Trust
) -> int:
    """Find the function codes that a device has, by asking each for something small.

    Ctrl-C ends it with what was found until then.

    \b
    Examples:
      mbap scan functions tcp://plc --unit 5
      mbap scan functions tcp://plc --json
    """
    from mbap.diagnose.scan.functions import questions, scan

    asking, number = asking_of(endpoint, unit, timeout, pause, tls)
    found: list[Function] = []
    with closing(asking), estimating(len(questions(writes=writes)), "function") as tell:
        problem = gather(scan(asking, number, writes=writes, tell=tell), found)
    count = sum(one.present is True for one in found)
    data = [_fields(one) for one in found]
    rows = Rows(_HEADS, [_row(one) for one in found], data, right=(0, 4), keys=_KEYS)
    echo_rows(rows, form, f"{len(found)} asked, {count} there")
    if problem is not None or any(one.present is not None for one in found):
        return code_of(problem, ExitCode.OK if count else ExitCode.EXCEPTION_RESPONSE)
    return nobody(endpoint, [one.error for one in found])


def _row(one: Function) -> tuple[str, ...]:
    from mbap.diagnose.doctor.finding import spoken

    return str(one.code), one.title, _WORDS[one.present], one.said, spoken(one.seconds)


def _fields(one: Function) -> dict[str, object]:
    return {
        "function": one.code,
        "title": one.title,
        "present": one.present,
        "answer": one.said,
        "seconds": round(one.seconds, 5),
    }
