"""What `mbap history export` writes: samples or roll-ups as CSV or lines of JSON, never all in memory."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from mbap.cli.times import format_time
from mbap.sinks.base import Series, Trend
from mbap.sinks.sqlite import SqliteStore

Row = Sequence[object]
Tell = Callable[[float], None]

_WINDOW = 5_000
_TELL_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Selection:
    """What to export: which series, from when to before when in UTC µs, in which steps (0: the samples)."""

    series: Sequence[Series]
    start: int
    end: int
    step: int
    wide: bool


def heads(selection: Selection) -> list[str]:
    """The names of the columns."""
    if selection.wide:
        return ["time", *(_name(series) for series in selection.series)]
    if selection.step:
        return ["time", "point", "low", "mean", "high", "bad"]
    return ["time", "point", "value", "quality"]


def rows(store: SqliteStore, selection: Selection, tell: Tell) -> Iterator[Row]:
    """The rows below `heads`: series by series, each in order of time; wide ones just in order of time."""
    if selection.wide:
        return _wide_rows(store, selection, tell)
    each = _rollup_rows if selection.step else _sample_rows
    return _one_after_the_other(store, selection, each, tell)


def write_csv(file: TextIO, columns: Sequence[str], rows: Iterator[Row]) -> None:
    """CSV with a line of names, as RFC 4180 has it except for the ends of lines, which are of this system."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def write_json(file: TextIO, columns: Sequence[str], rows: Iterator[Row]) -> None:
    """One JSON object a line."""
    for row in rows:
        cells = dict(zip(columns, map(_json_cell, row), strict=True))
        print(json.dumps(cells, ensure_ascii=False), file=file)


def _one_after_the_other(
    store: SqliteStore,
    selection: Selection,
    each: Callable[[SqliteStore, Selection, Series, Tell], Iterator[Row]],
    tell: Tell,
) -> Iterator[Row]:
    count = len(selection.series)
    for done, series in enumerate(selection.series):
        yield from each(store, selection, series, lambda share, done=done: tell((done + share) / count))  # type: ignore[misc]
    tell(1.0)


def _sample_rows(store: SqliteStore, selection: Selection, series: Series, tell: Tell) -> Iterator[Row]:
    name, span = _name(series), selection.end - selection.start
    for number, sample in enumerate(store.samples(series, selection.start, selection.end)):
        if number % _TELL_EVERY == 0:
            tell((sample.time - selection.start) / span)
        yield format_time(sample.time), name, sample.value, sample.quality.reason


def _rollup_rows(store: SqliteStore, selection: Selection, series: Series, tell: Tell) -> Iterator[Row]:
    """Periods in which nothing was read have no row."""
    name = _name(series)
    for start, end in _windows(selection, tell):
        trend = store.rows(series, start, end, selection.step)
        columns = zip(trend.times, trend.low, trend.mean, trend.high, trend.bad, strict=True)
        for time, low, mean, high, bad in columns:
            if mean is not None or bad:
                yield format_time(time), name, low, mean, high, bad


def _wide_rows(store: SqliteStore, selection: Selection, tell: Tell) -> Iterator[Row]:
    """The means, a column for each series, a row for each period."""
    for start, end in _windows(selection, tell):
        trends: list[Trend] = [store.rows(one, start, end, selection.step) for one in selection.series]
        for time, *means in zip(trends[0].times, *(trend.mean for trend in trends), strict=True):
            yield format_time(time), *means
    tell(1.0)


def _windows(selection: Selection, tell: Tell) -> Iterator[tuple[int, int]]:
    """Pieces of the time, each of whole rows."""
    first = selection.start // selection.step * selection.step
    for start in range(first, selection.end, _WINDOW * selection.step):
        tell((start - first) / (selection.end - first))
        yield start, min(start + _WINDOW * selection.step, selection.end)


def _json_cell(cell: object) -> object:
    """JSON has no infinity: a device that sent one is shown by its name."""
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


def _name(series: Series) -> str:
    return f"{series.device}.{series.point}"
