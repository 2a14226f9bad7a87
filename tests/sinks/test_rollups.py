"""mbap.sinks.sqlite_rollups: whatever is written in whatever order, roll-ups are what the samples give."""

from __future__ import annotations

import math
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.collect.readings import Quality, Readings, Value
from mbap.sinks import sqlite_rollups
from mbap.sinks.base import Sample, Series
from mbap.sinks.sqlite import SqliteStore
from mbap.sinks.sqlite_rollups import STEPS
from support.store_contract import DAY, HOUR, MINUTE, POWER, SECOND, TODAY, bad, reading

Rollup = tuple[int, int, float | None, float | None, float, float | None, float | None]

NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.booleans(), st.just(math.inf), st.just(2**64)
)
VALUES: st.SearchStrategy[tuple[Value | None, Quality]] = st.one_of(
    st.tuples(NUMBERS, st.sampled_from([Quality.GOOD, Quality.GOOD, Quality.CLOCK])),
    st.tuples(st.none(), st.sampled_from([Quality.TIMEOUT, Quality.exception(4)])),
    st.tuples(st.sampled_from(["on", "off"]), st.just(Quality.GOOD)),
)
# Seconds that crowd in a few minutes at both ends of hours and days: every level has full and sparse periods.
TIMES = st.builds(
    lambda day, hour, minute, second: TODAY + day * DAY + hour * HOUR + minute * MINUTE + second * SECOND,
    st.integers(0, 2),
    st.sampled_from([0, 1, 23]),
    st.sampled_from([0, 1, 14, 15, 59]),
    st.integers(0, 59),
)


@st.composite
def readings(draw: st.DrawFn) -> Readings:
    points = draw(st.sampled_from([("x", "y"), ("x", "y"), ("y",), ("z", "x", "y")]))
    cells = [draw(VALUES) for _ in points]
    values, qualities = [value for value, _ in cells], [quality for _, quality in cells]
    return Readings(draw(st.sampled_from(["a", "b"])), draw(TIMES), points, values, qualities)


BATCHES = st.lists(st.lists(readings(), max_size=12), max_size=8)


@given(BATCHES)
@settings(max_examples=60, deadline=None)
def test_every_level_holds_what_the_samples_give(batches: list[list[Readings]]) -> None:
    with tempfile.TemporaryDirectory() as folder, SqliteStore(Path(folder, "history.db")) as store:
        for batch in batches:
            store.write(batch)
        complete_to, stored = _stored(store.path)
        for step in STEPS:
            for series in store.series():
                samples = list(store.samples(series, 0, TODAY + 10 * DAY))
                expected = _rolled_up(samples, step * SECOND, complete_to[step])
                _same(stored[step, series], expected)


