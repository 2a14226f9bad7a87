"""Which one write on a device a write of a client is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, cast

from mbap.addresses import Table
from mbap.collect.concentratorcells import UNFIT, Cell
from mbap.collect.device import PolledDevice
from mbap.collect.plan import Block
from mbap.collect.readings import Value
from mbap.collect.registermap import Point
from mbap.errors import GatewayTargetFailedToRespond, IllegalDataAddress, IllegalDataValue
from mbap.protocol.pdu import (
    MaskWriteRegister,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.protocol.wire import Bits, Registers
from mbap.values import Encoding

Values = WriteSingleRegister | WriteMultipleRegisters | WriteSingleCoil | WriteMultipleCoils
Write = Values | MaskWriteRegister


class Places(NamedTuple):
    """What of a unit can be written, by table and address.

    Attributes:
        cells: what is there; where several have a bit each of one register, the first of them.
        bits: those that have a bit each.
    """

    cells: Mapping[tuple[Table, int], Cell]
    bits: Mapping[tuple[Table, int], Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class WritePlan:
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


@dataclass(frozen=True, slots=True)
class MaskPlan:
    """Some bits of a point that clients see as one register: what is there now decides what is written."""

    device: PolledDevice
    cell: Cell
    point: Point
    mask: MaskWriteRegister

    @property
    def name(self) -> str:
        return f"{self.device.name}.{self.point.name}"

    def block(self) -> Block:
        """The read that shows what is there now."""
        return Block(self.point.table, self.point.address, self.point.count, (self.point,))

    def resolved(self, answer: Registers | Bits) -> WritePlan:
        """The write, where the device has *answer* now.

        Raises:
            IllegalDataValue: the profile does not allow what it would become.
            GatewayTargetFailedToRespond: there is no value that could be changed.
        """
        (now,), _ = self.block().decode(answer)
        if now is None:
            raise GatewayTargetFailedToRespond
        try:
            (old,) = Registers(self.cell.wire_of(now))
        except UNFIT:
            raise GatewayTargetFailedToRespond from None
        new = old & self.mask.and_mask | self.mask.or_mask & ~self.mask.and_mask & 0xFFFF
        try:
            value = allowed(self.point, self.cell.value_of(Registers.of((new,)).wire))
            return WritePlan(self.device, (self.point,), request_for((self.point,), (value,), single=True))
        except ValueError:
            raise IllegalDataValue from None


def planned(request: Write, places: Places, devices: Mapping[str, PolledDevice]) -> WritePlan | MaskPlan:
    """What *request* means on the device that it is for.

    Raises:
        ExceptionResponse: it cannot be written, or not as one write.
    """
    if isinstance(request, MaskWriteRegister):
        bits = places.bits.get((Table.HOLDING_REGISTERS, request.address))
        return _bits_plan(request, bits, devices) if bits else _mask_plan(request, places, devices)
    table, start, count, _ = request.spans()[0]
    cells = covered(places.cells, table, start, count)
    points = [writable(cell) for cell in cells]
    device = _device(cells, devices)
    if not neighbours(points):
        raise IllegalDataValue
    given = parts_of(request, cells)
    try:
        values = [
            allowed(point, cell.value_of(wire))
            for point, cell, wire in zip(points, cells, given, strict=True)
        ]
        single = isinstance(request, WriteSingleRegister | WriteSingleCoil)
        return WritePlan(device, tuple(points), request_for(points, values, single=single))
    except ValueError:
        raise IllegalDataValue from None


def _mask_plan(request: MaskWriteRegister, places: Places, devices: Mapping[str, PolledDevice]) -> MaskPlan:
    (cell,) = cells = covered(places.cells, Table.HOLDING_REGISTERS, request.address, 1)
    return MaskPlan(_device(cells, devices), cell, writable(cell), request)


def _bits_plan(
    request: MaskWriteRegister, bits: Sequence[Cell], devices: Mapping[str, PolledDevice]
) -> WritePlan:
    """Points of one bit each: those that the mask names are written, and no others."""
    by_bit = {
        1 << cell.entry.encoding.bit: cell
        for cell in bits
        if cell.entry.encoding and cell.entry.encoding.bit is not None
    }
    named = [1 << bit for bit in range(16) if not request.and_mask >> bit & 1]
    if not named or any(bit not in by_bit for bit in named):
        raise IllegalDataAddress
    cells = [by_bit[bit] for bit in named]
    points = [writable(cell) for cell in cells]
    values = [bool(request.or_mask & bit) for bit in named]
    device = _device(cells, devices)
    try:
        for point, value in zip(points, values, strict=True):
            allowed(point, value)
        return WritePlan(device, tuple(points), _bits_request(points, values))
    except ValueError:
        raise IllegalDataValue from None


def _bits_request(points: Sequence[Point], values: Sequence[bool]) -> Request[Any]:
    """The one write that gives these bits their values.

    Raises:
        ValueError: they are apart in the device.
    """
    if len(points) == 1:
        return request_for(points, values, single=True)
    address = points[0].address
    and_mask, or_mask = 0xFFFF, 0
    for point, value in zip(points, values, strict=True):
        if point.encoding is None or point.encoding.bit is None or point.address != address:
            raise ValueError(f"{points[0].name} and {point.name} are apart")
        keep, give = point.encoding.masks(value)
        and_mask, or_mask = and_mask & keep, or_mask | give
    return MaskWriteRegister(address, and_mask, or_mask)


def _device(cells: Sequence[Cell], devices: Mapping[str, PolledDevice]) -> PolledDevice:
    """The device of all *cells*; raises `IllegalDataValue` where they are of several."""
    device = devices.get(cells[0].entry.device)
    if device is None or any(cell.entry.device != device.name for cell in cells):
        raise IllegalDataValue
    return device


def covered(cells_at: Mapping[tuple[Table, int], Cell], table: Table, start: int, count: int) -> list[Cell]:
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


def writable(cell: Cell) -> Point:
    if cell.point is None or cell.point.writable is None:
        raise IllegalDataAddress
    return cell.point


def neighbours(points: Sequence[Point]) -> bool:
    """Whether they lie one behind the other in the device, so that one write reaches them all."""
    single_bits = any(point.encoding is not None and point.encoding.bit is not None for point in points)
    if single_bits:
        return len(points) == 1
    pairs = pairwise(points)
    return all(one.table is other.table and other.address == one.last + 1 for one, other in pairs)


def parts_of(request: Values, cells: Sequence[Cell]) -> list[bytes]:
    """What is written to each of *cells*: wire bytes, or one byte that is 0 or 1."""
    if isinstance(request, WriteSingleCoil | WriteMultipleCoils):
        bits = [request.value] if isinstance(request, WriteSingleCoil) else request.values
        return [bytes((bit,)) for bit in bits]
    words = (request.value,) if isinstance(request, WriteSingleRegister) else request.values
    wire, start = Registers.of(tuple(words)).wire, cells[0].entry.address
    return [wire[2 * (cell.entry.address - start) : 2 * (cell.entry.end - start)] for cell in cells]


def allowed(point: Point, value: Value | None) -> Value:
    """*value*; raises `ValueError` where the profile does not allow to write it."""
    low, high = point.writable or (0.0, 0.0)
    if value is None or (not isinstance(value, str) and not low <= value <= high):
        raise ValueError(f"{point.name} takes {low:g} to {high:g}, not {value}")
    return value


def request_for(points: Sequence[Point], values: Sequence[Value], *, single: bool) -> Request[Any]:
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
