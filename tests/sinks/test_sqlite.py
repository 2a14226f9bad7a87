"""mbap.sinks.sqlite: the promises of every store, and what is this one's own."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mbap.collect.readings import Readings
from mbap.sinks.base import Series, Store, StoreError
from mbap.sinks.sqlite import SqliteStore
from support.store_contract import DAY, HOUR, MINUTE, POWER, SECOND, TODAY, StoreContract, bad, reading


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(path) as opened:
        yield opened


class TestContract(StoreContract):
    """A SQLite history is a store like any other."""

    @pytest.fixture
    def store(self, path: Path) -> Iterator[Store]:
        with SqliteStore(path) as opened:
            yield opened


def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    with SqliteStore(path) as store:
        store.write([reading(TODAY)])
    with SqliteStore(path) as store:
        store.write([reading(TODAY + 1)])
        assert [sample.time for sample in store.samples(POWER, 0, TODAY + DAY)] == [TODAY, TODAY + 1]


def test_counts_survive_reopening(path: Path) -> None:
    with SqliteStore(path) as store:
        store.write([reading(TODAY), reading(TODAY)])
    with SqliteStore(path, read_only=True) as store:
        assert (store.statistics().samples, store.statistics().duplicates) == (1, 1)


def test_another_process_cannot_write_the_same_file_and_is_told_who_does(store: SqliteStore) -> None:
    code = "import sys; from mbap.sinks.sqlite import SqliteStore; SqliteStore(sys.argv[1])"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(store.path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert "history.db is written by another process (process " in ran.stderr


def test_a_second_store_of_the_same_process_cannot_write_the_file(store: SqliteStore) -> None:
    with pytest.raises(StoreError, match="is written by another process"):
        SqliteStore(store.path)


def test_the_lock_is_gone_after_closing(path: Path) -> None:
    SqliteStore(path).close()
    SqliteStore(path).close()


def test_a_reader_sees_what_a_writer_just_wrote(store: SqliteStore) -> None:
    with SqliteStore(store.path, read_only=True) as reader:
        store.write([reading(TODAY)])
        assert reader.statistics().samples == 1


def test_a_store_for_reading_refuses_to_write(store: SqliteStore) -> None:
    reader = SqliteStore(store.path, read_only=True)
    with closing(reader), pytest.raises(StoreError, match="is not open for writing"):
        reader.write([reading(TODAY)])


def test_a_store_for_reading_leaves_no_lock_file(path: Path) -> None:
    SqliteStore(path).close()
    path.with_name("history.db.lock").unlink()
    SqliteStore(path, read_only=True).close()
    assert not path.with_name("history.db.lock").exists()


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    with pytest.raises(StoreError, match="is not open for writing"):
        store.write([reading(TODAY)])
    with pytest.raises(StoreError, match="is closed"):
        store.series()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*nowhere for the history: make it"):
        SqliteStore(tmp_path / "nowhere" / "history.db")


def test_a_folder_is_not_a_history(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder: name a file in it"):
        SqliteStore(tmp_path)


def test_a_missing_file_cannot_be_read(path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no history file .*history.db"):
        SqliteStore(path, read_only=True)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, read_only: bool) -> None:
    path.write_text("this is no database\n" * 500, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"history.db is not a database"):
        SqliteStore(path, read_only=read_only)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("read_only", [False, True])
def test_the_database_of_another_program_is_refused_and_left_alone(path: Path, read_only: bool) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE letters (text)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="but not a history of mbap"):
        SqliteStore(path, read_only=read_only)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_file_becomes_a_history(path: Path) -> None:
    path.touch()
    with SqliteStore(path) as store:
        store.write([reading(TODAY)])
        assert store.statistics().samples == 1


def test_closing_does_not_wait_for_a_reader_for_ever(store: SqliteStore) -> None:
    store.write([reading(TODAY + n) for n in range(6_000)])
    samples = store.samples(POWER, TODAY, TODAY + DAY)
    next(samples)
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        list(samples)


def test_a_refused_file_does_not_stay_locked(path: Path) -> None:
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="is not a database"):
        SqliteStore(path)
    path.unlink()
    SqliteStore(path).close()


def test_a_damaged_file_is_called_damaged(path: Path) -> None:
    with SqliteStore(path) as store:
        store.write([reading(TODAY + n, {f"p{m}": float(n) for m in range(20)}) for n in range(500)])
    content = bytearray(path.read_bytes())
    content[8_192:] = b"\xa5" * (len(content) - 8_192)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"history.db is damaged: move it away"):
        _open_and_read(path)


def _open_and_read(path: Path) -> None:
    with SqliteStore(path) as store:
        list(store.samples(Series("main", "p0"), 0, TODAY + DAY))


def test_a_file_locked_by_a_tool_cannot_be_written_and_recovers(store: SqliteStore) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as tool:
        tool.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another process: end whatever holds it"):
            store.write([reading(TODAY)])
        tool.execute("ROLLBACK")
    store.write([reading(TODAY)])
    assert store.statistics().samples == 1


def test_a_full_disk_stores_nothing_of_the_batch_and_says_so(store: SqliteStore) -> None:
    store.write([reading(TODAY)])
    writer = store._writer
    assert writer is not None
    (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
    writer._connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(StoreError, match=r"history.db cannot grow: the disk is full"):
        store.write([reading(TODAY + n, {f"q{m}": float(n) for m in range(50)}) for n in range(1, 500)])
    assert store.statistics().samples == 1
    assert store.series() == [POWER]


def test_after_a_full_disk_writing_goes_on(store: SqliteStore) -> None:
    batch = [reading(TODAY + n, {f"q{m}": float(n) for m in range(50)}) for n in range(500)]
    writer = store._writer
    assert writer is not None
    writer._connection.execute("PRAGMA max_page_count = 20")
    with pytest.raises(StoreError, match="the disk is full"):
        store.write(batch)
    writer._connection.execute("PRAGMA max_page_count = 1000000")
    store.write(batch)
    assert store.statistics().samples == 25_000


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files, which POSIX has")
def test_a_limit_of_the_system_on_files_is_one_sentence(path: Path) -> None:
    code = """
