"""Executors that need no network: a device in memory that can be late, silent, absent or refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mbap.errors import IllegalDataAddress
from mbap.protocol.execute import Priority
from mbap.protocol.pdu.base import Request
from mbap.server.device import Device

R = TypeVar("R")


@dataclass(frozen=True)
class Asked:
    """One request that came to a fake executor, and how."""

    time: float
    request: Request[object]
    unit: int
    deadline: float | None
    priority: Priority
    origin: str


class FakeExecutor:
    """Carries requests out on a `Device` in memory, after *latency* seconds.

    Attributes:
        asked: every request, with the loop's time at which it came.
        error: makes the error that each request ends with; None: they succeed.
        holes: addresses that exist no longer: whoever asks for one gets exception 2.
        largest: more registers than this give exception 2.
        stubborn: seconds that it goes on after it was cancelled.
    """

    def __init__(self, device: Device | None = None, latency: float = 0.01) -> None:
        self.device = device or Device(
            holding_registers=range(1000), input_registers=range(1000), coils=[True, False] * 50
        )
        self.latency = latency
        self.asked: list[Asked] = []
        self.error: Callable[[], Exception] | None = None
        self.holes: set[int] = set()
        self.largest = 125
        self.stubborn = 0.0
        self.running = 0
        self.cancelled = 0

    @property
    def times(self) -> list[float]:
        """When requests came."""
        return [asked.time for asked in self.asked]

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Address and count of each request."""
        return [(span[1], span[2]) for asked in self.asked for span in asked.request.spans()]

    async def execute(
        self,
        request: Request[R],
        unit: int,
        *,
        deadline: float | None = None,
        priority: Priority = Priority.READ,
        origin: str = "",
    ) -> R:
        """Carry *request* out, as the attributes say."""
        time = asyncio.get_running_loop().time()
        self.asked.append(Asked(time, request, unit, deadline, priority, origin))  # type: ignore[arg-type]
        self.running += 1
        try:
            await asyncio.sleep(self.latency)
        except asyncio.CancelledError:
            self.cancelled += 1
            await asyncio.sleep(self.stubborn)
            raise
        finally:
            self.running -= 1
        if self.error is not None:
            raise self.error()
        self._refuse(request)
        return request.apply(self.device)

    def _refuse(self, request: Request[R]) -> None:
        for _, address, count, _ in request.spans():
            if count > self.largest or self.holes.intersection(range(address, address + count)):
                raise IllegalDataAddress
