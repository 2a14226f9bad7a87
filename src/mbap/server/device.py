"""A device: the four tables of the Modbus data model and what else it has, answering for every unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from mbap.addresses import Table
from mbap.errors import ExceptionCode, ExceptionResponse, NoAnswer
from mbap.protocol.wire import Bits, Registers
from mbap.server.diagnostics import Bus, DiagnosticAccess
from mbap.server.extras import DeviceExtras, Identification
from mbap.server.handler import Call, PlainTables
from mbap.server.tables import BitMemory, RegisterMemory, Values

R = TypeVar("R")

PLAIN: Final = {
    1: Table.COILS,
    2: Table.DISCRETE_INPUTS,
    3: Table.HOLDING_REGISTERS,
    4: Table.INPUT_REGISTERS,
    6: Table.HOLDING_REGISTERS,
    16: Table.HOLDING_REGISTERS,
    23: Table.HOLDING_REGISTERS,
}
"""The function codes that may be carried out on memory without `Device.handle`, with their tables."""
_PASSED_BY: Final = {
    1: ("read_bits",),
    2: ("read_bits",),
    3: ("read_registers",),
    4: ("read_registers",),
    6: ("write_registers",),
    16: ("write_registers",),
    23: ("read_registers", "write_registers"),
}
"""The methods that then do not see them."""


class Device(DeviceExtras):
    """Four tables of values that clients read and write; the handler for most servers.

    Each table is given as a list, which begins at address 0, or as `{start: list}`; addresses that are in
    none do not exist, and a request that touches one is answered with exception 02 and changes nothing.
    It answers for every unit; put it into `Units` to have it answer for some.

    A write is seen whole or not at all, also by threads other than the server's.

    Args:
        files: records by the number of their file, 1 to 65535 (function codes 20 and 21).
        fifos: queues by their address, oldest first (function code 24).
        identification: objects by number: 0 vendor, 1 product code, 2 revision, ... (function code 43).
        server_id: what function code 17 gives: the identifier, FF where it runs or 00, and what else it says.
        exception_status: eight outputs, the first lowest (function code 7).
        diagnostics: which of function codes 8, 11 and 12 clients may use: `none`; `read`, counters and echo;
            `control`, also clearing counters, restarting communications and the listen only mode.

    Attributes:
        coils, discrete_inputs: `device.coils[3] = True`, `device.coils[0:8]`.
        holding_registers, input_registers: `device.holding_registers[107] = 555`; big-endian in memory.
        files: `device.files[1][0:3] = [1, 2, 3]`.
        fifos: `device.fifos[1246].put(440)`.
        line: what it counts and logs of its line; see `Line`.

    Raises:
        ValueError: a value is not a register or not a bit, an address is not 0 to 65535 or given twice, or
            one of the others is not what it has to be.
    """

    __slots__ = ("_bits", "_registers", "coils", "discrete_inputs", "holding_registers", "input_registers")

    def __init__(
        self,
        *,
        coils: Values = (),
        discrete_inputs: Values = (),
        holding_registers: Values = (),
        input_registers: Values = (),
        files: Mapping[int, Sequence[int]] | None = None,
        fifos: Mapping[int, Sequence[int]] | None = None,
        identification: Identification | None = None,
        server_id: bytes | None = None,
        exception_status: int | None = None,
        diagnostics: DiagnosticAccess = "read",
    ) -> None:
        super().__init__(files, fifos, identification, server_id, exception_status, diagnostics)
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
        """Carry the request out, and count it."""
        line = self.line
        line.begin(call.request, broadcast=call.broadcast)
        try:
            result = call.request.apply(self)
        except NoAnswer:
            line.silenced()
            raise
        except Exception as error:
            line.refused(
                error.code if isinstance(error, ExceptionResponse) else ExceptionCode.SERVER_DEVICE_FAILURE
            )
            raise
        if call.broadcast:
            line.carried_out()
        else:
            line.answered(call.request.function_code)
        return result

    def refuse(self, unit: int, refusal: ExceptionResponse) -> ExceptionResponse:
        """Count a message that is answered with *refusal* because it is no request.

        Raises:
            NoAnswer: the device only listens.
        """
        self.line.begin(None)
        self.line.refused(refusal.code)
        return refusal

    def join(self, bus: Bus) -> None:
        """Hear *bus* from now on: a server serves the device."""
        self.line.join(bus)

    def part(self, bus: Bus) -> None:
        """Do not hear *bus* any more: the server has stopped."""
        self.line.part(bus)

    def plain(self, unit: int) -> PlainTables | None:
        """What may be read and written without asking: all but what a subclass has its own methods for."""
        if not self._is_own("handle"):
            return None
        codes = {
            code: self.memory(table)
            for code, table in PLAIN.items()
            if all(map(self._is_own, _PASSED_BY[code]))
        }
        return PlainTables(self.line, codes) if codes else None

    def _is_own(self, name: str) -> bool:
        """Whether the method *name* is the one of `Device` itself."""
        return bool(getattr(self, name) == getattr(Device, name).__get__(self))

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