@given(BATCHES, st.sampled_from([SECOND, 90 * SECOND, 30 * MINUTE, 2 * HOUR, DAY, 7 * DAY]), TIMES, TIMES)
@settings(max_examples=60, deadline=None)
def test_rows_of_any_step_are_what_the_samples_give(
    batches: list[list[Readings]], step: int, one: int, other: int
) -> None:
    start, end = min(one, other), min(max(one, other) + 1, min(one, other) + 2_000 * step)
    with tempfile.TemporaryDirectory() as folder, SqliteStore(Path(folder, "history.db")) as store:
        for batch in batches:
            store.write(batch)
        for series in store.series():
            trend = store.rows(series, start, end, step)
            periods = _rolled_up(store.samples(series, 0, TODAY + 10 * DAY), step, None)
            assert list(trend.times) == list(range(start // step * step, end + (-end % step), step))
            for time, low, mean, high, count in zip(
                trend.times, trend.low, trend.mean, trend.high, trend.bad, strict=True
            ):
                expected = periods.get(time)
                if expected is None or expected[0] == 0:
                    assert (low, mean, high, count) == (None, None, None, expected[1] if expected else 0)
                else:
                    assert (low, high, count) == (expected[2], expected[3], expected[1])
                    assert mean == pytest.approx(expected[4] / expected[0], rel=1e-9, abs=1e-6)


def _same(stored: dict[int, Rollup], expected: dict[int, Rollup]) -> None:
    """Equal but for the last digits of the totals, which depend on the order of adding."""
    assert stored.keys() == expected.keys()
    for time, rollup in stored.items():
        assert rollup[:4] + rollup[5:] == expected[time][:4] + expected[time][5:]
        assert rollup[4] == pytest.approx(expected[time][4], rel=1e-9, abs=1e-3)


def _usable(sample: Sample) -> bool:
    return (
        sample.quality.good
        and isinstance(sample.value, int | float)
        and math.isfinite(sample.value)
        and abs(sample.value) <= 1e300
    )


def _rolled_up(
    samples: Sequence[Sample] | Iterator[Sample], size: int, complete_to: int | None
) -> dict[int, Rollup]:
    """The roll-ups of *samples* in periods of *size* that begin before *complete_to*."""
    periods: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        start = sample.time // size * size
        if complete_to is None or start < complete_to:
            periods[start].append(sample)
    rolled = {start: _rollup(period) for start, period in periods.items()}
    return {start: one for start, one in rolled.items() if one[0] or one[1]}


def _rollup(samples: list[Sample]) -> Rollup:
    numbers = [float(sample.value) for sample in samples if _usable(sample) and sample.value is not None]
    count = sum(not sample.quality.good for sample in samples)
    if not numbers:
        return 0, count, None, None, 0.0, None, None
    return len(numbers), count, min(numbers), max(numbers), math.fsum(numbers), numbers[0], numbers[-1]


def _stored(path: Path) -> tuple[dict[int, int], dict[tuple[int, Series], dict[int, Rollup]]]:
    """How far each level is complete, and its rows, by time."""
    rows: dict[tuple[int, Series], dict[int, Rollup]] = defaultdict(dict)
    with closing(sqlite3.connect(path)) as file:
        complete_to = dict(file.execute("SELECT step, coalesce(complete_to, 0) FROM levels"))
        for step, device, point, time, *rest in file.execute(
            "SELECT step, device, point, time, count, bad, low, high, total, first, last "
            "FROM rollups JOIN series ON series.id = rollups.series"
        ):
            rows[step, Series(device, point)][time] = tuple(rest)
    return complete_to, rows


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "history.db") as opened:
        yield opened


def _complete_to(store: SqliteStore, step: int) -> int:
    complete_to, _ = _stored(store.path)
    return complete_to[step] - TODAY


@pytest.mark.parametrize("statement", [sqlite_rollups._FROM_FINER])
def test_the_cost_does_not_grow_with_the_square_of_the_series(store: SqliteStore, statement: str) -> None:
    names = ("step", "finer", "size", "lowest", "highest", "start", "end")
    with closing(sqlite3.connect(store.path)) as file:
        plan = file.execute(f"EXPLAIN QUERY PLAN {statement}", dict.fromkeys(names, 1)).fetchall()
    searched = [detail for *_, detail in plan if "series=? AND time>? AND time<?" in detail]
    assert len(searched) == 1


@given(BATCHES, st.sets(st.integers(0, 7)))
@settings(max_examples=60, deadline=None)
def test_levels_that_are_completed_piece_by_piece_hold_what_the_samples_give(
    batches: list[list[Readings]], ended: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder, mock.patch.multiple(sqlite_rollups, _AT_LEAST=1, _AHEAD=0):
        store = SqliteStore(Path(folder, "history.db"))
        for number, batch in enumerate(batches):
            if number in ended:  # what was begun is not remembered
                store.close()
                store = SqliteStore(store.path)
            store.write(batch)
        with store:
            complete_to, stored = _stored(store.path)
            for step in STEPS:
                for series in store.series():
                    samples = list(store.samples(series, 0, TODAY + 10 * DAY))
                    done = {
                        time: row for time, row in stored[step, series].items() if time < complete_to[step]
                    }
                    _same(done, _rolled_up(samples, step * SECOND, complete_to[step]))


def test_a_large_minute_is_complete_when_its_last_piece_is(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_rollups, "_AT_LEAST", 1)
    monkeypatch.setattr(sqlite_rollups, "_AHEAD", 0)
    names = ("a", "b", "c")
    store.write([reading(TODAY, {"x": 1.0, "y": 2.0}, name) for name in names])
    steps = []
    for second in range(70, 76):
        store.write([reading(TODAY + second * SECOND, {"x": 1.0, "y": 2.0}, "a")])
        _, rows = _stored(store.path)
        steps.append(
            (_complete_to(store, 60) // MINUTE, sum(bool(rows[60, Series(one, "x")]) for one in names))
        )
    assert steps[:4] == [(0, 1), (0, 2), (0, 3), (1, 3)]


def test_a_minute_is_computed_ten_seconds_after_its_end(store: SqliteStore) -> None:
    store.write([reading(TODAY), reading(TODAY + 69 * SECOND)])
    assert _complete_to(store, 60) == 0
    store.write([reading(TODAY + 70 * SECOND)])
    assert _complete_to(store, 60) == MINUTE


def test_levels_move_on_together(store: SqliteStore) -> None:
    store.write([reading(TODAY + n * MINUTE) for n in range(26 * 60)])
    assert [_complete_to(store, step) for step in STEPS] == [
        26 * HOUR - 2 * MINUTE,
        26 * HOUR - 15 * MINUTE,
        25 * HOUR,
        DAY,
    ]


def test_a_reading_from_the_future_does_not_move_the_levels_beyond_the_present(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "history.db", clock=lambda: (TODAY + HOUR) / 1e6) as store:
        store.write([reading(TODAY), reading(TODAY + 1_000 * DAY)])
        assert _complete_to(store, 60) == HOUR - MINUTE


def test_a_duplicate_that_comes_late_changes_nothing(store: SqliteStore) -> None:
    store.write([reading(TODAY + n * SECOND, {"power": 1.0}) for n in range(120)])
    before = _stored(store.path)
    store.write([reading(TODAY, {"power": 99.0})])
    assert _stored(store.path) == before


def test_a_counter_has_its_first_and_last_in_every_period(store: SqliteStore) -> None:
    store.write([reading(TODAY + n * SECOND, {"power": 1_000 + n}) for n in range(2 * 3_600)])
    _, rows = _stored(store.path)
    assert rows[3_600, POWER][TODAY][-2:] == (1_000.0, 4_599.0)
    assert rows[60, POWER][TODAY + MINUTE][-2:] == (1_060.0, 1_119.0)


def test_a_period_without_anything_has_no_row(store: SqliteStore) -> None:
    store.write([reading(TODAY), reading(TODAY + 3 * MINUTE), bad(TODAY + 5 * MINUTE), reading(TODAY + HOUR)])
    _, rows = _stored(store.path)
    assert [(time - TODAY) // MINUTE for time in rows[60, POWER]] == [0, 3, 5]
