"""Queues of registers: function code 24.

Application Protocol V1.1b3, 6.18.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from mbap.addresses import Table
from mbap.errors import IllegalFunction, ProtocolError
from mbap.protocol.pdu.base import (
    Request,
    Tables,
    argument_address,
    check_structure,
    expect_function,
    register,
)
from mbap.protocol.pdu.extras import Fifos
from mbap.protocol.wire import Registers

MOST_QUEUED = 31

_POINTER = struct.Struct(">BH")
_HEAD = struct.Struct(">BHH")


@register
@dataclass(frozen=True, slots=True)
class ReadFifoQueue(Request[Registers]):
    """Read the 0 to 31 registers of a queue, oldest first, and leave them in it (function code 24).

    *address* is the queue's pointer, a holding register.
    """

    address: int
    function_code: ClassVar[int] = 24
    table: ClassVar[Table] = Table.HOLDING_REGISTERS

    def __post_init__(self) -> None:
        argument_address(self.address, 1, 1)

    def encode(self) -> bytes:
        return _POINTER.pack(24, self.address)

    @classmethod
    def decode(cls, pdu: bytes) -> ReadFifoQueue:
        check_structure(len(pdu) == 3)
        return cls(_POINTER.unpack(pdu)[1])

    def encode_response(self, result: Registers) -> bytes:
        if len(result) > MOST_QUEUED:
            raise ValueError(f"a queue gives at most {MOST_QUEUED} registers, not {len(result)}")
        return _HEAD.pack(24, 2 + len(result.wire), len(result)) + result.wire

    def decode_response(self, pdu: bytes) -> Registers:
        expect_function(pdu, 24)
        if len(pdu) < _HEAD.size:
            raise ProtocolError(f"a queue takes at least 5 bytes, and the answer has {len(pdu)}")
        _, size, count = _HEAD.unpack_from(pdu)
        if count > MOST_QUEUED or size != 2 + 2 * count or len(pdu) != 3 + size:
            raise ProtocolError(f"{len(pdu)} bytes with a byte count of {size} are no queue of {count}")
        return Registers(pdu[_HEAD.size :])

    def apply(self, tables: Tables) -> Registers:
        if not isinstance(tables, Fifos):
            raise IllegalFunction
        queued = tables.read_fifo(self.address)
        check_structure(len(queued) <= MOST_QUEUED)
        return queued

    def spans(self) -> tuple[tuple[Table, int, int, bool], ...]:
        return ((Table.HOLDING_REGISTERS, self.address, 1, False),)
