"""A device: the four tables of the Modbus data model, answering for every unit."""

from __future__ import annotations

from typing import TypeVar

from mbap.addresses import Table
from mbap.protocol.wire import Bits, Registers
from mbap.server.handler import Call
from mbap.server.tables import BitMemory, RegisterMemory, Values

R = TypeVar("R")


class Device:
    """Four tables of values that clients read and write; the handler for most servers.

    Each table is given as a list, which begins at address 0, or as `{start: list}`; addresses that are in
    none do not exist, and a request that touches one is answered with exception 02 and changes nothing.
    It answers for every unit; put it into `Units` to have it answer for some.

    A write is seen whole or not at all, also by threads other than the server's.

    Attributes:
        coils, discrete_inputs: `device.coils[3] = True`, `device.coils[0:8]`.
        holding_registers, input_registers: `device.holding_registers[107] = 555`; big-endian in memory.

    Raises:
        ValueError: a value is not a register or not a bit, an address is not 0 to 65535 or given twice.
    """

    __slots__ = ("_bits", "_registers", "coils", "discrete_inputs", "holding_registers", "input_registers")

    def __init__(
        self,
        *,
        coils: Values = (),
        discrete_inputs: Values = (),
        holding_registers: Values = (),
        input_registers: Values = (),
    ) -> None:
        self.coils = BitMemory(Table.COILS, coils)
        self.discrete_inputs = BitMemory(Table.DISCRETE_INPUTS, discrete_inputs)
        self.holding_registers = RegisterMemory(Table.HOLDING_REGISTERS, holding_registers)
        self.input_registers = RegisterMemory(Table.INPUT_REGISTERS, input_registers)
        self._bits = {Table.COILS: self.coils, Table.DISCRETE_INPUTS: self.discrete_inputs}
        self._registers = {
            Table.HOLDING_REGISTERS: self.holding_registers,
            Table.INPUT_REGISTERS: self.input_registers,
        }

    def handle(self, call: Call[R]) -> R:
        """Carry the request out on the tables."""
        return call.request.apply(self)

    def memory(self, table: Table) -> BitMemory | RegisterMemory:
        """The memory of *table*."""
        return self._bits[table] if table.holds_bits else self._registers[table]

    def read_bits(self, table: Table, address: int, count: int) -> Bits:
        """Coils or discrete inputs; part of what a request needs of a device (`Tables`)."""
        return self._bits[table].read(address, count)

    def read_registers(self, table: Table, address: int, count: int) -> Registers:
        """Holding or input registers; part of what a request needs of a device (`Tables`)."""
        return self._registers[table].read(address, count)

    def write_bits(self, table: Table, address: int, values: Bits) -> None:
        """Set coils or discrete inputs; part of what a request needs of a device (`Tables`)."""
        self._bits[table].write(address, values)

    def write_registers(self, table: Table, address: int, values: Registers) -> None:
        """Set holding or input registers; part of what a request needs of a device (`Tables`)."""
        self._registers[table].write(address, values)
