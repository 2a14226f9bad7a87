"""mbap.sinks.sqlite_reads and sqlite_layouts: whole reads as rows, and samples that could clash with them."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.collect.readings import Quality, Readings, Value
from mbap.sinks.base import Sample, Series
from mbap.sinks.sqlite import SqliteStore
from mbap.sinks.sqlite_reads import WIDEST, marks, qualities_of
from support.store_contract import DAY, MINUTE, SECOND, TODAY, reading

POINTS = ("a", "b", "c", "d")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "history.db") as opened:
        yield opened


def read(points: str, value: float, time: int = TODAY) -> Readings:
    return reading(time, dict.fromkeys(points, value))


def values(store: SqliteStore, point: str) -> list[Value | None]:
    return [sample.value for sample in store.samples(Series("main", point), 0, TODAY + DAY)]


def rows(store: SqliteStore, table: str) -> int:
    with closing(sqlite3.connect(store.path)) as file:
        (count,) = file.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(count)


def test_a_read_of_several_points_is_one_row(store: SqliteStore) -> None:
    store.write([read("abcd", 1.0)])
    assert (rows(store, "reads_8"), rows(store, "singles")) == (1, 0)


def test_a_read_of_one_point_is_a_single_sample(store: SqliteStore) -> None:
    store.write([read("a", 1.0)])
    assert (rows(store, "reads_8"), rows(store, "singles")) == (0, 1)


@pytest.mark.parametrize(
    ("width", "narrow", "wide"), [(8, 1, 0), (9, 0, 1), (WIDEST, 0, 1), (WIDEST + 8, 1, 1)]
)
def test_a_wide_read_is_cut_into_rows(store: SqliteStore, width: int, narrow: int, wide: int) -> None:
    store.write([reading(TODAY, {f"p{n}": n for n in range(width)})])
    assert (rows(store, "reads_8"), rows(store, "reads_64")) == (narrow, wide)
    assert sorted(str(one.value) for one in store.latest().values()) == sorted(map(str, range(width)))


def test_other_tools_see_every_sample_as_a_row(store: SqliteStore) -> None:
    failed = Readings("main", TODAY + 1, ("x", "y"), (None, "on"), (Quality.exception(2), Quality.GOOD))
    store.write([reading(TODAY, {"x": 1.5, "y": 7}), failed, reading(TODAY, {"z": 3})])
    with closing(sqlite3.connect(store.path)) as file:
        assert file.execute("SELECT * FROM samples ORDER BY series, time").fetchall() == [
            (1, TODAY, 1.5, 0),
            (1, TODAY + 1, None, 102),
            (2, TODAY, 7, 0),
            (2, TODAY + 1, "on", 0),
            (3, TODAY, 3, 0),
        ]
        readable = (
            "SELECT point, value FROM readable_samples WHERE device = 'main' AND quality = 0 ORDER BY 1, 2"
        )
        assert file.execute(readable).fetchall() == [("x", 1.5), ("y", 7), ("y", "on"), ("z", 3)]


@pytest.mark.parametrize(
    "view", ["samples WHERE series = 1 AND time >= 0", "readable_samples WHERE device = 'main'"]
)
def test_the_views_look_up_what_is_asked_for(store: SqliteStore, view: str) -> None:
    with closing(sqlite3.connect(store.path)) as file:
        plan = [detail for *_, detail in file.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {view}")]
    scanned = {detail for detail in plan if detail.startswith("SCAN")}
    assert scanned <= {f"SCAN {view.split()[0]}"}, "beyond the rows that its parts look up"


@pytest.mark.parametrize(
    "qualities", [[0, 1], [2, 0, 6], [Quality.exception(11), 0], [Quality.exception(255), 5]]
)
def test_qualities_come_back_as_they_were_kept(qualities: list[int]) -> None:
    assert qualities_of(marks([Quality(one) for one in qualities]), len(qualities)) == qualities


def test_good_qualities_are_not_kept() -> None:
    assert marks([Quality.GOOD, Quality.GOOD]) is None


def test_points_in_another_order_are_the_same_series(store: SqliteStore) -> None:
    store.write([reading(TODAY, {"x": 1, "y": 2}), reading(TODAY + 1, {"y": 4, "x": 3})])
    assert (values(store, "x"), values(store, "y")) == ([1, 3], [2, 4])
    assert rows(store, "reads_8") == 2


def test_a_series_in_several_blocks_is_one_in_order_of_time(store: SqliteStore) -> None:
    store.write(
        [
            read("abcd", 1.0),
            read("bc", 2.0, TODAY + 1),
            read("c", 3.0, TODAY + 2),
            read("abcd", 4.0, TODAY + 3),
        ]
    )
    assert values(store, "c") == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("again", ["ab", "bc", "b", "abcd"])
def test_a_sample_of_another_block_with_the_same_time_wins_when_it_is_older(
    store: SqliteStore, again: str
) -> None:
    store.write([read("abc", 1.0)])
    store.write([read(again, 2.0)])
    for point in "abc":
        assert values(store, point) == [1.0]
    assert store.statistics().duplicates == len(set(again) & set("abc"))


def test_a_single_sample_wins_against_a_later_read_of_its_time(store: SqliteStore) -> None:
    store.write([read("b", 1.0)])
    store.write([read("abc", 2.0)])
    assert [values(store, point) for point in "abc"] == [[2.0], [1.0], [2.0]]


def test_clashes_within_one_batch_go_by_their_order(store: SqliteStore) -> None:
    store.write([read("ab", 1.0), read("bc", 2.0), read("cd", 3.0), read("c", 4.0)])
    assert [values(store, point) for point in "abcd"] == [[1.0], [1.0], [2.0], [3.0]]


@st.composite
def reads(draw: st.DrawFn) -> Readings:
    points = tuple(draw(st.permutations(POINTS)))[: draw(st.integers(1, 4))]
    device = draw(st.sampled_from(["main", "other"]))
    minute, offset = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    cells = [draw(st.sampled_from([(1.5, 0), (2, 0), (None, 2), ("on", 0)])) for _ in points]
    return Readings(
        device,
        TODAY + minute * MINUTE + offset * 20 * SECOND,
        points,
        [value for value, _ in cells],
        [Quality(quality) for _, quality in cells],
    )


@given(st.lists(st.lists(reads(), max_size=6), max_size=6), st.sets(st.integers(0, 5)))
@settings(max_examples=80, deadline=None)
def test_whatever_points_are_read_together_each_series_keeps_its_first_sample_of_a_time(
    batches: list[list[Readings]], reopened: set[int]
) -> None:
    expected: dict[Series, dict[int, Sample]] = {}
    given_values = 0
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder, "history.db"))
        for number, batch in enumerate(batches):
            if number in reopened:
                store.close()
                store = SqliteStore(store.path)
            store.write(batch)
            for one in batch:
                given_values += len(one.points)
                for index, point in enumerate(one.points):
                    sample = Sample(one.time, one.values[index], one.quality(index))
                    expected.setdefault(Series(one.device, point), {}).setdefault(one.time, sample)
        with store:
            _same_as(store, expected, given_values)


def _same_as(store: SqliteStore, expected: dict[Series, dict[int, Sample]], given_values: int) -> None:
    assert store.series() == sorted(expected)
    for series, samples in expected.items():
        assert list(store.samples(series, 0, TODAY + DAY)) == [samples[time] for time in sorted(samples)]
    assert store.latest() == {series: samples[max(samples)] for series, samples in expected.items()}
    numbers = store.statistics()
    assert numbers.samples == sum(map(len, expected.values()))
    assert numbers.samples + numbers.duplicates == given_values
    assert [one.samples for one in store.reports()] == [len(expected[series]) for series in sorted(expected)]
