"""Noticing that a file has changed, on every system: by looking at it again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

LOOK_EVERY: Final = 2.0
"""Seconds between two looks."""

State = tuple[int, int, int] | None


class FileWatch:
    """Tells when a file has become another one.

    A change counts when the file looks the same at two looks in a row: what is still being written is left
    alone. A file that is gone is no change; one that comes back is, when it is not what it was.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = self._seen = self._look()

    def changed(self) -> bool:
        """Look; whether it has changed since this was true the last time, or since the beginning."""
        before, self._seen = self._seen, self._look()
        if self._seen is None or self._seen != before or self._seen == self._known:
            return False
        self._known = self._seen
        return True

    def _look(self) -> State:
        try:
            now = self._path.stat()
        except OSError:
            return None
        return now.st_mtime_ns, now.st_size, now.st_ino


async def watch(file: FileWatch, changed: Callable[[], object], *, every: float = LOOK_EVERY) -> None:
    """Call *changed* whenever *file* has changed, until cancelled."""
    while True:
        await asyncio.sleep(every)
        if await asyncio.to_thread(file.changed):
            changed()
