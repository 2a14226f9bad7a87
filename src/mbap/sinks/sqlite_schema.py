"""The tables of a SQLite history, their version, and the way from older versions.

`docs/reference/history.md` explains them to whoever queries the file with other tools.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from mbap.sinks import sqlite_reads
from mbap.sinks.base import StoreError
from mbap.sinks.sqlite_file import transaction

APPLICATION_ID = 0x6D626170
"""`mbap` in ASCII: what `file` and SQLite tools see in the header."""

VERSION = 2

Migration = Callable[[sqlite3.Connection], None]

_VERSION_1 = """
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    point TEXT NOT NULL,
    UNIQUE (device, point)
);
CREATE TABLE samples (
    series INTEGER NOT NULL REFERENCES series (id),
    time INTEGER NOT NULL,
    value,
    quality INTEGER NOT NULL,
    PRIMARY KEY (series, time)
) WITHOUT ROWID;
CREATE TABLE rollups (
    step INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series (id),
    time INTEGER NOT NULL,
    count INTEGER NOT NULL,
    bad INTEGER NOT NULL,
    low REAL,
    high REAL,
    total REAL NOT NULL,
    first REAL,
    last REAL,
    PRIMARY KEY (step, series, time)
) WITHOUT ROWID;
CREATE TABLE levels (
    step INTEGER PRIMARY KEY,
    complete_to INTEGER,
    kept_from INTEGER NOT NULL
);
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE VIEW readable_samples AS
    SELECT device, point, strftime('%Y-%m-%dT%H:%M:%f', time / 1e6, 'unixepoch') || 'Z' AS utc, value, quality
    FROM samples JOIN series ON series.id = samples.series;
CREATE VIEW readable_rollups AS
    SELECT step, device, point, strftime('%Y-%m-%dT%H:%M:%SZ', time / 1000000, 'unixepoch') AS utc,
           count, bad, low, CASE WHEN count THEN total / count END AS mean, high, first, last
    FROM rollups JOIN series ON series.id = rollups.series;
INSERT INTO levels VALUES (0, NULL, 0), (60, NULL, 0), (900, NULL, 0), (3600, NULL, 0), (86400, NULL, 0);
INSERT INTO counters VALUES ('samples', 0), ('duplicates', 0), ('too_old', 0);
"""

_BLOCKS = """
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    UNIQUE (first, last)
);
"""


def _to_reads(connection: sqlite3.Connection) -> None:
    """Version 2: reads are stored as rows; the samples that are there stay as they are, as single ones."""
    connection.execute("DROP VIEW readable_samples")
    connection.execute("ALTER TABLE samples RENAME TO singles")
    _run(connection, _BLOCKS + sqlite_reads.schema())


MIGRATIONS: Mapping[int, Migration] = {1: _to_reads}
"""From version n to n + 1, under the key n. Each runs in one transaction with its change of version."""


def prepare(
    connection: sqlite3.Connection,
    path: Path,
    migrations: Mapping[int, Migration] = MIGRATIONS,
    version: int = VERSION,
) -> None:
    """Make a new file a history, or bring an older one to *version*, step by step.

    Raises:
        StoreError: it is a database of something else, or of a newer version.
    """
    if _is_empty(connection):
        _create(connection)
    for step in range(_identify(connection, path, version), version):
        with transaction(connection):
            migrations[step](connection)
            connection.execute(f"PRAGMA user_version = {step + 1}")


def recognise(connection: sqlite3.Connection, path: Path) -> None:
    """Raises `StoreError` unless *connection* is to a history that can be written, or to an empty file."""
    if not _is_empty(connection):
        _identify(connection, path, VERSION)


def check(connection: sqlite3.Connection, path: Path, version: int = VERSION) -> None:
    """Raises `StoreError` unless *connection* is to a history of exactly *version*."""
    found = _identify(connection, path, version)
    if found < version:
        raise StoreError(
            f"{path} was written by an older mbap (its version is {found}, this one knows {version}): "
            "it is brought up to date when it is opened for writing"
        )


def _identify(connection: sqlite3.Connection, path: Path, version: int) -> int:
    """The version of the history in *connection*, not above *version*."""
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise StoreError(f"{path} is a SQLite database, but not a history of mbap: name another file")
    found = _pragma(connection, "user_version")
    if found > version:
        raise StoreError(
            f"{path} was written by a newer mbap (its version is {found}, this one knows {version}): "
            "update this one"
        )
    return found


def _is_empty(connection: sqlite3.Connection) -> bool:
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return objects == 0 and _pragma(connection, "application_id") == 0


def _create(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        _run(connection, _VERSION_1)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")


def _run(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        connection.execute(statement)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (number,) = connection.execute(f"PRAGMA {name}").fetchone()
    assert isinstance(number, int)
    return number
