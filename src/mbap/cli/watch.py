"""`mbap watch`: values as a table that fills the console, or round after round as text."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from mbap.cli.connecting import DURATION, Asking, repeating_options, value_text
from mbap.cli.exits import ExitCode, exit_code
from mbap.cli.printable import json_text
from mbap.cli.tables import table
from mbap.cli.watchtext import HEADS, cells, fitting, quality, steps_for

if TYPE_CHECKING:
    from mbap.diagnose.watcher import Watcher
    from mbap.diagnose.watching import Row

PLAIN_WIDTH = 100
NO_SCREEN = ("dumb", "unknown")
"""Terminals that print and can do nothing else."""
LEAST = 0.05
"""Seconds between two rounds at least: a device is not to be worn out by somebody who looks at it."""


@click.command()
@click.argument("endpoint")
@click.argument("items", nargs=-1, required=True, metavar="ITEM...")
@repeating_options
@click.option("--every", type=DURATION, default="1s", show_default=True, help="Ask this far apart.")
@click.option("--times", type=click.IntRange(1), help="End after so many rounds.")
@click.option("--write", "may_write", is_flag=True, help="Allow to write, each time after asking.")
@click.option("--plain", is_flag=True, help="Print rounds of text on a terminal, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object a round, each on one line.")
def command(
    asking: Asking,
    items: tuple[str, ...],
    order: str,
    every: float,
    times: int | None,
    may_write: bool,
    plain: bool,
    as_json: bool,
) -> int:
    """See values move, as a table that fills the console.

    ENDPOINT and ITEM are as for `mbap read`: hr0..20, 40108:float32, co0..8. The table shows what changed, a
    small trend, quality, age and the time of the answer. Keys: t and o lead through types and orders, e
    takes a type, space pauses, s sorts, / filters, w writes where --write was given, ? helps, q ends.

    Where standard output is no terminal, or one that only prints, rounds of text are printed instead, or with
    --json lines.
    A device that is gone is asked again every round. Nothing is ever written unless --write was given and
    each write was confirmed.

    \b
    Examples:
      mbap watch 192.168.1.100 hr0..20 co0..8
      mbap watch plc 40108:float32 hr0..9:int32 --order CDAB --every 500ms
      mbap watch plc hr0..9 --write
      mbap watch plc hr0 --json --times 10
    """
    from mbap.diagnose.watching import rows_of

    if every < LEAST:
        raise click.UsageError(
            f"--every is {LEAST * 1000:.0f}ms or more: devices fall over when asked harder"
        )
    rows = rows_of(items, order)
    if as_json or plain or not has_screen():
        if may_write:
            raise click.UsageError(
                "--write needs the full screen of a terminal: `mbap write` writes from scripts"
            )
        printer = _json if as_json else _plain
        return asyncio.run(_rounds(asking, rows, every, times, printer))
    from mbap.cli.watchscreen import WatchScreen

    return asyncio.run(WatchScreen(asking, rows, every, times, may_write=may_write).until_ended())


def has_screen() -> bool:
    """Whether standard output is a terminal that can be drawn on."""
    return at_terminal() and os.environ.get("TERM", "") not in NO_SCREEN


def at_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


async def _rounds(
    asking: Asking,
    rows: list[Row],
    every: float,
    times: int | None,
    show: Callable[[Asking, int, Watcher], None],
) -> int:
    from mbap.diagnose.watcher import Watcher

    device = asking.async_client()
    watcher = Watcher(device, rows, asking.deadline)
    code: int = ExitCode.OK
    try:
        async for _ in grid(every, times):
            await watcher.round()
            show(asking, device.number, watcher)
            if watcher.error is not None:
                click.echo(f"error: {watcher.error}", err=True)
                code = code or exit_code(watcher.error) or ExitCode.FAILED
    finally:
        await device.aclose()
    return code


async def grid(every: float, times: int | None = None) -> AsyncIterator[None]:
    """Yields when it is time to ask, on a fixed grid: what took too long is left out, not made up for."""
    start, done, number = time.monotonic(), 0, 0
    while True:
        yield
        done += 1
        if done == times:
            return
        number = max(number + 1, int((time.monotonic() - start) / every) + 1)
        await asyncio.sleep(max(start + number * every - time.monotonic(), 0))


def _plain(asking: Asking, unit: int, watcher: Watcher) -> None:
    shown, now = fitting(PLAIN_WIDTH), watcher.clock()
    steps = steps_for(sys.stdout.encoding)
    rows = [cells(row, now, 20, steps) for row in watcher.rows]
    heads = [HEADS[index] for index in shown]
    right = {shown.index(HEADS.index(head)) for head in ("ms", "errors")}
    click.echo(f"{_now()} {asking.endpoint} unit {unit}")
    click.echo(table(heads, [[row[index] for index in shown] for row in rows], right))


def _json(asking: Asking, unit: int, watcher: Watcher) -> None:
    error = {} if watcher.error is None else {"error": str(watcher.error)}
    values = [_value(row) for row in watcher.rows]
    whole = {"time": _now(), "endpoint": asking.endpoint, "unit": unit, "values": values}
    click.echo(json_text(whole | error))


def _value(row: Row) -> dict[str, object]:
    """One value; where this round did not bring it there is none, and why."""
    known: dict[str, object] = {"reference": row.reference, "address": row.place, "type": row.kind}
    value = None if row.trouble else row.value
    short = float(value_text(row.encoding, value)) if isinstance(value, float) else value
    latency = None if row.trouble or row.latency is None else round(row.latency * 1000, 3)
    return known | {"value": short, "quality": quality(row), "latency_ms": latency}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
