"""Simulated devices: tables whose values move by themselves, as a device file says."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable
from pathlib import Path

from mbap.addresses import Table
from mbap.protocol.wire import Bits, Registers
from mbap.server.device import Device
from mbap.server.devicefile import DeviceFile, Moving, UnitTables, read_device_file
from mbap.server.faults import Faults
from mbap.server.handler import Units

Clock = Callable[[], float]


class SimulatedDevice(Device):
    """A device with values that move; they are computed when they are read, all of one read for one moment.

    A client's write stops the movement of what it touches: the value written stays.
    """

    __slots__ = ("_began", "_clock", "_moving")

    def __init__(self, tables: UnitTables, clock: Clock = time.monotonic) -> None:
        super().__init__(
            coils=tables.values[Table.COILS],
            discrete_inputs=tables.values[Table.DISCRETE_INPUTS],
            holding_registers=tables.values[Table.HOLDING_REGISTERS],
            input_registers=tables.values[Table.INPUT_REGISTERS],
        )
        self._clock = clock
        self._began = clock()
        self._moving = {table: _Movements(tables.moving, table) for table in Table}

    def read_bits(self, table: Table, address: int, count: int) -> Bits:
        self.refresh(table, address, count)
        return super().read_bits(table, address, count)

    def read_registers(self, table: Table, address: int, count: int) -> Registers:
        self.refresh(table, address, count)
        return super().read_registers(table, address, count)

    def write_bits(self, table: Table, address: int, values: Bits) -> None:
        super().write_bits(table, address, values)
        self._moving[table].stop(address, len(values))

    def write_registers(self, table: Table, address: int, values: Registers) -> None:
        super().write_registers(table, address, values)
        self._moving[table].stop(address, len(values))

    def refresh(self, table: Table, address: int = 0, count: int = 0x10000) -> None:
        """Bring what moves among these addresses to its value of this moment."""
        movements = self._moving[table].within(address, count)
        seconds = self._clock() - self._began if movements else 0.0
        for moving in movements:
            value = moving.motion.at(seconds)
            if moving.encoding is None:
                super().write_bits(table, moving.address, Bits.of((value >= 0.5,)))
            else:
                super().write_registers(table, moving.address, Registers.of(moving.encoding.encode(value)))


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

    def stop(self, address: int, count: int) -> None:
        """What takes any of these addresses moves no more."""
        stopped = self.within(address, count)
        if stopped:
            self._keep([item for item in self._items if item not in stopped])

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
        self.units = {unit: SimulatedDevice(tables, clock) for unit, tables in file.units.items()}
        self.default = None if file.default is None else SimulatedDevice(file.default, clock)
        self.faults = Faults(file.rules, seed=file.seed, clock=clock) if file.rules else None
        super().__init__(self.units, file.unknown_units if self.default is None else self.default)


def load_device_file(path: str | Path, clock: Clock = time.monotonic) -> Simulation:
    """The simulation that the device file at *path* describes, beginning now.

    Raises:
        DeviceFileError: the file cannot be read or is wrong; everything that is wrong with it.
    """
    return Simulation(read_device_file(path), clock)
