"""The parts of a running site: tasks of which none may end while the site runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable

from mbap.sinks.base import StoreError

_log = logging.getLogger("mbap.site")


class PartFailed(Exception):
    """A part of the site ended, which takes the site with it: says which and why."""


class Parts:
    """Runs each part as a task, and knows when the first of them fails."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failed = asyncio.Event()
        self._failure: PartFailed | None = None

    def begin(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Run *work*, which goes on until it is told or cancelled to end."""
        task = asyncio.get_running_loop().create_task(work, name=f"mbap {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda task: self._ended(name, task))

    async def wait(self) -> None:
        """Wait for ever, unless a part ends before it was let go.

        Raises:
            PartFailed: it did.
        """
        await self._failed.wait()
        if self._failure is not None:
            raise self._failure

    def let_go(self, name: str) -> asyncio.Task[None] | None:
        """The task of the part *name*, which may end from now on; None when it never began."""
        return self._tasks.pop(name, None)

    async def cancel(self) -> None:
        """End all that were not let go."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        await ended(tasks, cancel=True)

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if self._tasks.get(name) is not task and error is None:
            return
        expected = isinstance(error, OSError | StoreError | ValueError)
        reason = (
            str(error) if expected else f"{type(error).__name__}: {error}" if error else "nobody knows why"
        )
        _log.error("%s ended: %s", name, reason, exc_info=None if expected else error)
        self._failure = self._failure or PartFailed(f"{name} ended: {reason}")
        self._failed.set()


async def ended(tasks: Iterable[asyncio.Task[None]], *, cancel: bool = False) -> None:
    """Wait until *tasks* are over, however they end; their errors were said by their parts."""
    waiting = list(tasks)
    for task in waiting if cancel else ():
        task.cancel()
    if waiting:
        await asyncio.wait(waiting)
