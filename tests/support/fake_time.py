"""An event loop whose time is virtual: it never sleeps, it moves its clock to the next timer.

def test_something():
    run_virtual(scenario())

async def scenario():
    await asyncio.sleep(3600)        # returns at once; loop.time() is 3,600 s later
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

STUCK_AFTER = 5.0


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything is ready, and else moves to the next timer at once."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start
        super().__init__(_AdvancingSelector(self))

    def time(self) -> float:
        """The virtual monotonic time."""
        return self.now

    def lose(self, seconds: float) -> None:
        """Let time pass in which the loop does nothing, as if a callback had blocked it."""
        self.now += seconds


class _AdvancingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timeout, moves the loop's clock by it."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; with nothing to wait for but a timer, the clock moves to it."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return self._wait_for_real()
        self._loop.now += timeout
        return ready

    def _wait_for_real(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is planned: only a thread or a socket can go on, and that within a bounded time."""
        ready = super().select(STUCK_AFTER)
        if not ready:
            raise RuntimeError("the virtual loop waits for ever: no timer and nothing ready")
        return ready


def run_virtual(scenario: Coroutine[Any, Any, T], start: float = 1000.0) -> T:
    """Run *scenario* to its end in a loop with virtual time that begins at *start*."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(start)) as runner:
        return runner.run(scenario)


class Clock:
    """A clock to be set by hand: call it for the time, `advance` it, or set `now`."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.now += seconds
