"""What all clients that are compared share: the clock, the checks, the two ways to share out the reads.

Each read is of 125 holding registers from address 0, whose values are 0 to 124; each answer is checked.
Connections are open and 1,600 reads done before the clock starts.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Sequence

from bench.contenders.ground import COUNT

Work = Callable[[int], None]
"""Does so many reads."""
AsyncWork = Callable[[int], Awaitable[None]]
Read = Callable[[], Sequence[int]]
AsyncRead = Callable[[], Awaitable[Sequence[int]]]

WARM_UP = 1600


def check(values: Sequence[int]) -> None:
    """Raise ValueError when *values* are not what was asked for."""
    if len(values) != COUNT or values[0] != 0 or values[COUNT - 1] != COUNT - 1:
        raise ValueError("wrong values")


def report(reads: int, wall: float, cpu: float) -> None:
    """Print the figures for whoever started this process."""
    print(json.dumps({"rate": reads / wall, "cpu": cpu * 1e6 / reads, "reads": reads}), flush=True)


def time_blocking(work: Work, seconds: float) -> None:
    """Do *work* for about *seconds* and report it."""
    begun = time.perf_counter()
    work(WARM_UP)
    reads = reads_for(seconds, time.perf_counter() - begun)
    cpu, wall = time.process_time(), time.perf_counter()
    work(reads)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    report(reads, wall, cpu)


async def time_async(work: AsyncWork, seconds: float) -> None:
    """Do *work* for about *seconds* and report it."""
    begun = time.perf_counter()
    await work(WARM_UP)
    reads = reads_for(seconds, time.perf_counter() - begun)
    cpu, wall = time.process_time(), time.perf_counter()
    await work(reads)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    report(reads, wall, cpu)


def reads_for(seconds: float, warm_up: float) -> int:
    """How many reads take *seconds*, as a multiple of `WARM_UP`, from what the warm-up took."""
    return max(1, round(seconds / warm_up)) * WARM_UP


def repeated(read: Read) -> Work:
    """Reads one after another."""

    def work(reads: int) -> None:
        for _ in range(reads):
            check(read())

    return work


def in_threads(readers: Sequence[Read]) -> Work:
    """As many threads as *readers*."""

    def work(reads: int) -> None:
        one = [repeated(read) for read in readers]
        threads = [threading.Thread(target=each, args=(reads // len(one),)) for each in one]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return work


def in_tasks(readers: Sequence[AsyncRead]) -> AsyncWork:
    """As many tasks as *readers*; one alone has none of its own."""

    async def repeat(read: AsyncRead, reads: int) -> None:
        for _ in range(reads):
            check(await read())

    async def work(reads: int) -> None:
        if len(readers) == 1:
            await repeat(readers[0], reads)
        else:
            await asyncio.gather(*(repeat(read, reads // len(readers)) for read in readers))

    return work
