"""Simulated devices: tables whose values move by themselves, as a device file says."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from mbap.addresses import Table
from mbap.errors import IllegalDataAddress, IllegalDataValue, NoAnswer, ServerDeviceFailure
from mbap.protocol.wire import Bits, Registers
from mbap.server.device import PLAIN, Device
from mbap.server.devicefile import DeviceFile, Moving, UnitTables, read_device_file
from mbap.server.faults import Faults
from mbap.server.formula import Formula, Place
from mbap.server.handler import PlainTables, Units
from mbap.server.tables import ADDRESSES
from mbap.server.waves import Steps

Clock = Callable[[], float]


class SimulatedDevice(Device):
    """A device with values that move; they are computed when they are read, all of one read for one moment.

    A client's write stops the movement of what it touches: the value written stays. A formula that cannot
    be computed, or leaves its type, is answered with exception 04. Reads whose values were torn on purpose
    are counted in *made*.
    """

    __slots__ = ("_began", "_clock", "_held", "_made", "_moving", "_plan", "_tearing")

    def __init__(
        self,
        tables: UnitTables,
        clock: Clock = time.monotonic,
        seed: int = 1,
        made: Counter[str] | None = None,
    ) -> None:
        super().__init__(
            coils=tables.values[Table.COILS],
            discrete_inputs=tables.values[Table.DISCRETE_INPUTS],
            holding_registers=tables.values[Table.HOLDING_REGISTERS],
            input_registers=tables.values[Table.INPUT_REGISTERS],
            files=tables.files,
            fifos=tables.fifos,
            identification=tables.identification,
            server_id=tables.server_id,
            exception_status=tables.exception_status,
            diagnostics=tables.diagnostics,
        )
        self._plan = tables
        self._clock = clock
        self._began = clock()
        self._moving = {table: _Movements(tables.moving, table) for table in Table}
        self._held: dict[Place, int] = {}
        self._made = Counter() if made is None else made
        self._tearing = Faults(tables.tearing, seed=seed, clock=clock) if tables.tearing else None

    def plain(self, unit: int) -> PlainTables | None:
        """The tables in which nothing moves, or did, and of which nothing is said but their values."""
        if type(self) is not SimulatedDevice or self._plan.largest_read or self._tearing is not None:
            return None
        codes = {
            code: self.memory(table)
            for code, table in PLAIN.items()
            if not self._moving[table].within(0, ADDRESSES)
        }
        return PlainTables(self.line, codes) if codes else None

    def read_bits(self, table: Table, address: int, count: int) -> Bits:
        self.refresh(table, address, count)
        read = super().read_bits
        try:
            return read(table, address, count)
        except IllegalDataAddress:
            return Bits.of([*map(bool, self._with_holes(lambda at: read(table, at, 1)[0], address, count))])

    def read_registers(self, table: Table, address: int, count: int) -> Registers:
        if self._plan.largest_read is not None and count > self._plan.largest_read:
            raise IllegalDataValue
        self.refresh(table, address, count)
        self._tear(table, address, count)
        read = super().read_registers
        try:
            return read(table, address, count)
        except IllegalDataAddress:
            return Registers.of(self._with_holes(lambda at: read(table, at, 1)[0], address, count))

    def write_bits(self, table: Table, address: int, values: Bits) -> None:
        super().write_bits(table, address, values)
        self._stop(table, address, len(values))

    def write_registers(self, table: Table, address: int, values: Registers) -> None:
        super().write_registers(table, address, values)
        self._stop(table, address, len(values))

    def _stop(self, table: Table, address: int, count: int) -> None:
        """What was written stays: for good, or until the next step of what takes steps again."""
        for moving in self._moving[table].stop(address, count):
            if isinstance(moving.motion, Steps) and moving.motion.passes:
                self._held[table, moving.address] = moving.motion.taken(self._clock() - self._began)

    def _is_held(self, moving: Moving, seconds: float) -> bool:
        """Whether what a client wrote there still stays."""
        place = moving.table, moving.address
        held = self._held.get(place)
        if held is None or not isinstance(moving.motion, Steps):
            return False
        if moving.motion.taken(seconds) == held:
            return True
        del self._held[place]
        return False

    def refresh(self, table: Table, address: int = 0, count: int = 0x10000) -> None:
        """Bring what moves among these addresses to its value of this moment."""
        movements = self._moving[table].within(address, count)
        seconds = self._clock() - self._began if movements else 0.0
        for moving in movements:
            if not (self._held and self._is_held(moving, seconds)):
                self._put(moving, self._items(moving, seconds))

    def _items(self, moving: Moving, seconds: float) -> tuple[int, ...]:
        """The registers, or the one bit, that *moving* is at that moment."""
        try:
            value = self._value(moving, seconds)
            return (int(value >= 0.5),) if moving.encoding is None else moving.encoding.encode(value)
        except (ArithmeticError, ValueError):
            if isinstance(moving.motion, Formula):
                raise ServerDeviceFailure from None
            raise

    def _value(self, moving: Moving, seconds: float) -> float:
        if isinstance(moving.motion, Formula):
            return moving.motion.at(seconds, lambda place: self._look(place, seconds))
        return moving.motion.at(seconds)

    def _look(self, place: Place, seconds: float) -> float:
        """The value that begins at *place*: of that moment where it moves, decoded where it has a type."""
        table, address = place
        for moving in self._moving[table].within(address, 1):
            if moving.address == address and not self._is_held(moving, seconds):
                return self._value(moving, seconds)
        if table.holds_bits:
            return float(super().read_bits(table, address, 1)[0])
        encoding = self._plan.encodings.get(place)
        if encoding is None:
            return float(super().read_registers(table, address, 1)[0])
        value = encoding.decode(super().read_registers(table, address, encoding.count))
        if not isinstance(value, (int, float)):
            raise ArithmeticError(f"there is no number at {place}")
        return float(value)

    def _put(self, moving: Moving, items: tuple[int, ...]) -> None:
        if moving.encoding is None:
            super().write_bits(moving.table, moving.address, Bits.of((bool(items[0]),)))
        else:
            super().write_registers(moving.table, moving.address, Registers.of(items))

    def _tear(self, table: Table, address: int, count: int) -> None:
        """Make the later halves of values older than the first, where the file wants it for this read."""
        fault = self._tearing.judge(0) if self._tearing is not None else None
        if fault is None:
            return
        self._made["torn"] += 1
        before = max(self._clock() - self._began - fault.delay, 0.0)
        for moving in self._moving[table].within(address, count):
            items, half = self._items(moving, before), len(moving.span) // 2
            if half:
                place = moving.address + len(moving.span) - half
                super().write_registers(table, place, Registers.of(items[-half:]))

    def _with_holes(self, read: Callable[[int], int], address: int, count: int) -> list[int]:
        """What a read gives that touches addresses that do not exist."""
        if self._plan.holes == "refused":
            raise IllegalDataAddress
        if self._plan.holes == "silent":
            raise NoAnswer
        return [_or_zero(read, at) for at in range(address, address + count)]


def _or_zero(read: Callable[[int], int], address: int) -> int:
    try:
        return read(address)
    except IllegalDataAddress:
        return 0


class _Movements:
    """What moves in one table, found by address."""

    __slots__ = ("_addresses", "_items")

    def __init__(self, moving: Iterable[Moving], table: Table) -> None:
        self._keep([item for item in moving if item.table is table])

    def within(self, address: int, count: int) -> list[Moving]:
        """What takes any of *count* addresses from *address* on."""
        first = max(bisect_right(self._addresses, address) - 1, 0)
        last = bisect_right(self._addresses, address + count - 1)
        return [item for item in self._items[first:last] if item.span.stop > address]

    def stop(self, address: int, count: int) -> list[Moving]:
        """What takes any of these addresses moves no more, but for what only passes; gives all of them."""
        within = self.within(address, count)
        stopped = [item for item in within if not (isinstance(item.motion, Steps) and item.motion.passes)]
        if stopped:
            self._keep([item for item in self._items if item not in stopped])
        return within

    def _keep(self, items: list[Moving]) -> None:
        self._items = sorted(items, key=lambda item: item.address)
        self._addresses = [item.address for item in self._items]


class Simulation(Units):
    """The units of a device file: a handler for a server, with the faults that the server is to make.

    Attributes:
        name: what the file calls it.
        units: the devices, by unit.
        default: the device that answers for all other units; None where the file has none.
        faults: to be handed to the server; None where the file has none.
    """

    def __init__(self, file: DeviceFile, clock: Clock = time.monotonic) -> None:
        self.name = file.name
        plans = [*file.units.values(), *([] if file.default is None else [file.default])]
        self.faults: Faults | None = None
        if file.rules or file.admission is not None or any(plan.tearing for plan in plans):
            self.faults = Faults(file.rules, seed=file.seed, clock=clock, admission=file.admission)
        made = None if self.faults is None else self.faults.besides
        self.units = {
            unit: SimulatedDevice(plan, clock, file.seed, made) for unit, plan in file.units.items()
        }
        self.default = None if file.default is None else SimulatedDevice(file.default, clock, file.seed, made)
        super().__init__(self.units, file.unknown_units if self.default is None else self.default)


def load_device_file(path: str | Path, clock: Clock = time.monotonic) -> Simulation:
    """The simulation that the device file at *path* describes, beginning now.

    Raises:
        FileFaults: the file cannot be read or is wrong; everything that is wrong with it.
    """
    return Simulation(read_device_file(path), clock)
