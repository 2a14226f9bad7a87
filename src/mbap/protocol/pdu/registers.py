"""Holding and input registers: function codes 3, 4, 6, 16, 22 and 23.

Application Protocol V1.1b3, 6.3, 6.4, 6.6, 6.12, 6.16 and 6.17.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mbap.addresses import Table
from mbap.errors import ProtocolError
from mbap.protocol.pdu.base import (
    Request,
    Tables,
    argument_address,
    argument_word,
    as_registers,
    check_span,
    check_structure,
    expect_echo,
    expect_function,
    register,
    sizes,
)
from mbap.protocol.pdu.spans import SPAN, ReadSpan
from mbap.protocol.wire import Registers, whole_registers

MOST_READ = 125
MOST_WRITTEN = 123
MOST_READ_WRITTEN = 121

_WRITE = struct.Struct(">BHHB")
_MASK = struct.Struct(">BHHH")
_READ_WRITE = struct.Struct(">BHHHHB")


@dataclass(frozen=True, slots=True, init=False)
class _ReadRegisters(ReadSpan[Registers]):
    """What reading holding registers and reading input registers share."""

    most: ClassVar[int] = MOST_READ

    def encode_response(self, result: Registers) -> bytes:
        return _encode_registers(self.function_code, result, self.count)

    def decode_response(self, pdu: bytes) -> Registers:
        size = 2 * self.count
        if len(pdu) == size + 2 and pdu[1] == size and pdu[0] == self.function_code:
            return whole_registers(pdu[2:])
        raise _misfit(pdu, self.function_code, self.count)

    def apply(self, tables: Tables) -> Registers:
        return tables.read_registers(self.table, self.address, self.count)


@register
@dataclass(frozen=True, slots=True, init=False)
class ReadHoldingRegisters(_ReadRegisters):
    """Read 1 to 125 holding registers (function code 3)."""

    function_code: ClassVar[int] = 3
    table: ClassVar[Table] = Table.HOLDING_REGISTERS


@register
@dataclass(frozen=True, slots=True, init=False)
class ReadInputRegisters(_ReadRegisters):
    """Read 1 to 125 input registers (function code 4)."""

    function_code: ClassVar[int] = 4
    table: ClassVar[Table] = Table.INPUT_REGISTERS


@register
@dataclass(frozen=True, slots=True)
class WriteSingleRegister(Request[None]):
    """Write one holding register (function code 6)."""

    address: int
    value: int
    function_code: ClassVar[int] = 6
    table: ClassVar[Table] = Table.HOLDING_REGISTERS
    writes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        argument_address(self.address, 1, 1)
        argument_word("value", self.value)

    def encode(self) -> bytes:
        return SPAN.pack(6, self.address, self.value)

    @classmethod
    def decode(cls, pdu: bytes) -> WriteSingleRegister:
        check_structure(len(pdu) == 5)
        _, address, value = SPAN.unpack(pdu)
        return cls(address, value)

    def encode_response(self, result: None) -> bytes:
        return self.encode()

    def decode_response(self, pdu: bytes) -> None:
        expect_echo(pdu, self.encode())

    def apply(self, tables: Tables) -> None:
        tables.write_registers(Table.HOLDING_REGISTERS, self.address, Registers.of((self.value,)))

    def spans(self) -> tuple[tuple[Table, int, int, bool], ...]:
        return ((Table.HOLDING_REGISTERS, self.address, 1, True),)


@register
@dataclass(frozen=True, slots=True)
class WriteMultipleRegisters(Request[None]):
    """Write 1 to 123 holding registers (function code 16)."""

    address: int
    values: Sequence[int]
    function_code: ClassVar[int] = 16
    table: ClassVar[Table] = Table.HOLDING_REGISTERS
    writes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_registers(self.values))
        argument_address(self.address, len(self.values), MOST_WRITTEN)

    @property
    def count(self) -> int:
        """How many registers it writes."""
        return len(self.values)

    def encode(self) -> bytes:
        wire = as_registers(self.values).wire
        return _WRITE.pack(16, self.address, len(self.values), len(wire)) + wire

    @classmethod
    def decode(cls, pdu: bytes) -> WriteMultipleRegisters:
        check_structure(len(pdu) >= 8)
        _, address, count, size = _WRITE.unpack_from(pdu)
        check_structure(1 <= count <= MOST_WRITTEN and size == 2 * count and len(pdu) == 6 + size)
        check_span(address, count)
        return cls(address, Registers(pdu[6:]))

    def encode_response(self, result: None) -> bytes:
        return SPAN.pack(16, self.address, len(self.values))

    def decode_response(self, pdu: bytes) -> None:
        expect_echo(pdu, SPAN.pack(16, self.address, len(self.values)))

    def apply(self, tables: Tables) -> None:
        tables.write_registers(Table.HOLDING_REGISTERS, self.address, as_registers(self.values))

    def spans(self) -> tuple[tuple[Table, int, int, bool], ...]:
        return ((Table.HOLDING_REGISTERS, self.address, len(self.values), True),)


@register
@dataclass(frozen=True, slots=True)
class MaskWriteRegister(Request[None]):
    """Change bits of one holding register (function code 22).

    It becomes (old AND and_mask) OR (or_mask AND NOT and_mask).
    """

    address: int
    and_mask: int
    or_mask: int
    function_code: ClassVar[int] = 22
    table: ClassVar[Table] = Table.HOLDING_REGISTERS
    writes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        argument_address(self.address, 1, 1)
        argument_word("and_mask", self.and_mask)
        argument_word("or_mask", self.or_mask)

    def encode(self) -> bytes:
        return _MASK.pack(22, self.address, self.and_mask, self.or_mask)

    @classmethod
    def decode(cls, pdu: bytes) -> MaskWriteRegister:
        check_structure(len(pdu) == 7)
        _, address, and_mask, or_mask = _MASK.unpack(pdu)
        return cls(address, and_mask, or_mask)

    def encode_response(self, result: None) -> bytes:
        return self.encode()

    def decode_response(self, pdu: bytes) -> None:
        expect_echo(pdu, self.encode())

    def apply(self, tables: Tables) -> None:
        (old,) = tables.read_registers(Table.HOLDING_REGISTERS, self.address, 1)
        new = old & self.and_mask | self.or_mask & ~self.and_mask & 0xFFFF
        tables.write_registers(Table.HOLDING_REGISTERS, self.address, Registers.of((new,)))

    def spans(self) -> tuple[tuple[Table, int, int, bool], ...]:
        return ((Table.HOLDING_REGISTERS, self.address, 1, True),)


@register
@dataclass(frozen=True, slots=True)
class ReadWriteMultipleRegisters(Request[Registers]):
    """Write 1 to 121 holding registers, then read 1 to 125, in one request (function code 23)."""

    address: int
    count: int
    write_address: int
    values: Sequence[int]
    function_code: ClassVar[int] = 23
    table: ClassVar[Table] = Table.HOLDING_REGISTERS
    writes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_registers(self.values))
        argument_address(self.address, self.count, MOST_READ)
        argument_address(self.write_address, len(self.values), MOST_READ_WRITTEN)

    def encode(self) -> bytes:
        wire = as_registers(self.values).wire
        written = len(self.values)
        head = _READ_WRITE.pack(23, self.address, self.count, self.write_address, written, len(wire))
        return head + wire

    @classmethod
    def decode(cls, pdu: bytes) -> ReadWriteMultipleRegisters:
        check_structure(len(pdu) >= 12)
        _, address, count, write_address, written, size = _READ_WRITE.unpack_from(pdu)
        check_structure(1 <= count <= MOST_READ and 1 <= written <= MOST_READ_WRITTEN)
        check_structure(size == 2 * written and len(pdu) == 10 + size)
        check_span(address, count)
        check_span(write_address, written)
        return cls(address, count, write_address, Registers(pdu[10:]))

    def encode_response(self, result: Registers) -> bytes:
        return _encode_registers(23, result, self.count)

    def decode_response(self, pdu: bytes) -> Registers:
        size = 2 * self.count
        if len(pdu) == size + 2 and pdu[1] == size and pdu[0] == 23:
            return whole_registers(pdu[2:])
        raise _misfit(pdu, 23, self.count)

    def apply(self, tables: Tables) -> Registers:
        # The first read only finds out whether the addresses exist: nothing may be written otherwise.
        tables.read_registers(Table.HOLDING_REGISTERS, self.address, self.count)
        tables.write_registers(Table.HOLDING_REGISTERS, self.write_address, as_registers(self.values))
        return tables.read_registers(Table.HOLDING_REGISTERS, self.address, self.count)

    def spans(self) -> tuple[tuple[Table, int, int, bool], ...]:
        table = Table.HOLDING_REGISTERS
        return (table, self.write_address, len(self.values), True), (table, self.address, self.count, False)


def _encode_registers(function_code: int, registers: Registers, count: int) -> bytes:
    if len(registers) != count:
        raise ValueError(f"{count} registers were asked for, not {len(registers)}")
    return bytes((function_code, len(registers.wire))) + registers.wire


def _misfit(pdu: bytes, function_code: int, count: int) -> ProtocolError:
    """Why *pdu* is no answer that brings *count* registers."""
    expect_function(pdu, function_code)
    return ProtocolError(f"{count} registers take {2 * count} bytes, and the answer is {sizes(pdu)}")
