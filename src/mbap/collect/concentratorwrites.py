"""Writes of clients, carried out on the devices whose points they mean."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, cast

from mbap.addresses import Table
from mbap.collect.concentratorcells import Cell
from mbap.collect.device import PolledDevice
from mbap.collect.plan import Block
from mbap.collect.readings import Readings, Value
from mbap.collect.registermap import Point
from mbap.errors import (
    ExceptionResponse,
    GatewayTargetFailedToRespond,
    IllegalDataAddress,
    IllegalDataValue,
    ModbusError,
    QueueFull,
    ServerDeviceBusy,
    ServerDeviceFailure,
)
from mbap.protocol.execute import Executor, Priority
from mbap.protocol.pdu import (
    MaskWriteRegister,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.protocol.wire import Bits, Registers
from mbap.server.handler import Peer
from mbap.values import Encoding

log = logging.getLogger("mbap.site")

CellsAt = Mapping[tuple[Table, int], Cell]
Wrote = Callable[[Readings], None]
Write = WriteSingleRegister | WriteMultipleRegisters | WriteSingleCoil | WriteMultipleCoils


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

    async def write(self, request: Write, cells_at: CellsAt, peer: Peer, wrote: Wrote) -> None:
        """Carry *request* out.

        Raises:
            ExceptionResponse: see above, what the device answered, or 0B where it did not.
        """
        try:
            plan = self._planned(request, cells_at)
        except ExceptionResponse:
            self.counts.refused += 1
            raise
        device = plan.device
        line = self._line(device)
        if line is None:
            raise GatewayTargetFailedToRespond
        origin = f"{peer.address}:{peer.port}"
        await self._carry_out(line, plan.request, plan, origin)
        if self._verify:
            await self._read_back(line, plan, origin, wrote)
        self.counts.done += 1

    def _planned(self, request: Write, cells_at: CellsAt) -> _Plan:
        """What *request* means on the device.

        Raises:
            ExceptionResponse: it cannot be written, or not as one write.
        """
        table, start, count, _ = request.spans()[0]
        cells = _covered(cells_at, table, start, count)
        points = [_writable(cell) for cell in cells]
        device = self._devices.get(cells[0].entry.device)
        if (
            device is None
            or any(cell.entry.device != device.name for cell in cells)
            or not _neighbours(points)
        ):
            raise IllegalDataValue
        given = _parts(request, cells)
        try:
            values = [
                _allowed(point, cell.value_of(wire))
                for point, cell, wire in zip(points, cells, given, strict=True)
            ]
            single = isinstance(request, WriteSingleRegister | WriteSingleCoil)
            return _Plan(device, tuple(points), _request(points, values, single=single))
        except ValueError:
            raise IllegalDataValue from None

    async def _carry_out(self, line: Line, request: Request[Any], plan: _Plan, origin: str) -> Any:
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

    async def _read_back(self, line: Line, plan: _Plan, origin: str, wrote: Wrote) -> None:
        """Raises `ServerDeviceFailure` where the device shows something else than was written."""
        block = plan.block()
        answer = cast("Registers | Bits", await self._carry_out(line, block.request, plan, origin))
        values, qualities = block.decode(answer)
        wrote(Readings(plan.device.name, time.time_ns() // 1000, block.names, values, qualities))
        if not plan.agrees(answer):
            self.counts.different += 1
            shown = ", ".join(str(value) for value in values)
            log.warning("%s was written, but it reads %s: answered with 04", plan.name, shown)
            raise ServerDeviceFailure


@dataclass(frozen=True, slots=True)
class _Plan:
    """One write on a device."""

    device: PolledDevice
    points: tuple[Point, ...]
    request: Request[Any]

    @property
    def name(self) -> str:
        return " and ".join(f"{self.device.name}.{point.name}" for point in self.points)

    def block(self) -> Block:
        """The read that shows what is there now."""
        first, last = self.points[0], self.points[-1]
        return Block(first.table, first.address, last.last - first.address + 1, self.points)

    def agrees(self, answer: Registers | Bits) -> bool:
        """Whether *answer* is what was written."""
        request = self.request
        if isinstance(request, MaskWriteRegister):
            return (answer[0] ^ request.or_mask) & ~request.and_mask & 0xFFFF == 0
        if isinstance(request, WriteSingleRegister | WriteSingleCoil):
            return list(answer) == [request.value]
        return list(answer) == list(cast("WriteMultipleRegisters | WriteMultipleCoils", request).values)


def _covered(cells_at: CellsAt, table: Table, start: int, count: int) -> list[Cell]:
    """The cells from *start* on.

    Raises:
        IllegalDataAddress: somewhere there is none.
        IllegalDataValue: one of them is there in part only.
    """
    found: list[Cell] = []
    for address in range(start, start + count):
        cell = cells_at.get((table, address))
        if cell is None:
            raise IllegalDataAddress
        if not found or found[-1] is not cell:
            found.append(cell)
    whole = found[0].entry.address == start and found[-1].entry.end == start + count
    one_bit = any(cell.entry.encoding is not None and cell.entry.encoding.bit is not None for cell in found)
    if not whole or one_bit:
        raise IllegalDataValue
    return found


def _writable(cell: Cell) -> Point:
    if cell.point is None or cell.point.writable is None:
        raise IllegalDataAddress
    return cell.point


def _neighbours(points: Sequence[Point]) -> bool:
    """Whether they lie one behind the other in the device, so that one write reaches them all."""
    single_bits = any(point.encoding is not None and point.encoding.bit is not None for point in points)
    if single_bits:
        return len(points) == 1
    pairs = pairwise(points)
    return all(one.table is other.table and other.address == one.last + 1 for one, other in pairs)


def _parts(request: Write, cells: Sequence[Cell]) -> list[bytes]:
    """What is written to each of *cells*: wire bytes, or one byte that is 0 or 1."""
    if isinstance(request, WriteSingleCoil | WriteMultipleCoils):
        bits = [request.value] if isinstance(request, WriteSingleCoil) else request.values
        return [bytes((bit,)) for bit in bits]
    words = (request.value,) if isinstance(request, WriteSingleRegister) else request.values
    wire, start = Registers.of(tuple(words)).wire, cells[0].entry.address
    return [wire[2 * (cell.entry.address - start) : 2 * (cell.entry.end - start)] for cell in cells]


def _allowed(point: Point, value: Value | None) -> Value:
    """*value*; raises `ValueError` where the profile does not allow to write it."""
    low, high = point.writable or (0.0, 0.0)
    if value is None or (not isinstance(value, str) and not low <= value <= high):
        raise ValueError(f"{point.name} takes {low:g} to {high:g}, not {value}")
    return value


def _request(points: Sequence[Point], values: Sequence[Value], *, single: bool) -> Request[Any]:
    """The one write that gives *points* these *values*."""
    first = points[0]
    if first.encoding is None:
        bits = [bool(value) for value in values]
        return WriteSingleCoil(first.address, bits[0]) if single else WriteMultipleCoils(first.address, bits)
    if first.encoding.bit is not None:
        return MaskWriteRegister(first.address, *first.encoding.masks(values[0]))
    words: list[int] = []
    for point, value in zip(points, values, strict=True):
        words += cast("Encoding", point.encoding).encode(value)
    if single and len(words) == 1:
        return WriteSingleRegister(first.address, words[0])
    return WriteMultipleRegisters(first.address, words)


def _code(error: ModbusError) -> str:
    return "06" if isinstance(error, QueueFull) else "0B"
