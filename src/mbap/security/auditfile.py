"""The file of an audit trail: chained lines; begun anew when large or old, taken up again after a kill."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from mbap.records import Record
from mbap.security.auditrecord import fields, moment
from mbap.security.chain import START, Link, forge, link_of
from mbap.security.claiming import lock
from mbap.security.events import Detail, Event

HEAD: Final = ".head"
"""After the file's name: the file that has the number and digest of the last line written."""
_HEAD_SIZE: Final = 20 + 1 + 64 + 1
_PRIVATE: Final = 0o600
_LONGEST_LINE: Final = 64 * 1024


class Keeping(Record):
    """How much of a trail is kept.

    Attributes:
        size: bytes of one file, after which the next begins.
        age: seconds after which the next begins, whatever its size.
        files: how many there are at most, with the one being written; the oldest is removed.
    """

    size: int = 16 * 1024 * 1024
    age: float = 7 * 86_400.0
    files: int = 20

    @property
    def bytes(self) -> int:
        """What all of them may take together."""
        return self.size * self.files


def files_of(path: Path) -> list[Path]:
    """The files of the trail at *path* that there are, the oldest first."""
    older = sorted(path.parent.glob(f"{path.stem}.{'[0-9]' * 12}{path.suffix}"))
    return [*older, *([path] if path.exists() else [])]


def read_key(path: Path) -> bytes:
    """The key of a trail in the file *path*, without a line end.

    Raises:
        OSError: it cannot be read.
        ValueError: there is none in it, or others than its owner may read it.
    """
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ValueError(f"{path} is a secret, and others may read it: chmod 600 {path}")
    key = path.read_bytes().rstrip(b"\r\n")
    if not key:
        raise ValueError(f"{path} is empty: a key is one line, best of 32 random bytes in hexadecimal")
    return key


def read_head(path: Path) -> Link | None:
    """The last line of the trail at *path*, as its writer noted it; None where there is no such note."""
    try:
        number, digest = path.with_name(path.name + HEAD).read_text("ascii").split()
        return Link(int(number), digest)
    except (OSError, ValueError):
        return None


