"""A poller in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mbap.collect.clock import RELEASED, SECOND, SiteClock
from mbap.collect.device import PolledDevice
from mbap.collect.poller import Poller
from mbap.collect.readings import Quality, Readings
from mbap.collect.stream import Stream
from mbap.protocol.execute import Executor
from support.fake_time import run_virtual

TODAY = RELEASED / SECOND + 1e6
START = 1000.0


class Site:
    """A poller in virtual time, and everything that it published."""

    def __init__(
        self,
        *devices: tuple[PolledDevice, Executor],
        wall: Callable[[], float] | None = None,
        floor: int | None = None,
        report_every: float | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.loop = loop
        self.clock = SiteClock(loop.time, wall or (lambda: TODAY + loop.time() - START), floor)
        self.stream: Stream[Readings] = Stream()
        self.subscription = self.stream.subscribe(100_000)
        self.previewed: list[Readings] = []
        self.poller = Poller(
            devices, self.stream, self.clock, report_every=report_every, preview=self.previewed.append
        )
        self.running: asyncio.Task[None] | None = None

    async def run(self, seconds: float) -> list[Readings]:
        """Let *seconds* pass; gives what was published in them."""
        if self.running is None:
            self.running = asyncio.ensure_future(self.poller.run())
        await asyncio.sleep(seconds)
        return self.subscription.take_now()

    async def end(self) -> list[Readings]:
        self.poller.stop()
        if self.running is not None:
            await self.running
        return self.subscription.take_now()


def virtual(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Make a coroutine a test that runs in virtual time."""

    async def scenario() -> None:
        await test()

    def run() -> None:
        run_virtual(scenario(), START)

    run.__name__ = test.__name__
    return run


def raising(*errors: Exception) -> Callable[[], Exception]:
    """Makes *errors* in turn, and the last one for ever."""
    left = list(errors)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def qualities(readings: list[Readings]) -> set[Quality]:
    return {item.quality(index) for item in readings for index in range(len(item.points))}