import resource, signal, sys
from mbap.collect.readings import Readings
from mbap.sinks.base import StoreError
from mbap.sinks.sqlite import SqliteStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SqliteStore(sys.argv[1])
store.write([Readings("main", 1, ("power",), (1.0,))])
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
points = tuple(f"p{n}" for n in range(100))
try:
    store.write([Readings("main", 2 + n, points, [1.5] * 100) for n in range(1000)])
except StoreError as error:
    print(error)
print(store.statistics().samples)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    sentence, samples = ran.stdout.splitlines()
    assert "history.db cannot be written or read: the disk reports an error: it is full" in sentence
    assert samples == "1"


def test_text_with_half_a_character_does_not_spoil_the_batch(store: SqliteStore) -> None:
    store.write([reading(TODAY, {"name": "a\ud800b", "power": 1.0})])
    assert [sample.value for sample in store.latest().values()] == ["a?b", 1.0]


def test_rows_have_exactly_the_step_asked_for(store: SqliteStore) -> None:
    store.write([reading(TODAY + n * SECOND, {"power": float(n)}) for n in range(600)])
    trend = store.rows(POWER, TODAY + 30 * SECOND, TODAY + 5 * MINUTE, 2 * MINUTE)
    assert list(trend.times) == [TODAY, TODAY + 2 * MINUTE, TODAY + 4 * MINUTE]
    assert list(trend.mean) == [59.5, 179.5, 299.5]


@pytest.mark.parametrize("steps", [0, -1])
def test_a_trend_without_steps_is_refused(store: SqliteStore, steps: int) -> None:
    with pytest.raises(ValueError, match="at least 1 step"):
        store.trends([POWER], TODAY, TODAY + DAY, steps)


def test_an_end_before_the_start_is_refused(store: SqliteStore) -> None:
    with pytest.raises(ValueError, match="the end has to be after the start"):
        store.trends([POWER], TODAY, TODAY, 10)
    with pytest.raises(ValueError, match="the end has to be after the start"):
        store.rows(POWER, TODAY, TODAY - 1, MINUTE)


def test_a_step_below_a_millisecond_is_refused(store: SqliteStore) -> None:
    with pytest.raises(ValueError, match="at least 1 ms"):
        store.rows(POWER, TODAY, TODAY + DAY, 999)


def test_missing_samples_are_a_hole_in_a_trend_of_samples(store: SqliteStore) -> None:
    seconds = [*range(10), *range(100, 110)]
    store.write([reading(TODAY + n * SECOND, {"power": float(n)}) for n in seconds])
    (trend,) = store.trends([POWER], TODAY, TODAY + HOUR, 1_000)
    assert [index for index, value in enumerate(trend.mean) if value is None] == [10]
    assert trend.times[10] == TODAY + 10 * SECOND


