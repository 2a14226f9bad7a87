"""A concentrator: everything that was read, served again to any number of clients."""

from __future__ import annotations

import heapq
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import count
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar, cast

from mbap.addresses import LAST_ADDRESS, Table
from mbap.collect.concentratorcells import Cell, Otherwise
from mbap.collect.concentratorimage import BitImage, RegisterImage
from mbap.collect.concentratormap import Entry, shown
from mbap.collect.concentratorwriteplan import Places
from mbap.collect.concentratorwrites import WriteThrough
from mbap.collect.device import PolledDevice
from mbap.collect.readings import Quality, Readings
from mbap.errors import GatewayPathUnavailable, IllegalDataAddress, IllegalFunction
from mbap.protocol.pdu import (
    MaskWriteRegister,
    ReadCoils,
    ReadDeviceIdentification,
    ReadDiscreteInputs,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.protocol.pdu.identification import identify
from mbap.protocol.wire import Bits, Registers
from mbap.server.handler import Call

R = TypeVar("R")

STALE_PERIODS: Final = 3.0
STALE_GRACE: Final = 1.5
"""A value is stale when nothing came for three of its periods and so many seconds, unless told otherwise."""
MOST_FEEDS: Final = 64
"""So many different sets of points of one device are remembered; beyond, all are found anew."""
MOST_SECONDS: Final = 0xFFFF

_READS = (ReadHoldingRegisters, ReadInputRegisters, ReadCoils, ReadDiscreteInputs)
_WRITES = (
    WriteSingleRegister,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteMultipleCoils,
    MaskWriteRegister,
)


class Feed:
    """Readings of one set of points of one device: the cells that they fill, and when they came last."""

    __slots__ = ("arrived", "cells", "expires", "limit", "queued")

    def __init__(self, cells: Sequence[tuple[int, Cell]], limit: float) -> None:
        self.cells = cells
        self.limit = limit
        self.arrived = self.expires = 0.0
        self.queued = False


class Served(NamedTuple):
    """What a concentrator is made of.

    Attributes:
        entries: without faults, see `concentratormap.entry_faults`.
        devices: those of which readings come.
        otherwise: what is answered for what is stale or bad.
        refuse_holes: a read that touches an address without a point gets 02, and not 0 there.
        stale: seconds after which a value is stale; None: after three of its periods.
        writes: what carries writes out; None: nothing can be written.
        identification: who answers, as objects of function code 43; without any that is answered with 01.
    """

    entries: Sequence[Entry]
    devices: Sequence[PolledDevice]
    otherwise: Otherwise = "exception"
    refuse_holes: bool = False
    stale: float | None = None
    writes: WriteThrough | None = None
    identification: Mapping[int, bytes] = MappingProxyType({})


class Concentrator:
    """Answers reads from what was read last, without asking any device; writes go through to the device.

    Give it every `Readings` by `update`, from the thread that serves. A unit without entries is answered with
    0A, an address without a point with 02, a value that is stale or bad with 0B.

    Args:
        clock: seconds that never jump.
    """

    def __init__(self, served: Served, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._units: dict[int, _Unit] = {}
        self.replace(served)

    def replace(self, served: Served) -> None:
        """From now on *served* counts; values have to come again by `update`.

        Of entries that stay, the last good value is known where that is what clients get for a bad one.
        """
        self._served = served
        self._devices = {device.name: device for device in served.devices}
        self._feeds: dict[str, dict[tuple[str, ...], Feed]] = {}
        self._expiring: list[tuple[float, int, Feed]] = []
        self._order = count()
        before = {cell.entry: cell for unit in self._units.values() for cell in unit.cells}
        self._units = _units(served)
        self._cells: dict[str, dict[str, list[Cell]]] = {}
        for unit in self._units.values():
            for cell in unit.cells:
                if cell.entry in before:
                    cell.take_over(before[cell.entry])
                self._cells.setdefault(cell.entry.device, {}).setdefault(cell.entry.point, []).append(cell)

    @property
    def units(self) -> Collection[int]:
        """The units that have entries."""
        return self._units.keys()

    def update(self, readings: Readings, age: float = 0.0) -> None:
        """Serve *readings*, which came *age* seconds ago, from the next request on."""
        feeds = self._feeds.setdefault(readings.device, {})
        feed = feeds.get(readings.points)
        if feed is None:
            feed = self._new_feed(feeds, readings)
        if not feed.cells:
            return
        feed.arrived = self._clock() - age
        feed.expires = feed.arrived + feed.limit
        values, qualities = readings.values, readings.qualities
        for index, cell in feed.cells:
            cell.feed = feed
            cell.put(values[index], Quality.GOOD if qualities is None else qualities[index], feed.arrived)
        if not feed.queued:
            feed.queued = True
            heapq.heappush(self._expiring, (feed.expires, next(self._order), feed))

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        """The answer to *call*; of a write an awaitable.

        Raises:
            ExceptionResponse: 0A, 0B, 02 or 01; of a write also 03 and 04, and what the device answered.
        """
        unit = self._units.get(call.unit)
        if unit is None:
            raise GatewayPathUnavailable
        if self._expiring and self._expiring[0][0] <= self._clock():
            self._expire()
        request: Request[Any] = call.request
        if isinstance(request, _READS):
            return cast("R", unit.read(request.table, request.address, request.count, self._clock))
        writes = self._served.writes
        if writes is not None and isinstance(request, _WRITES):
            return cast("Awaitable[R]", writes.write(request, unit.places, call.peer, self._wrote))
        if writes is not None and isinstance(request, ReadWriteMultipleRegisters):
            return cast("Awaitable[R]", self._write_and_read(request, call, unit, writes))
        if isinstance(request, ReadDeviceIdentification) and self._served.identification:
            return cast("R", identify(self._served.identification, request.code, request.object_id))
        raise IllegalFunction

    async def _write_and_read(
        self, request: ReadWriteMultipleRegisters, call: Call[Any], unit: _Unit, writes: WriteThrough
    ) -> Registers:
        """Nothing is written where what is wanted cannot be read; what is written is read back first."""
        read = ReadHoldingRegisters(request.address, request.count)
        write = WriteMultipleRegisters(request.write_address, request.values)
        end, written_end = read.address + read.count, write.address + len(write.values)
        if not write.address <= read.address < end <= written_end:
            unit.read(read.table, read.address, read.count, self._clock)
        shown = read.address < written_end and write.address < end
        await writes.write(write, unit.places, call.peer, self._wrote, show=shown)
        return cast("Registers", self.handle(Call(cast("Request[Any]", read), call.unit, call.peer)))

    def _wrote(self, readings: Readings) -> None:
        """A write was read back: clients see it before the next turn of the collector."""
        for index, name in enumerate(readings.points):
            for one in self._cells.get(readings.device, {}).get(name, ()):
                one.put(readings.values[index], readings.quality(index), self._clock())

    def _new_feed(self, feeds: dict[tuple[str, ...], Feed], readings: Readings) -> Feed:
        if len(feeds) >= MOST_FEEDS:
            feeds.clear()
        own = self._cells.get(readings.device, {})
        cells = [(index, cell) for index, name in enumerate(readings.points) for cell in own.get(name, ())]
        feed = feeds[readings.points] = Feed(cells, self._limit(readings.device, cells))
        return feed

    def _limit(self, device: str, cells: Iterable[tuple[int, Cell]]) -> float:
        if self._served.stale is not None:
            return self._served.stale
        polled = self._devices.get(device)
        periods = [polled.period(cell.point.group) for _, cell in cells if polled and cell.point]
        return STALE_PERIODS * max(periods, default=0.0) + STALE_GRACE

    def _expire(self) -> None:
        """Mark what is stale by now."""
        now = self._clock()
        while self._expiring and self._expiring[0][0] <= now:
            _, _, feed = heapq.heappop(self._expiring)
            if feed.expires > now:
                heapq.heappush(self._expiring, (feed.expires, next(self._order), feed))
                continue
            feed.queued = False
            for _, cell in feed.cells:
                if cell.feed is feed:
                    cell.expire()


class _Unit:
    """The tables of one unit."""

    __slots__ = ("_images", "_shown", "_status", "_status_from", "cells", "places")

    def __init__(self, entries: Sequence[Entry], served: Served, devices: Mapping[str, PolledDevice]) -> None:
        self._shown = shown(entry.table for entry in entries)
        self._images = _images(entries, refuse_holes=served.refuse_holes)
        self.cells: list[Cell] = []
        cells_at: dict[tuple[Table, int], Cell] = {}
        bits_at: dict[tuple[Table, int], list[Cell]] = {}
        self.places = Places(cells_at, bits_at)
        self._status: dict[int, Callable[[float], int]] = {}
        points = {
            name: {p.name: p for p in devices[name].profile.points} for name in _names(entries, devices)
        }
        for entry in entries:
            point = points.get(entry.device, {}).get(entry.point)
            cell = Cell(entry, point, self._images[entry.table], served.otherwise)
            self.cells.append(cell)
            if entry.encoding is not None and entry.encoding.bit is not None:
                bits_at.setdefault((entry.table, entry.address), []).append(cell)
                cells_at.setdefault((entry.table, entry.address), cell)
            else:
                cells_at.update(((entry.table, at), cell) for at in range(entry.address, entry.end))
            if entry.status is not None:
                self._status[entry.status] = partial(_quality, cell)
                self._status[entry.status + 1] = partial(_age, cell)
        self._status_from = min(self._status, default=LAST_ADDRESS + 1)

    def read(self, table: Table, address: int, many: int, clock: Callable[[], float]) -> Registers | Bits:
        """What *table* shows."""
        where = self._shown[table]
        if address + many > self._status_from and where is self._shown[Table.INPUT_REGISTERS]:
            found = self._read_status(where, address, many, clock)
            if found is not None:
                return found
        image = self._images.get(where)
        if image is None:
            raise IllegalDataAddress
        return image.read(address, many)

    def _read_status(
        self, where: Table, address: int, many: int, clock: Callable[[], float]
    ) -> Registers | None:
        """Qualities and ages; None where there are values only. One read gives either of them."""
        span = range(address, address + many)
        if not any(at in self._status for at in span):
            return None
        if any((where, at) in self.places.cells for at in span):
            raise IllegalDataAddress
        now = clock()
        return Registers.of([self._status[at](now) if at in self._status else 0 for at in span])


def _quality(cell: Cell, now: float) -> int:
    return cell.quality


def _age(cell: Cell, now: float) -> int:
    """Seconds since its last good value was read; the highest number where none ever was."""
    return MOST_SECONDS if cell.good_at is None else min(max(int(now - cell.good_at), 0), MOST_SECONDS)


def _units(served: Served) -> dict[int, _Unit]:
    by_unit: dict[int, list[Entry]] = {}
    for entry in served.entries:
        by_unit.setdefault(entry.unit, []).append(entry)
    devices = {device.name: device for device in served.devices}
    return {number: _Unit(entries, served, devices) for number, entries in by_unit.items()}


def _images(entries: Sequence[Entry], *, refuse_holes: bool) -> dict[Table, RegisterImage | BitImage]:
    sizes: dict[Table, int] = {}
    for entry in entries:
        sizes[entry.table] = max(sizes.get(entry.table, 0), entry.end)
    return {
        table: (BitImage if table.holds_bits else RegisterImage)(size, refuse_holes=refuse_holes)
        for table, size in sizes.items()
    }


def _names(entries: Iterable[Entry], devices: Mapping[str, PolledDevice]) -> set[str]:
    """The devices that *entries* are of, as far as they are there."""
    return {entry.device for entry in entries if entry.device in devices}
