"""mbap.sinks.sqlite_retention: what goes by age and by size, piece by piece."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mbap.sinks import sqlite_retention
from mbap.sinks.base import Series
from mbap.sinks.sqlite import SqliteStore
from mbap.sinks.sqlite_retention import Limits
from mbap.sinks.sqlite_rollups import STEPS
from support.store_contract import DAY, HOUR, MINUTE, POWER, SECOND, TODAY, reading


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def prune(store: SqliteStore, now: int) -> int:
    """Everything that has to go by *now*, however many pieces it takes."""
    removed = 0
    while some := store.prune(now):
        removed += some
    return removed


def oldest(store: SqliteStore) -> int:
    time = store.statistics().oldest
    assert time is not None
    return time - TODAY


def fill(store: SqliteStore, hours: int, every: int = MINUTE, points: int = 1) -> None:
    for hour in range(hours):
        times = range(TODAY + hour * HOUR, TODAY + (hour + 1) * HOUR, every)
        store.write([reading(time, {f"p{n}": float(time % 1_000) for n in range(points)}) for time in times])


def test_without_limits_everything_stays(path: Path) -> None:
    with SqliteStore(path) as store:
        fill(store, 5)
        assert prune(store, TODAY + 1_000 * DAY) == 0


def test_samples_go_by_age(path: Path) -> None:
    with SqliteStore(path, keep=2 * 86_400) as store:
        fill(store, 72)
        prune(store, TODAY + 72 * HOUR)
        assert oldest(store) == 24 * HOUR
        assert store.statistics().samples == 48 * 60


def test_short_times_are_kept_to_the_minute(path: Path) -> None:
    with SqliteStore(path, keep=1_800) as store:
        fill(store, 2)
        prune(store, TODAY + 2 * HOUR)
        assert oldest(store) == 90 * MINUTE


def test_hours_and_days_outlive_the_samples(path: Path) -> None:
    with SqliteStore(path, keep=86_400) as store:
        fill(store, 72)
        prune(store, TODAY + 72 * HOUR)
        assert {level.step // SECOND: level.oldest for level in store.levels()} == {
            0: TODAY + 48 * HOUR,
            60: TODAY + 48 * HOUR,
            900: TODAY + 48 * HOUR,
            3_600: TODAY,
            86_400: TODAY,
        }


def test_rollups_are_kept_longer_when_asked_for(path: Path) -> None:
    with SqliteStore(path, keep=3_600, keep_rollups=2 * 86_400) as store:
        fill(store, 72)
        prune(store, TODAY + 72 * HOUR)
        assert oldest(store) == 71 * HOUR
        assert [level.oldest for level in store.levels()[1:]] == [TODAY + DAY] * 4


def test_a_trend_of_removed_samples_comes_from_the_rollups(path: Path) -> None:
    with SqliteStore(path, keep=3_600) as store:
        store.write([reading(TODAY + n * SECOND, {"power": 5.0}) for n in range(2 * 86_400)])
        prune(store, TODAY + 2 * DAY)
        (trend,) = store.trends([POWER], TODAY, TODAY + 6 * HOUR, 1_000)
        assert (trend.step, list(trend.mean)) == (HOUR, [5.0] * 6)


def test_the_rollups_of_kept_times_stay_right(path: Path) -> None:
    with SqliteStore(path, keep=3_600) as store:
        fill(store, 30)
        before = store.rows(Series("main", "p0"), TODAY, TODAY + 30 * HOUR, HOUR)
        prune(store, TODAY + 30 * HOUR)
        assert store.rows(Series("main", "p0"), TODAY, TODAY + 30 * HOUR, HOUR) == before


def test_a_sample_older_than_what_is_kept_is_counted_and_not_stored(path: Path) -> None:
    with SqliteStore(path, keep=3_600) as store:
        fill(store, 3)
        prune(store, TODAY + 3 * HOUR)
        before = store.statistics()
        store.write([reading(TODAY, {"p0": 1.0})])
        assert store.statistics().samples == before.samples
        assert store.statistics().too_old == 1


def test_a_late_sample_after_pruning_is_rolled_up(path: Path) -> None:
    with SqliteStore(path, keep=3_600) as store:
        fill(store, 30)
        prune(store, TODAY + 30 * HOUR)
        store.write([reading(TODAY + 29 * HOUR + 1, {"p0": 10_000.0})])
        trend = store.rows(Series("main", "p0"), TODAY, TODAY + 30 * HOUR, DAY)
        assert list(trend.high) == [0.0, 10_000.0]


def test_one_call_removes_a_piece(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_retention, "PIECE", 100)
    with SqliteStore(path, keep=3_600) as store:
        fill(store, 10, points=3)
        assert store.prune(TODAY + 10 * HOUR) == 34 * 3  # whole reads
        assert prune(store, TODAY + 10 * HOUR) > 1_000
        assert store.statistics().samples == 60 * 3


def test_removing_goes_on_after_a_restart(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_retention, "PIECE", 100)
    with SqliteStore(path, keep=3_600) as store:
        fill(store, 10)
        store.prune(TODAY + 10 * HOUR)
    with SqliteStore(path, keep=3_600) as store:
        prune(store, TODAY + 10 * HOUR)
        assert oldest(store) == 9 * HOUR


def test_the_count_of_samples_follows(path: Path) -> None:
    with SqliteStore(path, keep=3_600) as store:
        fill(store, 10)
        prune(store, TODAY + 10 * HOUR)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM samples").fetchone() == (60,)
    with SqliteStore(path) as store:
        assert store.statistics().samples == 60


def test_the_oldest_samples_go_where_the_file_is_too_large(path: Path) -> None:
    limit = 3_000_000
    with SqliteStore(path, max_bytes=limit) as store:
        fill(store, 48, every=10 * SECOND, points=10)
        prune(store, TODAY + 48 * HOUR)
        assert oldest(store) > 0
        assert store.statistics().newest == TODAY + 48 * HOUR - 10 * SECOND
    assert path.stat().st_size <= limit * 1.1


def test_a_file_that_is_small_enough_is_left_alone(path: Path) -> None:
    with SqliteStore(path, max_bytes=3_000_000) as store:
        fill(store, 10)
        assert prune(store, TODAY + 10 * HOUR) == 0


def test_with_a_limit_the_file_does_not_grow_beyond_it(path: Path) -> None:
    limit = 1_500_000
    sizes = []
    with SqliteStore(path, max_bytes=limit) as store:
        for hour in range(30):
            times = range(TODAY + hour * HOUR, TODAY + (hour + 1) * HOUR, 10 * SECOND)
            store.write([reading(time, {f"p{n}": time % 97 + 0.5 for n in range(10)}) for time in times])
            prune(store, TODAY + hour * HOUR)
            (used,) = _pages(path)
            sizes.append(used * 4_096)
    assert max(sizes) < limit * 1.5


def test_a_limit_that_is_too_small_for_anything_still_stores(path: Path) -> None:
    with SqliteStore(path, max_bytes=1) as store:
        fill(store, 30)
        prune(store, TODAY + 30 * HOUR)
        store.write([reading(TODAY + 30 * HOUR, {"p0": 1.0})])
        assert store.latest()[Series("main", "p0")].time == TODAY + 30 * HOUR


def test_pages_that_are_not_used_go_back_to_the_disk(path: Path) -> None:
    with SqliteStore(path, keep=3_600) as store:
        fill(store, 24, every=SECOND, points=30)
        before = _pages(path)[0]
        prune(store, TODAY + 24 * HOUR)
        for _ in range(10):
            store.prune(TODAY + 24 * HOUR)
        assert _pages(path)[0] < before / 2


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        (Limits(), [None, None, None, None, None]),
        (Limits(keep=60), [60, 60, 60, None, None]),
        (Limits(keep=60, keep_rollups=600), [60, 600, 600, 600, 600]),
        (Limits(keep=60, keep_rollups=6), [60, 60, 60, 60, 60]),
        (Limits(keep_rollups=600), [None, None, None, None, None]),
    ],
)
def test_how_long_each_level_is_kept(limits: Limits, seconds: list[float | None]) -> None:
    assert [limits.seconds(step) for step in (0, *STEPS)] == seconds


def _pages(path: Path) -> tuple[int]:
    with closing(sqlite3.connect(path)) as file:
        (count,) = file.execute("PRAGMA page_count").fetchone()
    return (int(count),)
