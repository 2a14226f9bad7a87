"""The table of a gateway that is kept up to date: lines with their load, units with their counts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mbap.cli.tables import table

if TYPE_CHECKING:
    from mbap.site.gatewayreport import GatewayReport, LineReport

EVERY = 1.0
"""Seconds between two looks."""
MOST_UNITS = 40
"""So many units are shown, those with the most requests."""
LINE_HEADS = ("line", "state", "used", "queued", "p50", "p99", "requests", "timeouts", "resting")
UNIT_HEADS = ("line", "unit", "requests", "answers", "exceptions", "failures", "busy", "last failure")


async def watch(look: Callable[[], GatewayReport]) -> None:
    """Show what *look* gives until cancelled: in place where that can be, else a table every time."""
    if not sys.stdout.isatty():
        while True:
            await asyncio.sleep(EVERY)
            print(as_text(look()), flush=True)
    from rich.live import Live

    with Live(_rich(look()), auto_refresh=False, screen=True) as live:
        while True:
            await asyncio.sleep(EVERY)
            live.update(_rich(look()), refresh=True)


def as_text(found: GatewayReport) -> str:
    """Both tables as plain text."""
    lines = table(LINE_HEADS, line_rows(found), right={2, 3, 4, 5, 6, 7})
    return f"{lines}\n\n{table(UNIT_HEADS, unit_rows(found), right={1, 2, 3, 4, 5, 6})}\n"


def _rich(found: GatewayReport) -> Any:
    from rich.console import Group
    from rich.table import Table

    tables = []
    for heads, rows in ((LINE_HEADS, line_rows(found)), (UNIT_HEADS, unit_rows(found))):
        one = Table(box=None, pad_edge=False)
        for head in heads:
            one.add_column(head)
        for row in rows:
            one.add_row(*row)
        tables.append(one)
    return Group(*tables)


def line_rows(found: GatewayReport) -> Sequence[tuple[str, ...]]:
    """A row for each line."""
    return [_line(line) for line in found.lines]


def _line(line: LineReport) -> tuple[str, ...]:
    link = line.link
    return (
        line.url,
        link.state.value,
        f"{line.utilisation:.0%}",
        str(link.queued),
        _milliseconds(line.p50),
        _milliseconds(line.p99),
        f"{link.requests:,}",
        f"{link.timeouts:,}",
        ", ".join(map(str, link.resting_units)) or "-",
    )


def unit_rows(found: GatewayReport) -> Sequence[tuple[str, ...]]:
    """A row for each of the busiest units."""
    busiest = sorted(found.units.items(), key=lambda one: -one[1].requests)[:MOST_UNITS]
    return [
        (
            line,
            str(unit),
            f"{counts.requests:,}",
            f"{counts.answers:,}",
            f"{counts.exceptions:,}",
            f"{counts.failures:,}",
            f"{counts.busy:,}",
            counts.last_failure or "-",
        )
        for (line, unit), counts in sorted(busiest, key=lambda one: one[0])
    ]


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds else "-"
