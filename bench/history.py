"""How quickly history is written and read: samples with their roll-ups, and trends of a day.

    python bench/history.py [--rows 4320000] [--points 50] [--folder DIR]

The file lies in a temporary folder of DIR; where that is a disk, its syncs are in the figures.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mbap.collect.readings import Readings
from mbap.sinks.base import Series
from mbap.sinks.sqlite import SqliteStore

SECOND = 1_000_000
DAY = 86_400
ROWS = 4_320_000
QUICK_ROWS = 200_000
POINTS = 50
REPEATS = 3


@dataclass(frozen=True)
class Row:
    """One figure: what was measured, how much, in which unit, and the project's aim."""

    name: str
    figure: float
    unit: str
    aim: str = ""


def wide_batches(start: int, batches: int) -> Iterator[list[Readings]]:
    """Batches of 1,000 readings of 125 values: 100 devices, ten seconds."""
    chance = random.Random(1)
    names = tuple(f"f{n}" for n in range(125))
    values = [[chance.random() * 400 for _ in names] for _ in range(50)]
    for batch in range(batches):
        yield [
            Readings(
                f"meter_{device}",
                start + (batch * 10 + second) * SECOND + device * 1_000,
                names,
                values[(device + second) % len(values)],
            )
            for second in range(10)
            for device in range(100)
        ]


def day_batches(start: int, rows: int, points: int) -> Iterator[list[Readings]]:
    """*rows* samples of *points* points of one device, spread evenly over a day, 1,000 readings a batch."""
    chance = random.Random(2)
    names = tuple(f"p{n}" for n in range(points))
    values = [[chance.random() * 400 for _ in names] for _ in range(97)]
    ticks = rows // points
    for first in range(0, ticks, 1_000):
        yield [
            Readings("main", start + tick * DAY * SECOND // ticks, names, values[tick % len(values)])
            for tick in range(first, min(first + 1_000, ticks))
        ]


def ingest(store: SqliteStore, batches: Iterator[list[Readings]]) -> tuple[float, float]:
    """Values a second, and the longest that one batch took in milliseconds; making them is not counted."""
    values, spent, worst = 0, 0.0, 0.0
    for batch in batches:
        began = time.perf_counter()
        store.write(batch)
        took = time.perf_counter() - began
        values += sum(len(readings.points) for readings in batch)
        spent, worst = spent + took, max(worst, took)
    return values / spent, worst * 1_000


def best(call: Callable[[], object]) -> float:
    """The shortest of a few calls, in milliseconds."""
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times) * 1_000


def measure_ingest(folder: Path, batches: int) -> Iterator[Row]:
    """Writing batches as a busy site would after a pause: many devices, wide reads."""
    with SqliteStore(folder / "ingest.db") as store:
        rate, worst = ingest(store, wide_batches(start(), batches))
        yield Row("ingest, 1,000 readings of 125 values a batch", rate, "values/s", ">= 100,000")
        yield Row("  longest batch", worst, "ms")


def measure_day(folder: Path, rows: int, points: int) -> Iterator[Row]:
    """Building a day's file, and asking it for trends."""
    began_at = start()
    with SqliteStore(folder / "day.db") as store:
        rate, _ = ingest(store, day_batches(began_at, rows, points))
        yield Row(f"ingest, {points} points of one device", rate, "values/s", ">= 100,000")
        samples = store.statistics().samples
        series = store.series()
        for hours, steps in ((24, 100), (24, 300), (24, 1_000), (6, 300), (1, 300)):
            yield trend_row(store, series, began_at + DAY * SECOND, hours, steps)
        newest = best(store.latest)
        yield Row(f"newest value of {len(series)} points", newest, "ms")
    size = (folder / "day.db").stat().st_size
    yield Row(f"size of {samples:,} samples with roll-ups", size / 1e6, "MB")
    yield Row("  a sample", size / samples, "bytes", "about 28")


def trend_row(store: SqliteStore, series: Sequence[Series], end: int, hours: int, steps: int) -> Row:
    """How long trends of all *series* over the last *hours* take."""
    begin = end - hours * 3_600 * SECOND
    took = best(lambda: store.trends(series, begin, end, steps))
    aim = "<= 150" if hours == 24 else ""
    return Row(f"trend of {hours} h, {len(series)} points, {steps} steps", took, "ms", aim)


def start() -> int:
    """A day ago, so that nothing lies in the future."""
    return int((time.time() - DAY) * SECOND)


def run(quick: bool, rows: int | None = None, points: int = POINTS, folder: str | None = None) -> list[Row]:
    """All figures; *quick*: with less of everything."""
    total = rows or (QUICK_ROWS if quick else ROWS)
    batches = 2 if quick else 8
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        return [
            *measure_ingest(Path(temporary), batches),
            *measure_day(Path(temporary), total, points),
        ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="How quickly history is written and read.")
    parser.add_argument("--rows", type=int, default=ROWS, help="samples in the day's file")
    parser.add_argument("--points", type=int, default=POINTS, help="points in the day's file")
    parser.add_argument("--folder", help="where to put the files meanwhile")
    options = parser.parse_args(argv)
    rows = run(options.rows <= QUICK_ROWS, options.rows, options.points, options.folder)
    print(f"{'':48}{'figure':>12} {'unit':10}aim")
    for row in rows:
        print(f"{row.name:48}{row.figure:>12,.1f} {row.unit:10}{row.aim}")
    if hasattr(os, "getloadavg"):
        print(f"load average {os.getloadavg()[0]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
