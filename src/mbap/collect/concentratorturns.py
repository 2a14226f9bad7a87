"""One write at a time to each device, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mbap.errors import QueueFull

MOST_WAITING: Final = 100
"""So many writes may wait for those before them, of each device."""


class Turns:
    """Gives each who wants to write to a device a turn of its own.

    Args:
        patience: seconds that somebody waits for it.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}

    @asynccontextmanager
    async def of(self, device: str) -> AsyncIterator[None]:
        """The turn of whoever enters this, for as long as it is not left.

        Raises:
            QueueFull: too many wait already, or it did not come in time.
        """
        lock = self._locks.setdefault(device, asyncio.Lock())
        await self._wait(device, lock)
        try:
            yield
        finally:
            lock.release()

    async def _wait(self, device: str, lock: asyncio.Lock) -> None:
        if self._waiting.get(device, 0) >= MOST_WAITING:
            raise QueueFull(f"{MOST_WAITING} writes to {device} wait already")
        self._waiting[device] = self._waiting.get(device, 0) + 1
        try:
            async with asyncio.timeout(self._patience):
                await lock.acquire()
        except TimeoutError:
            raise QueueFull(f"writes to {device} took more than {self._patience:g} s") from None
        finally:
            self._waiting[device] -= 1