def test_a_bad_sample_is_a_gap_in_a_trend_of_samples(store: SqliteStore) -> None:
    store.write([reading(TODAY), bad(TODAY + SECOND), reading(TODAY + 2 * SECOND)])
    (trend,) = store.trends([POWER], TODAY, TODAY + HOUR, 1_000)
    assert (list(trend.mean), list(trend.bad)) == ([1.0, None, 1.0], [0, 1, 0])


def test_a_backup_is_a_history_with_the_same_samples(store: SqliteStore, tmp_path: Path) -> None:
    store.write([reading(TODAY + n * SECOND) for n in range(500)])
    store.backup(tmp_path / "copy.db")
    with SqliteStore(tmp_path / "copy.db") as copy:
        assert copy.statistics().samples == 500


def test_a_backup_is_made_while_writing_goes_on(store: SqliteStore, tmp_path: Path) -> None:
    store.write([reading(TODAY + n, {f"p{m}": float(n) for m in range(100)}) for n in range(1_500)])
    began, wrote = threading.Event(), threading.Event()

    def progress(share: float) -> None:
        began.set()
        assert wrote.wait(10)

    def write() -> None:
        assert began.wait(10)
        store.write([reading(TODAY + HOUR)])
        wrote.set()

    writing = threading.Thread(target=write)
    writing.start()
    store.backup(tmp_path / "copy.db", progress=progress)
    writing.join()
    with SqliteStore(tmp_path / "copy.db", read_only=True) as copy:
        assert copy.statistics().samples == 150_000
    assert store.statistics().samples == 150_001


def test_a_backup_that_fails_leaves_no_half_copy(store: SqliteStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no folder"):
        store.backup(tmp_path / "nowhere" / "copy.db")
    with pytest.raises(StoreError, match="is the history itself"):
        store.backup(store.path)
    assert list(tmp_path.glob("*.part")) == []


def test_more_readers_than_connections_wait_for_their_turn(store: SqliteStore) -> None:
    store.write([reading(TODAY + n) for n in range(100)])
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(store.statistics().samples)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert counts == [100] * 20


@pytest.mark.parametrize("limits", [{"keep": 0.0}, {"keep_rollups": -1.0}, {"max_bytes": 0}])
def test_limits_are_more_than_nothing(path: Path, limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(limits))} is more than 0"):
        SqliteStore(path, **limits)  # type: ignore[arg-type]


def block(device: str, points: str, time: int = TODAY) -> Readings:
    names = tuple(points.split())
    return Readings(device, time, names, [1.0] * len(names))


def test_the_series_of_one_batch_get_numbers_that_follow_each_other(store: SqliteStore, path: Path) -> None:
    store.write([block("a", "x y"), block("b", "x y"), block("a", "z y", TODAY + 1)])
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT id, device, point FROM series ORDER BY id").fetchall()
    assert rows == [(1, "a", "x"), (2, "a", "y"), (3, "b", "x"), (4, "b", "y"), (5, "a", "z")]


def test_series_that_are_known_keep_their_numbers_beside_new_ones(path: Path) -> None:
    with SqliteStore(path) as store:
        store.write([block("a", "x")])
        store.write([block("b", "x")])
    with SqliteStore(path) as store:
        store.write([block("a", "w x y", TODAY + 1)])
        assert [sample.time for sample in store.samples(Series("a", "x"), 0, TODAY + DAY)] == [
            TODAY,
            TODAY + 1,
        ]
        for point in ("w", "y"):
            assert [one.time for one in store.samples(Series("a", point), 0, TODAY + DAY)] == [TODAY + 1]


def test_a_point_twice_in_one_block_is_one_series(store: SqliteStore) -> None:
    store.write([block("a", "x x")])
    assert store.series() == [Series("a", "x")]


def test_series_of_a_batch_that_was_undone_are_begun_anew(store: SqliteStore) -> None:
    with pytest.raises(ValueError, match="have 1 values for 2 points"):
        store.write([block("a", "x"), Readings("b", TODAY, ("x", "y"), [1.0])])
    store.write([block("b", "x"), block("a", "x")])
    assert [next(iter(store.samples(one, 0, TODAY + DAY))).value for one in store.series()] == [1.0, 1.0]
    assert store.series() == [Series("a", "x"), Series("b", "x")]
