"""Writes of clients, carried out on the devices whose points they mean."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from mbap.collect.concentratorturns import Turns
from mbap.collect.concentratorwriteplan import MaskPlan, Places, Write, WritePlan, planned
from mbap.collect.device import PolledDevice
from mbap.collect.readings import Readings
from mbap.errors import (
    ExceptionResponse,
    GatewayTargetFailedToRespond,
    ModbusError,
    QueueFull,
    ServerDeviceBusy,
    ServerDeviceFailure,
)
from mbap.protocol.execute import Executor, Priority
from mbap.protocol.pdu import Request
from mbap.protocol.wire import Bits, Registers
from mbap.server.handler import Peer

log = logging.getLogger("mbap.site")

Wrote = Callable[[Readings], None]


class Line(NamedTuple):
    """What a device is reached by."""

    executor: Executor
    unit: int


@dataclass(slots=True)
class WriteCounts:
    """What became of writes.

    Attributes:
        done: carried out, and read back where that is wanted. refused: here, with 02 or 03.
        exceptions: of devices. failures: nobody answered, or the queue was full. different: read back as
            something else.
    """

    done: int = 0
    refused: int = 0
    exceptions: int = 0
    failures: int = 0
    different: int = 0


class WriteThrough:
    """Carries writes out on devices.

    A write has to be one write on the device, too: a whole point, or neighbouring points that are neighbours
    in the same order there. What covers a part of a point, or several that are apart, is refused with 03;
    what cannot be written, or is no point, with 02; a value outside of what the profile allows with 03.

    Function 22 is for points that clients see as one register: the device is read, and the whole point
    written, with nothing else written to the device in between. Where the register is made of points of one
    bit, those that the mask names are written.

    Args:
        line: gives what a device is reached by; None where there is none any more.
        verify: read back what was written and answer 04 where it is something else.
        deadline: seconds that a write may take with its waiting, and reading back as much again.
        counts: where to count.
    """

    def __init__(
        self,
        line: Callable[[PolledDevice], Line | None],
        devices: Mapping[str, PolledDevice],
        *,
        verify: bool = True,
        deadline: float = 10.0,
        counts: WriteCounts | None = None,
    ) -> None:
        self.counts = counts or WriteCounts()
        self._line = line
        self._devices = devices
        self._verify = verify
        self._deadline = deadline
        self._turns = Turns(deadline)

    async def write(
        self, request: Write, places: Places, peer: Peer, wrote: Wrote, *, show: bool = False
    ) -> None:
        """Carry *request* out; with *show* what is there then is read in any case.

        Raises:
            ExceptionResponse: see above, what the device answered, or 0B where it did not.
        """
        try:
            wanted = planned(request, places, self._devices)
        except ExceptionResponse:
            self.counts.refused += 1
            raise
        line = self._line(wanted.device)
        if line is None:
            raise GatewayTargetFailedToRespond
        origin = f"{peer.address}:{peer.port}"
        async with self._turn(wanted):
            plan = await self._resolved(wanted, line, origin)
            await self._carry_out(line, plan.request, plan, origin)
            if self._verify or show:
                await self._read_back(line, plan, origin, wrote)
        self.counts.done += 1

    @asynccontextmanager
    async def _turn(self, plan: WritePlan | MaskPlan) -> AsyncIterator[None]:
        """One write at a time to a device: what a mask is put on must not change before it is written."""
        try:
            async with self._turns.of(plan.device.name):
                yield
        except QueueFull as full:
            self.counts.failures += 1
            log.warning("a write to %s was answered with 06: %s", plan.name, full)
            raise ServerDeviceBusy from full

    async def _resolved(self, plan: WritePlan | MaskPlan, line: Line, origin: str) -> WritePlan:
        if isinstance(plan, WritePlan):
            return plan
        answer = await self._carry_out(line, plan.block().request, plan, origin)
        try:
            return plan.resolved(answer)
        except ExceptionResponse:
            self.counts.refused += 1
            raise

    async def _carry_out(
        self, line: Line, request: Request[Any], plan: WritePlan | MaskPlan, origin: str
    ) -> Any:
        try:
            return await line.executor.execute(
                request, line.unit, deadline=self._deadline, priority=Priority.WRITE, origin=origin
            )
        except ExceptionResponse:
            self.counts.exceptions += 1
            raise
        except ModbusError as error:
            self.counts.failures += 1
            log.warning("a write to %s was answered with %s: %s", plan.name, _code(error), error)
            raise (
                ServerDeviceBusy if isinstance(error, QueueFull) else GatewayTargetFailedToRespond
            ) from error

    async def _read_back(self, line: Line, plan: WritePlan, origin: str, wrote: Wrote) -> None:
        """Raises `ServerDeviceFailure` where the device shows something else than was written."""
        block = plan.block()
        answer = cast("Registers | Bits", await self._carry_out(line, block.request, plan, origin))
        values, qualities = block.decode(answer)
        wrote(Readings(plan.device.name, time.time_ns() // 1000, block.names, values, qualities))
        if self._verify and not plan.agrees(answer):
            self.counts.different += 1
            shown = ", ".join(str(value) for value in values)
            log.warning("%s was written, but it reads %s: answered with 04", plan.name, shown)
            raise ServerDeviceFailure


def _code(error: ModbusError) -> str:
    return "06" if isinstance(error, QueueFull) else "0B"
