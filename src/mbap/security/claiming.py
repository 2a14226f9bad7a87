"""One process at a time: a lock on an open file, which ends with the process however that ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

_BEYOND: Final = 1 << 30

if sys.platform == "win32":
    import msvcrt

    def _take(fd: int) -> None:
        os.lseek(fd, _BEYOND, os.SEEK_SET)  # what is locked cannot be read there, and others want to read
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock(fd: int, path: Path) -> None:
    """Lock the open file *fd*, which stands for *path*, until it is closed.

    Raises:
        OSError: another process has it.
    """
    try:
        _take(fd)
    except OSError as error:
        raise OSError(
            f"{path} is being written by another process: give each process a file of its own"
        ) from error
