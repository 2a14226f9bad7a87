"""The file of a SQLite history: connections to it, the lock of its one writer, its errors as sentences."""

from __future__ import annotations

import os
import queue
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mbap.sinks.base import StoreError

BUSY_SECONDS = 1.0
READERS = 4
"""How many threads can read at the same moment; the next one waits for its turn."""

_TURN_SECONDS = 30.0
_CHECKPOINT_PAGES = 4_000
_CACHE_KIB = 32_768
_BACKUP_PAGES = 2_000


def connect_writer(path: Path) -> sqlite3.Connection:
    """The connection that writes, for whichever thread holds the store's lock."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # matters only while the file is empty
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # decision 0010: acknowledged means on the disk
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_CHECKPOINT_PAGES * 4096}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read, and never waits for the writer."""
    try:
        return _open_reader(path, "mode=ro")
    except sqlite3.OperationalError:
        if beside(path, "-wal").exists():
            raise
        # A folder without write permission: SQLite cannot make its shared-memory file there, and where there
        # is no WAL it does not need one.
        return _open_reader(path, "mode=ro&immutable=1")


def _open_reader(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?{options}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def beside(path: Path, ending: str) -> Path:
    """The file beside *path* whose name has *ending* appended."""
    return path.with_name(path.name + ending)


def bytes_on_disk(path: Path) -> int:
    """The size of the database and of its write-ahead log."""
    return sum(file.stat().st_size for file in (path, beside(path, "-wal")) if file.exists())


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, begun as a writer so that it cannot fail halfway for want of the lock."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class Readers:
    """A few connections for reading, lent to one thread at a time; `READERS` at most, made when needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closed = False
        self._free: queue.LifoQueue[sqlite3.Connection | None] = queue.LifoQueue()
        for _ in range(READERS):
            self._free.put(None)

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a read transaction: all that is read there is of one moment."""
        connection = self._take()
        try:
            if connection is None:
                connection = connect_reader(self._path)
            connection.execute("BEGIN")
            yield connection
        finally:
            if connection is not None and connection.in_transaction:
                connection.execute("ROLLBACK")
            if connection is not None and self._closed:
                connection.close()
                connection = None
            self._free.put(connection)

    def _take(self) -> sqlite3.Connection | None:
        if self._closed:
            raise StoreError(f"{self._path} is closed")
        try:
            return self._free.get(timeout=_TURN_SECONDS)
        except queue.Empty:
            raise StoreError(
                f"{self._path} is busy: {READERS} queries have been running for {_TURN_SECONDS:.0f} s"
            ) from None

    def close(self) -> None:
        """Close every connection; waits for those that are lent."""
        if self._closed:
            return
        self._closed = True
        for _ in range(READERS):
            connection = self._take_back()
            if connection is not None:
                connection.close()

    def _take_back(self) -> sqlite3.Connection | None:
        try:
            return self._free.get(timeout=BUSY_SECONDS)
        except queue.Empty:
            return None


class WriterLock:
    """Keeps a second process from writing the same history; gone with the process, however it ends.

    It is a transaction held open in a small SQLite file beside the history: the one lock that is there on
    every system, and needs no clean end. The file stays; what counts is the lock on it.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            beside(path, ".lock"), timeout=0.0, isolation_level=None, check_same_thread=False
        )
        try:
            self._connection.execute("PRAGMA journal_mode = MEMORY")
            self._connection.execute(f"PRAGMA user_version = {os.getpid()}")
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            holder = self._holder()
            self._connection.close()
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise StoreError(
                f"{path} is written by another process{holder}: end that one, or give this one its own file"
            ) from error

    def _holder(self) -> str:
        try:
            (number,) = self._connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error:
            return ""
        return f" (process {number})"

    def release(self) -> None:
        """Let others write."""
        self._connection.close()


def check_path(path: Path, *, read_only: bool) -> None:
    """Raises `StoreError` where *path* cannot be a history, in the words of files and folders."""
    if path.is_dir():
        raise StoreError(f"{path} is a folder: name a file in it, such as {path / 'history.db'}")
    if read_only and not path.exists():
        raise StoreError(f"there is no history file {path}: check the name")
    if not path.parent.is_dir():
        raise StoreError(f"there is no folder {path.parent} for the history: make it, or name another one")


def online_backup(source: sqlite3.Connection, target: Path, progress: Callable[[float], None] | None) -> None:
    """Copy the snapshot that *source* is in to *target*; half a copy never has that name."""
    partial = beside(target, ".part")
    partial.unlink(missing_ok=True)

    def tell(_: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(1.0 - remaining / total if total else 1.0)

    try:
        source.execute("SELECT count(*) FROM sqlite_master").fetchall()  # the snapshot begins with a read
        with closing(sqlite3.connect(partial)) as copy:
            source.backup(copy, pages=_BACKUP_PAGES, progress=tell, sleep=0.0)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into `StoreError`: one sentence, and what to try."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_sentence(path, error)) from error
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"{path} cannot be used: {error.strerror or error}") from error


def _sentence(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code is the lowest byte
    said, advice = _MEANINGS.get(code, (f"cannot be used: {error}", "check the disk and the file"))
    return f"{path} {said}: {advice}"


_MEANINGS = {
    sqlite3.SQLITE_NOTADB: (
        "is not a database",
        "it may be another file, or damaged; name another file, or move this one away",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "move it away and begin a new one; `sqlite3 FILE .dump` gives what can still be read",
    ),
    sqlite3.SQLITE_FULL: ("cannot grow", "the disk is full; make room, or keep less with keep or max_bytes"),
    sqlite3.SQLITE_IOERR: (
        "cannot be written or read",
        "the disk reports an error: it is full, over quota, failing, or was taken away",
    ),
    sqlite3.SQLITE_BUSY: (
        "is locked by another process",
        "end whatever holds it, such as an open SQLite tool, or wait for it",
    ),
    sqlite3.SQLITE_LOCKED: ("is locked", "a query of this process still holds it; try again"),
    sqlite3.SQLITE_READONLY: ("cannot be written", "check the permissions of the file and of its folder"),
    sqlite3.SQLITE_PERM: ("cannot be opened", "check the permissions of the file and of its folder"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check the permissions of the file and of its folder"),
}