class AuditFile:
    """Appends to the trail at *path*; for one thread of one process, which it makes sure of.

    Args:
        now: UTC microseconds.
        key: with it, nobody who lacks it can make a chain that holds.

    Attributes:
        last: the place of the last line.
        total: bytes of all files of the trail.

    Raises:
        OSError: it cannot be opened, or another process writes it.
    """

    def __init__(
        self,
        path: Path,
        keeping: Keeping | None = None,
        key: bytes = b"",
        now: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self._path, self._keeping, self._key, self._now = path, keeping or Keeping(), key, now
        path.parent.mkdir(parents=True, exist_ok=True)
        self._head = _opened(path.with_name(path.name + HEAD))
        try:
            lock(self._head, path)
            self.last, self.total = START, 0
            self._size, self._begun, self._first = 0, 0, 1
            self._fd, self._dirty = -1, False
            self._take_up()
        except BaseException:
            os.close(self._head)
            raise

    def append(self, events: Sequence[Mapping[str, object]]) -> None:
        """Write *events*, all of them or none.

        Raises:
            OSError: the disk is full, or broken; nothing is left behind of it.
        """
        if self._fd < 0:
            self._open()  # it could not be begun anew before
        if events and self._due():
            self._begin_anew()
        if not events:
            return
        self._write(events)

    def note(self, reason: str, details: Mapping[str, Detail] | None = None) -> None:
        """Write an event about the trail itself; raises like `append`."""
        self._write([self._about(reason, details or {})])

    def sync(self) -> None:
        """Return when all that was written is on the disk; raises like `append`."""
        if self._dirty:
            os.fsync(self._fd)
            self._dirty = False

    def close(self) -> None:
        """Close it; other processes may write it then."""
        if self._fd >= 0:
            os.close(self._fd)
        os.close(self._head)
        self._fd = self._head = -1

    def _about(self, reason: str, details: Mapping[str, Detail]) -> dict[str, object]:
        return fields(Event("audit", self._now(), None, {"reason": reason, **details}))

    # --- writing ---

    def _write(self, events: Sequence[Mapping[str, object]]) -> None:
        link, lines = self.last, []
        for one in events:
            line, link = forge(link, one, self._key)
            lines.append(line + b"\n")
        data = b"".join(lines)
        try:
            _write_all(self._fd, data)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._dirty, self._begun = True, self._begun or self._now()
        self.last, self._size, self.total = link, self._size + len(data), self.total + len(data)
        os.lseek(self._head, 0, os.SEEK_SET)
        _write_all(self._head, f"{link.number:020d} {link.digest}\n".encode("ascii"))

    def _due(self) -> bool:
        if not self._size:
            return False
        return self._size >= self._keeping.size or self._now() - self._begun >= self._keeping.age * 1e6

    def _begin_anew(self) -> None:
        older = self._free_name()
        os.fsync(self._fd)
        os.close(self._fd)
        self._fd = -1
        try:
            self._path.replace(older)
            self._first, self._begun = self.last.number + 1, 0
        finally:
            self._open()
        removed = self._remove_oldest()
        self._write([self._about("begun anew", {"before": older.name, "removed": removed or None})])

    def _free_name(self) -> Path:
        """For the file that is full; where somebody meddled there may be one of that name, which stays."""
        number = self._first
        while (path := self._path.with_name(f"{self._path.stem}.{number:012d}{self._path.suffix}")).exists():
            number += 1
        return path

    def _remove_oldest(self) -> list[str]:
        too_many = files_of(self._path)[: -self._keeping.files]
        for one in too_many:
            one.unlink()
        self.total = sum(one.stat().st_size for one in files_of(self._path))
        return [one.name for one in too_many]

    # --- opening ---

    def _open(self) -> None:
        self._fd = _opened(self._path, os.O_APPEND)
        self._size = os.fstat(self._fd).st_size
        self.total = sum(one.stat().st_size for one in files_of(self._path))

    def _take_up(self) -> None:
        """Go on where the trail ends, and say in it what is not as it was left."""
        head = read_head(self._path)
        self._open()
        torn = self._cut_torn_line()
        found = self._end_of_trail()
        self.last = found or head or START
        said: dict[str, Detail] = {"torn": torn or None}
        if head is not None and (found or START).number < head.number:
            said["missing_from"], said["missing_to"] = (found or START).number + 1, head.number
        reason = "begun" if self.last == START else "taken up"
        try:
            self.note(reason, said)
        except OSError:
            os.close(self._fd)
            raise

    def _cut_torn_line(self) -> str:
        """What was being written when the process was killed: half a line vouches for nothing."""
        tail = self._tail(self._size)
        torn = tail[tail.rfind(b"\n") + 1 :]
        if torn:
            self._size -= len(torn)
            os.ftruncate(self._fd, self._size)
        return torn.decode("ascii", "backslashreplace")[:200]

    def _end_of_trail(self) -> Link | None:
        """The last line's place, and from where and when this file is."""
        for path in reversed(files_of(self._path)):
            with path.open("rb") as file:
                first = file.readline(_LONGEST_LINE).rstrip(b"\n")
                file.seek(max(0, path.stat().st_size - _LONGEST_LINE))
                last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
            if not first:
                continue
            if path == self._path:
                self._begun, self._first = _time_of(first) or self._now(), _number_of(first)
            link = link_of(last)
            if link is not None:
                self._first = self._first if path == self._path else link.number + 1
                return link
        return None

    def _tail(self, size: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(max(0, size - _LONGEST_LINE))
            return file.read()


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of one file, without their ends; the last one may be cut off, and then ends with `\\x00`."""
    with path.open("rb") as file:
        for line in file:
            yield line[:-1] if line.endswith(b"\n") else line + b"\0"


def _opened(path: Path, flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | flags | getattr(os, "O_BINARY", 0), _PRIVATE)


def _write_all(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def _number_of(line: bytes) -> int:
    link = link_of(line)
    return link.number if link else 1


def _time_of(line: bytes) -> int:
    import json

    try:
        return moment(json.loads(line)["ts"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0
