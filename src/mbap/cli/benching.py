"""Reading a device again and again, within limits, and counting: what `mbap bench` does."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal

from mbap.client.asynchronous import AsyncClient
from mbap.client.quirks import Quirks
from mbap.collect.counters import quality_of
from mbap.errors import ModbusError
from mbap.protocol.pdu import Request
from mbap.transport.endpoint import parse_endpoint

if TYPE_CHECKING:
    from mbap.transport.tls import TLS

FAILURES_IN_A_ROW = 5
"""After so many, for each read under way, the device is left alone."""

Clock = Callable[[], float]
Ending = Literal["time", "count", "failures", "interrupted"]


class Latencies:
    """How long answers took: counts of durations with three digits each, which are never too many to keep."""

    def __init__(self) -> None:
        self._counts: Counter[float] = Counter()
        self._total = 0.0

    def __len__(self) -> int:
        return self._counts.total()

    def record(self, seconds: float) -> None:
        """Take one in."""
        self._counts[float(f"{seconds:.2e}")] += 1
        self._total += seconds

    def quantile(self, share: float) -> float | None:
        """The duration in seconds that *share* of them do not exceed; None when there are none."""
        wanted, seen = share * len(self), 0
        for seconds in sorted(self._counts):
            seen += self._counts[seconds]
            if seen >= wanted:
                return seconds
        return None

    @property
    def mean(self) -> float | None:
        """In seconds; None when there are none."""
        return self._total / len(self) if len(self) else None


@dataclass(frozen=True, slots=True)
class Load:
    """How a device is asked, and when that ends.

    Attributes:
        requests: asked in turns, by each of those who ask.
        seconds, count: whichever is reached first ends it.
        pause: seconds that each of those who ask leaves between an answer and its next request.
        timeout: seconds for one answer, and for the connection; None leaves it to the client.
    """

    url: str
    unit: int | None
    requests: Sequence[Request[Any]]
    connections: int = 1
    outstanding: int = 1
    seconds: float = 5.0
    count: int = 1000
    pause: float = 0.0
    timeout: float | None = None
    quirks: Quirks = field(default_factory=Quirks)
    tls: TLS | None = None

    @property
    def asking(self) -> int:
        """How many requests are under way at once, at most."""
        return self.connections * self.outstanding


class Bench:
    """One run: `run` reads until a limit is reached; the figures can be looked at meanwhile.

    Attributes:
        unit: whom it asks.
        latencies: of the reads that succeeded.
        errors: how many reads failed, by what happened: `timeout`, `connection`, `exception 2`, `protocol`.
        first_error: the first of them.
        ended: what ended it; None while it runs.
        elapsed: seconds from the first request to the end.
    """

    def __init__(self, load: Load, clock: Clock = time.perf_counter) -> None:
        unit = parse_endpoint(load.url).unit if load.unit is None else load.unit
        self.load = load
        self.unit = 1 if unit is None else unit
        self.latencies = Latencies()
        self.errors: Counter[str] = Counter()
        self.first_error: ModbusError | None = None
        self.ended: Ending | None = None
        self.elapsed = 0.0
        self._clock = clock
        self._begun: float | None = None
        self._left = load.count
        self._in_a_row = 0

    @property
    def share(self) -> float:
        """How much of it is over, 0 to 1: of the time or of the count, whichever is further."""
        over = 0.0 if self._begun is None else (self._clock() - self._begun) / self.load.seconds
        return min(1.0, max(over, len(self.latencies) / self.load.count))

    async def run(self) -> None:
        """Read until a limit is reached, or until cancelled: then what was measured stands, too.

        Raises:
            ConnectFailed: there is no connection at the beginning.
        """
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(self._client()) for _ in range(self.load.connections)]
            self._begun = self._clock()
            try:
                await asyncio.wait_for(self._ask_all(clients), self.load.seconds)
            except TimeoutError:
                self.ended = "time"
            except asyncio.CancelledError:
                self.ended = "interrupted"
            finally:
                self.elapsed = self._clock() - self._begun

    def _client(self) -> AsyncClient:
        load = self.load
        return AsyncClient(
            load.url,
            unit=load.unit,
            timeout=load.timeout,
            outstanding=load.outstanding,
            quirks=load.quirks,
            tls=load.tls,
        )

    async def _ask_all(self, clients: Iterable[AsyncClient]) -> None:
        async with asyncio.TaskGroup() as group:
            for client in clients:
                for _ in range(self.load.outstanding):
                    group.create_task(self._ask(client))

    async def _ask(self, client: AsyncClient) -> None:
        for request in cycle(self.load.requests):
            if self._left <= 0 or self.ended is not None:
                self.ended = self.ended or "count"
                return
            self._left -= 1
            await self._one(client, request)
            if self.load.pause:
                await asyncio.sleep(self.load.pause)

    async def _one(self, client: AsyncClient, request: Request[Any]) -> None:
        begun = self._clock()
        try:
            await client.execute(request)
        except ModbusError as error:
            self.errors[quality_of(error).reason] += 1
            self.first_error = self.first_error or error
            self._in_a_row += 1
            if self._in_a_row >= FAILURES_IN_A_ROW * self.load.asking:
                self.ended = "failures"
        else:
            self.latencies.record(self._clock() - begun)
            self._in_a_row = 0
