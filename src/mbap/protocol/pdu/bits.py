"""Coils and discrete inputs: function codes 1, 2, 5 and 15.

Application Protocol V1.1b3, 6.1, 6.2, 6.5 and 6.11.
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
    as_bits,
    check_span,
    check_structure,
    expect_echo,
    expect_function,
    register,
    sizes,
)
from mbap.protocol.pdu.spans import SPAN, ReadSpan
from mbap.protocol.wire import Bits

MOST_READ = 2000
MOST_WRITTEN = 1968
ON, OFF = 0xFF00, 0x0000

_WRITE = struct.Struct(">BHHB")


@dataclass(frozen=True, slots=True, init=False)
class _ReadBits(ReadSpan[Bits]):
    """What reading coils and reading discrete inputs share."""

    most: ClassVar[int] = MOST_READ

    def encode_response(self, result: Bits) -> bytes:
        if len(result) != self.count:
            raise ValueError(f"{self.count} bits were asked for, not {len(result)}")
        return bytes((self.function_code, len(result.wire))) + result.wire

    def decode_response(self, pdu: bytes) -> Bits:
        expect_function(pdu, self.function_code)
        size = (self.count + 7) // 8
        if len(pdu) != size + 2 or pdu[1] != size:
            raise ProtocolError(f"{self.count} bits take {size} bytes, and the answer is {sizes(pdu)}")
        return Bits(pdu[2:], self.count)

    def apply(self, tables: Tables) -> Bits:
        return tables.read_bits(self.table, self.address, self.count)


@register
@dataclass(frozen=True, slots=True, init=False)
class ReadCoils(_ReadBits):
    """Read 1 to 2,000 coils (function code 1)."""

    function_code: ClassVar[int] = 1
    table: ClassVar[Table] = Table.COILS


@register
@dataclass(frozen=True, slots=True, init=False)
class ReadDiscreteInputs(_ReadBits):
    """Read 1 to 2,000 discrete inputs (function code 2)."""

    function_code: ClassVar[int] = 2
    table: ClassVar[Table] = Table.DISCRETE_INPUTS


@register
@dataclass(frozen=True, slots=True)
class WriteSingleCoil(Request[None]):
    """Switch one coil on or off (function code 5)."""

    address: int
    value: bool
    function_code: ClassVar[int] = 5
    table: ClassVar[Table] = Table.COILS
    writes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        argument_address(self.address, 1, 1)

    def encode(self) -> bytes:
        return SPAN.pack(5, self.address, ON if self.value else OFF)

    @classmethod
    def decode(cls, pdu: bytes) -> WriteSingleCoil:
        check_structure(len(pdu) == 5)
        _, address, value = SPAN.unpack(pdu)
        check_structure(value in (ON, OFF))
        return cls(address, value == ON)

    def encode_response(self, result: None) -> bytes:
        return self.encode()

    def decode_response(self, pdu: bytes) -> None:
        expect_echo(pdu, self.encode())

    def apply(self, tables: Tables) -> None:
        tables.write_bits(Table.COILS, self.address, Bits.of((self.value,)))

    def spans(self) -> tuple[tuple[Table, int, int, bool], ...]:
        return ((Table.COILS, self.address, 1, True),)


@register
@dataclass(frozen=True, slots=True)
class WriteMultipleCoils(Request[None]):
    """Switch 1 to 1,968 coils (function code 15)."""

    address: int
    values: Sequence[bool]
    function_code: ClassVar[int] = 15
    table: ClassVar[Table] = Table.COILS
    writes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_bits(self.values))
        argument_address(self.address, len(self.values), MOST_WRITTEN)

    @property
    def count(self) -> int:
        """How many coils it switches."""
        return len(self.values)

    def encode(self) -> bytes:
        wire = as_bits(self.values).wire
        return _WRITE.pack(15, self.address, len(self.values), len(wire)) + wire

    @classmethod
    def decode(cls, pdu: bytes) -> WriteMultipleCoils:
        check_structure(len(pdu) >= 7)
        _, address, count, size = _WRITE.unpack_from(pdu)
        check_structure(1 <= count <= MOST_WRITTEN and size == (count + 7) // 8 and len(pdu) == 6 + size)
        check_span(address, count)
        return cls(address, Bits(pdu[6:], count))

    def encode_response(self, result: None) -> bytes:
        return SPAN.pack(15, self.address, len(self.values))

    def decode_response(self, pdu: bytes) -> None:
        expect_echo(pdu, SPAN.pack(15, self.address, len(self.values)))

    def apply(self, tables: Tables) -> None:
        tables.write_bits(Table.COILS, self.address, as_bits(self.values))

    def spans(self) -> tuple[tuple[Table, int, int, bool], ...]:
        return ((Table.COILS, self.address, len(self.values), True),)
