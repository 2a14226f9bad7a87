"""mbap.sinks.sqlite_schema: the version of the file, and the way from older ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mbap.sinks.base import Series, StoreError
from mbap.sinks.sqlite import SqliteStore
from mbap.sinks.sqlite_schema import VERSION, check, prepare
from support.store_contract import DAY, MINUTE, POWER, SECOND, TODAY, reading

VERSION_1 = Path(__file__).with_name("history-version-1.sql")
VERSION_2 = Path(__file__).with_name("history-version-2.sql")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as the first version of mbap left it."""
    return made_of(VERSION_1, tmp_path / "history.db")


def made_of(script: Path, path: Path) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.executescript(script.read_text(encoding="utf-8"))
    return path


def definitions(path: Path) -> list[tuple[str, str]]:
    """How the tables were made, but for the spaces and quotes that SQLite puts in a changed name."""
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return [(name, " ".join(sql.replace('"', "").split())) for name, sql in rows]


@pytest.fixture
def file(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def add_note(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE series ADD COLUMN note TEXT NOT NULL DEFAULT ''")


def drop_missing(connection: sqlite3.Connection) -> None:
    add_note(connection)
    connection.execute("DROP TABLE missing")


def version(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def columns(connection: sqlite3.Connection) -> list[str]:
    return [name for _, name, *_ in connection.execute("PRAGMA table_info(series)")]


def test_a_file_of_the_first_version_opens_and_goes_on(path: Path) -> None:
    with SqliteStore(path) as store:
        assert store.statistics().samples == 240
        (trend,) = store.trends([POWER], TODAY, TODAY + 4 * MINUTE, 4)
        assert list(trend.mean) == [29.5, 89.5, 149.5, 209.5]


def test_the_samples_of_the_first_version_and_new_ones_are_one_series(path: Path) -> None:
    with SqliteStore(path) as store:
        before = list(store.samples(POWER, TODAY, TODAY + DAY))
        store.write([reading(TODAY + 300 * SECOND, {"power": 7.0, "energy": 1})])
        assert [one.value for one in store.samples(POWER, TODAY, TODAY + DAY)] == [*range(240), 7.0]
        assert [one.time for one in before] == [TODAY + n * SECOND for n in range(240)]
        assert store.latest()[POWER].value == 7.0


def test_a_sample_of_the_first_version_wins_against_a_new_one_of_its_time(path: Path) -> None:
    with SqliteStore(path) as store:
        store.write([reading(TODAY + 239 * SECOND, {"power": 7.0, "energy": 1})])
        assert [one.value for one in store.samples(POWER, TODAY, TODAY + DAY)] == [*range(240)]
        assert (store.statistics().samples, store.statistics().duplicates) == (241, 1)


def test_the_roll_ups_go_on_from_the_samples_of_the_first_version(path: Path) -> None:
    with SqliteStore(path) as store:
        store.write([reading(TODAY + 20 * MINUTE, {"power": 7.0, "energy": 1})])
    with closing(sqlite3.connect(path)) as file:
        minutes = "SELECT total FROM rollups WHERE step = 60 AND series = 1 ORDER BY time"
        quarters = "SELECT count, total, last FROM rollups WHERE step = 900 AND series = 1"
        assert file.execute(minutes).fetchall() == [(1770.0,), (5370.0,), (8970.0,), (12570.0,)]
        assert file.execute(quarters).fetchall() == [(240, 28680.0, 239.0)]


def test_the_samples_of_the_first_version_are_kept_as_long_as_others(path: Path) -> None:
    with SqliteStore(path, keep=60) as store:
        store.write([reading(TODAY + 240 * SECOND, {"power": 7.0, "energy": 1})])
        while store.prune(TODAY + 240 * SECOND):
            pass
        assert [one.value for one in store.samples(POWER, TODAY, TODAY + DAY)] == [*range(180, 240), 7.0]
        assert store.statistics().samples == 62


def test_a_file_of_the_first_version_cannot_be_read_before_it_was_written_once(path: Path) -> None:
    with pytest.raises(StoreError, match="was written by an older mbap"):
        SqliteStore(path, read_only=True)
    SqliteStore(path).close()
    with SqliteStore(path, read_only=True) as store:
        assert len(list(store.samples(POWER, TODAY, TODAY + DAY))) == 240


def test_a_file_that_was_brought_up_to_date_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    SqliteStore(path).close()
    SqliteStore(tmp_path / "new.db").close()
    assert definitions(path) == definitions(tmp_path / "new.db")


def test_the_file_of_this_version_has_the_tables_that_were_released(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "new.db").close()
    assert definitions(made_of(VERSION_2, tmp_path / "history.db")) == definitions(tmp_path / "new.db")


def test_a_file_of_the_second_version_opens_and_goes_on(tmp_path: Path) -> None:
    with SqliteStore(made_of(VERSION_2, tmp_path / "history.db")) as store:
        store.write([reading(TODAY + 240 * SECOND, {"power": 7.0, "energy": 9})])
        assert [one.value for one in store.samples(POWER, TODAY, TODAY + DAY)] == [*range(200), 7.0]
        assert [one.value for one in store.samples(Series("pump", "state"), TODAY, TODAY + DAY)] == [
            "on",
            None,
        ]
        assert store.statistics().samples == 404


def test_a_migration_changes_the_tables_and_keeps_the_samples(file: sqlite3.Connection, path: Path) -> None:
    prepare(file, path, migrations={1: add_note}, version=2)
    assert version(file) == 2
    assert "note" in columns(file)
    assert file.execute("SELECT count(*) FROM samples").fetchone() == (240,)


def test_migrations_are_done_one_after_the_other(file: sqlite3.Connection, path: Path) -> None:
    done: list[int] = []
    steps = {1: lambda _: done.append(1), 2: lambda _: done.append(2)}
    prepare(file, path, migrations=steps, version=3)
    assert (done, version(file)) == ([1, 2], 3)


def test_a_migration_that_fails_leaves_the_file_as_it_was(file: sqlite3.Connection, path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        prepare(file, path, migrations={1: drop_missing}, version=2)
    assert version(file) == 1
    assert "note" not in columns(file)


def test_a_file_that_is_up_to_date_is_not_migrated(file: sqlite3.Connection, path: Path) -> None:
    prepare(file, path, migrations={1: add_note}, version=2)
    prepare(file, path, migrations={1: add_note}, version=2)
    assert columns(file).count("note") == 1


def test_a_new_file_gets_every_migration(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "new.db", isolation_level=None)) as file:
        prepare(file, tmp_path / "new.db", migrations={1: add_note}, version=2)
        assert version(file) == 2
        assert "note" in columns(file)


def test_an_older_file_cannot_be_read_only_and_says_what_to_do(file: sqlite3.Connection, path: Path) -> None:
    with pytest.raises(StoreError, match=r"written by an older mbap .* when it is opened for writing"):
        check(file, path, version=2)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_file_is_refused_and_left_alone(
    file: sqlite3.Connection, path: Path, read_only: bool
) -> None:
    file.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match=r"history.db was written by a newer mbap .*: update this one"):
        SqliteStore(path, read_only=read_only)
    assert version(file) == VERSION + 1


def test_there_is_a_migration_from_every_older_version() -> None:
    from mbap.sinks.sqlite_schema import MIGRATIONS

    assert list(MIGRATIONS) == list(range(1, VERSION))
