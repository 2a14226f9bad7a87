"""One process at a time: a lock on an open file, which ends with the process however that ends."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _take(fd: int) -> None:
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
