"""Tables of figures as Markdown, with columns wide enough to be read as they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from bench.measuring import Cell
from bench.rows import MEMORY_TARGETS, MEMORY_TITLE, Table, Target
from bench.turns import Measured, label


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; every column but the first is set to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [_line(head, widths), _line(rule, widths), *(_line(row, widths) for row in rows)]
    return "\n".join(lines)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = row
    cells = [first.ljust(widths[0]), *(text.rjust(w) for text, w in zip(others, widths[1:], strict=True))]
    return "| " + " | ".join(cells) + " |"


def number(value: float | None) -> str:
    """Three digits or so; a dash for what is not known."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def least(cells: Sequence[Cell]) -> float:
    """The cheapest round: what else happens on the machine only ever adds."""
    return min((cell.cpu for cell in cells), default=math.nan)


def rate(cells: Sequence[Cell]) -> float:
    """The median of the rounds."""
    return median([cell.rate for cell in cells]) if cells else math.nan


def ratio(one: float, other: float) -> float:
    """How many times *other* is *one*; not a number where *other* is nothing."""
    return one / other if other else math.nan


def faults(cells: Iterable[Cell]) -> str:
    """What went wrong in all rounds together."""
    total: dict[str, int] = {}
    for cell in cells:
        for kind, count in cell.faults:
            total[kind] = total.get(kind, 0) + count
    return ", ".join(f"{kind} {count}" if count > 1 else kind for kind, count in total.items())


def filled(measured: Measured) -> str:
    """The table of one workload, the cheapest first."""
    table = measured.table
    there = {title: cells for title, cells in measured.cells.items() if cells}
    best = min(map(least, there.values()), default=math.nan)
    quickest = max(map(rate, there.values()), default=math.nan)
    rows = [
        _row(table, there, title, best, quickest) for title in sorted(there, key=lambda t: least(there[t]))
    ]
    head = ["", table.unit, "x raw", "x best", "a second", "of raw", "of best", "p99 us", "faults"]
    keep = [column for column in range(len(head)) if column < 2 or any(row[column] for row in rows)]
    text = markdown([head[column] for column in keep], [[row[column] for column in keep] for row in rows])
    failed = "".join(f"\n{title}: {why}" for title, why in measured.failed.items())
    return text + ("\n" + failed if failed else "")


def _row(table: Table, there: dict[str, list[Cell]], title: str, best: float, quickest: float) -> list[str]:
    cells, contender = there[title], table.contenders[title]
    raw = there.get(contender.raw, [])
    late = [cell.p99 for cell in cells if cell.p99 is not None]
    served = [cell.served for cell in cells if cell.served is not None]
    wrong = faults(cells)
    if served and "1,000" in table.title:
        wrong = ", ".join(filter(None, [f"served {min(served)}", wrong]))
    rates = ["", "", ""]
    if table.area in ("server", "client"):
        mine = rate(cells)
        rates = [number(mine), number(ratio(mine, rate(raw))), number(ratio(mine, quickest))]
    return [
        label(title, contender),
        number(least(cells)),
        number(ratio(least(cells), least(raw))) if contender.raw and raw else "",
        number(ratio(least(cells), best)),
        *rates,
        number(median(late)) if late else "",
        wrong,
    ]


@dataclass(frozen=True)
class Verdict:
    """One target, and what was measured."""

    target: Target
    unit: str
    ours: float
    raw: float
    ahead: dict[str, float]

    @property
    def figure(self) -> float:
        """What is held against the target: a ratio, or the figure itself."""
        return ratio(self.ours, self.raw) if self.target.raw else self.ours

    @property
    def met(self) -> str:
        """In words."""
        if math.isnan(self.figure):
            return "-"
        if self.figure <= self.target.most:
            return "met"
        return f"missed by {100 * (self.figure / self.target.most - 1):.0f} %"

    @property
    def others(self) -> str:
        """How many times as much the cheapest of those costs that it is to be ahead of; else who is ahead."""
        if not self.ahead:
            return "" if not self.target.ahead else "-"
        behind = [name for name, cost in self.ahead.items() if cost < self.ours]
        nearest = min(self.ahead, key=lambda name: self.ahead[name])
        text = f"{nearest} {ratio(self.ahead[nearest], self.ours):.2f} x"
        return f"behind {', '.join(behind)}: {text}" if behind else f"yes: {text}"


def verdicts(measured: Measured) -> list[Verdict]:
    """What became of the targets of one table."""
    cells = measured.cells
    return [
        Verdict(
            target,
            measured.table.unit,
            least(cells.get(target.ours, [])),
            least(cells.get(target.raw, [])),
            {name: least(cells[name]) for name in target.ahead if cells.get(name)},
        )
        for target in measured.table.targets
        if cells.get(target.ours)
    ]


def summary(found: Sequence[Verdict]) -> str:
    """All targets in one table."""
    head = ["", "mbap", "raw", "x raw", "at most", "target", "ahead of the peers named"]
    rows = [
        [
            one.target.title,
            f"{number(one.ours)} {one.unit}",
            number(one.raw) if one.target.raw else "",
            number(ratio(one.ours, one.raw)) if one.target.raw else "",
            f"{one.target.most:g}" + (" x" if one.target.raw else ""),
            one.met,
            one.others,
        ]
        for one in found
    ]
    return markdown(head, rows)


def memory(measured: Measured) -> Measured | None:
    """From the load with 1,000 connections: what each of them takes; None where it was not measured."""
    if "1000" not in measured.table.load:
        return None
    cells = {
        title: [Cell(cell.kib, 0.0) for cell in cells if cell.kib is not None and cell.served == 1000]
        for title, cells in measured.cells.items()
    }
    contenders = {title: replace(one, raw="") for title, one in measured.table.contenders.items()}
    table = Table("memory", MEMORY_TITLE, (), contenders, MEMORY_TARGETS, unit="KiB")
    return Measured(table, cells, absent=measured.absent)
