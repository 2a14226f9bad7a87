"""Reads a trail while it is written: all that is there, then what comes, across files that are begun anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from mbap.security.auditfile import files_of


class Position(NamedTuple):
    """How far a trail was read: which file, told by the system's number of it, and how many bytes."""

    inode: int = 0
    offset: int = 0


def lines_now(path: Path) -> Iterator[tuple[bytes, Position]]:
    """The lines of all files of the trail at *path*, the oldest first, each with where it ends.

    Raises:
        OSError: one cannot be read.
    """
    with ExitStack() as stack:  # all are opened first: one that is begun anew meanwhile gets another name
        files = [stack.enter_context(one.open("rb")) for one in files_of(path)]
        for file in files:
            inode, offset = os.fstat(file.fileno()).st_ino, 0
            for line in file:
                if line.endswith(b"\n"):
                    offset += len(line)
                    yield line[:-1], Position(inode, offset)


def lines_to_come(path: Path, position: Position, wait: Callable[[], None]) -> Iterator[bytes]:
    """The lines after *position*, as they come; *wait* is called where there are none. It does not end."""
    while True:
        found = False
        for one in _files_from(path, position.inode):
            with one.open("rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                position = position if inode == position.inode else Position(inode, 0)
                lines, position = _read(file.fileno(), position)
            found = found or bool(lines)
            yield from lines
        if not found:
            wait()


def _files_from(path: Path, inode: int) -> list[Path]:
    """The file with this *inode* and those after it; all where it is gone."""
    files = files_of(path)
    at = next((at for at, one in enumerate(files) if one.stat().st_ino == inode), 0)
    return files[at:]


def _read(fd: int, position: Position) -> tuple[list[bytes], Position]:
    """The whole lines from *position* on."""
    os.lseek(fd, position.offset, os.SEEK_SET)
    data = b"".join(iter(lambda: os.read(fd, 1 << 20), b""))
    whole = data.rfind(b"\n") + 1
    return data[:whole].split(b"\n")[:-1], Position(position.inode, position.offset + whole)
