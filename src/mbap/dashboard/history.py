"""Trends: what was asked for, read from the store in a thread, as JSON or CSV."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from mbap.dashboard.catalogue import Catalogue
from mbap.dashboard.plant import Plant
from mbap.dashboard.problems import Problem, answer
from mbap.sinks.base import Series, Store, StoreError, Trend

Json = dict[str, object]

LARGEST_SERIES = 200
LARGEST_STEPS = 5000
_DEFAULT_STEPS = 1000
_HOUR = 3_600_000_000
_AT_ONCE = 4
_WAITING = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_TIME = 253_402_300_799_000_000  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class Query:
    """What is to be shown: times in UTC microseconds."""

    series: tuple[Series, ...]
    start: int
    end: int
    steps: int


def parse_query(parameters: Mapping[str, str], catalogue: Catalogue, now: int) -> Query:
    """The query that the URL's *parameters* state.

    Raises:
        Problem: one of them is missing or wrong; the sentence says which.
    """
    end = parse_time(parameters["to"], "to") if "to" in parameters else now
    start = parse_time(parameters["from"], "from") if "from" in parameters else end - _HOUR
    if start >= end:
        raise Problem(400, "'from' is not before 'to'.")
    return Query(
        _series(parameters.get("series", ""), catalogue), start, end, _steps(parameters.get("steps"))
    )


def parse_time(text: str, name: str) -> int:
    """UTC microseconds from a whole number of them, or from ISO 8601 (without an offset it is UTC)."""
    if text.lstrip("-").isascii() and text.lstrip("-").isdigit():
        time = int(text[:20])
    else:
        try:
            moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        except ValueError:
            raise Problem(
                400, f"'{name}' is neither UTC microseconds nor ISO 8601 such as 2026-01-31T12:00:00Z."
            ) from None
        time = (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)
    if not 0 <= time <= _LATEST_TIME:
        raise Problem(400, f"'{name}' is outside of the years 1970 to 9999.")
    return time


def _steps(text: str | None) -> int:
    if text is None:
        return _DEFAULT_STEPS
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= LARGEST_STEPS):
        raise Problem(400, f"'steps' is a whole number from 1 to {LARGEST_STEPS}.")
    return int(text)


def _series(text: str, catalogue: Catalogue) -> tuple[Series, ...]:
    ids = tuple(dict.fromkeys(part for part in text.split(",") if part))
    if not 1 <= len(ids) <= LARGEST_SERIES:
        raise Problem(400, f"'series' lists 1 to {LARGEST_SERIES} ids such as main.voltage_l1, with commas.")
    for one in ids:
        if not catalogue.knows(one):
            nearest = catalogue.nearest(one)
            hint = f"; did you mean {nearest}?" if nearest else ". /api/v1/points lists all."
            raise Problem(404, f"there is no point {one[:100]!r}{hint}")
    return tuple(Series(*one.split(".", 1)) for one in ids)


class History:
    """Reads trends from the plant's store: four at a time, some fifty may wait, the next is turned away.

    Attributes:
        refused: queries that were turned away.
    """

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self.refused = 0

    async def respond(self, query: Query, catalogue: Catalogue, *, csv: bool) -> Response:
        """The answer to *query*.

        Raises:
            Problem: there is no history, it cannot be read, or too many others wait.
        """
        store = self._plant.store
        if store is None:
            raise Problem(404, "this site keeps no history: give it a [history] section.")
        if self._waiting >= _WAITING:
            self.refused += 1
            raise Problem(503, "too many trends are being read: try again.", retry_after=2)
        self._waiting += 1
        try:
            async with self._free:
                return await asyncio.to_thread(_read, store, query, catalogue, csv)
        except StoreError as error:
            raise Problem(503, f"history cannot be read: {error}") from error
        finally:
            self._waiting -= 1


def _read(store: Store, query: Query, catalogue: Catalogue, csv: bool) -> Response:
    """Runs in a thread: reading and encoding both take their time."""
    trends = store.trends(query.series, query.start, query.end, query.steps)
    if not csv:
        return answer(trends_json(trends, query, catalogue))
    name = f"trend-{_iso(query.start)[:19].replace(':', '')}Z.csv"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response("".join(csv_lines(trends, catalogue)), 200, headers, "text/csv; charset=utf-8")


def trends_json(trends: Sequence[Trend], query: Query, catalogue: Catalogue) -> Json:
    """The trends as columns; where they are the samples themselves, `low` and `high` are null."""
    series = [_trend_json(trend, catalogue) for trend in trends]
    return {"from": query.start, "to": query.end, "series": series}


def _trend_json(trend: Trend, catalogue: Catalogue) -> Json:
    name = f"{trend.series.device}.{trend.series.point}"
    return {
        "id": name,
        "unit": catalogue.unit(name),
        "step": trend.step,
        "times": list(trend.times),
        "low": _column(trend.low) if trend.step else None,
        "mean": _column(trend.mean),
        "high": _column(trend.high) if trend.step else None,
        "bad": list(trend.bad),
    }


def _column(values: Sequence[float | None]) -> list[float | None]:
    return [value if value is not None and math.isfinite(value) else None for value in values]


def csv_lines(trends: Sequence[Trend], catalogue: Catalogue) -> Iterator[str]:
    """A line of names, then a line for each time at which any of the series has a value; times are UTC."""
    columns = [column for trend in trends for column in _csv_columns(trend, catalogue)]
    yield ",".join(["time", *(title for title, _ in columns)]) + "\r\n"
    for time in sorted({time for trend in trends for time in trend.times}):
        cells = ("" if (value := column.get(time)) is None else repr(value) for _, column in columns)
        yield f"{_iso(time)},{','.join(cells)}\r\n"


def _csv_columns(trend: Trend, catalogue: Catalogue) -> list[tuple[str, dict[int, float | None]]]:
    name = f"{trend.series.device}.{trend.series.point}"
    unit = f" [{catalogue.unit(name)}]" if catalogue.unit(name) else ""
    kinds = [("low", trend.low), ("mean", trend.mean), ("high", trend.high)]
    if not trend.step:
        return [(_cell(f"{name}{unit}"), _by_time(trend.times, trend.mean))]
    return [(_cell(f"{name} {kind}{unit}"), _by_time(trend.times, values)) for kind, values in kinds]


def _by_time(times: Sequence[int], values: Sequence[float | None]) -> dict[int, float | None]:
    return dict(zip(times, _column(values), strict=True))


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def _iso(time: int) -> str:
    moment = _EPOCH + timedelta(microseconds=time)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
