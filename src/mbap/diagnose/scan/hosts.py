"""Hosts that speak Modbus: a few at once, so many connections a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

from mbap.diagnose.scan.host import Host, Manner, Place, Shut, look_at


@dataclass(frozen=True, slots=True)
class Gentleness:
    """How much is done: places looked at at once, and connections begun a second."""

    at_once: int = 16
    rate: float = 50.0


async def scan(
    places: Sequence[Place],
    manner: Manner,
    gentleness: Gentleness,
    tell: Callable[[float], None] = lambda _share: None,
    shut: Callable[[Shut], None] = lambda _why: None,
) -> AsyncIterator[Host]:
    """Who is at *places*, as they are found; *shut* is called for each at which nobody is."""
    found: asyncio.Queue[Host | None] = asyncio.Queue()
    ahead, pace = iter(places), _Pace(gentleness.rate)
    done = 0

    async def work(ahead: Iterator[Place]) -> None:
        nonlocal done
        for place in ahead:
            await pace.wait()
            host = await look_at(place, manner, pace.wait)
            done += 1
            tell(done / len(places))
            if isinstance(host, Shut):
                shut(host)
            else:
                found.put_nowait(host)

    workers = [asyncio.create_task(work(ahead)) for _ in range(min(gentleness.at_once, len(places)))]
    ending = asyncio.create_task(_then_end(workers, found))
    try:
        while (host := await found.get()) is not None:
            yield host
        await ending
    finally:
        for task in (*workers, ending):
            task.cancel()
        await asyncio.gather(*workers, ending, return_exceptions=True)


async def _then_end(workers: Sequence[asyncio.Task[None]], found: asyncio.Queue[Host | None]) -> None:
    try:
        await asyncio.gather(*workers)
    finally:
        found.put_nowait(None)


class _Pace:
    """Lets so many begin in a second."""

    def __init__(self, rate: float) -> None:
        self._apart = 1 / rate
        self._next = 0.0

    async def wait(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next = max(self._next + self._apart, now)
        await asyncio.sleep(self._next - now)
