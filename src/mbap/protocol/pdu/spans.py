"""A function code, an address, and a count or value: how most requests begin, and all that reads are."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

from mbap.addresses import Table
from mbap.protocol.pdu.base import Request, argument_address, check_span, check_structure

R = TypeVar("R")
_Span = TypeVar("_Span", bound="ReadSpan[Any]")

SPAN: Final = struct.Struct(">BHH")
"""Function code, address, and a count or value."""


@dataclass(frozen=True, slots=True)
class ReadSpan(Request[R]):
    """A request for *count* items of a table from *address* on."""

    address: int
    count: int
    table: ClassVar[Table]
    most: ClassVar[int]
    """How many fit into one answer."""

    def __post_init__(self) -> None:
        argument_address(self.address, self.count, self.most)

    def encode(self) -> bytes:
        return SPAN.pack(self.function_code, self.address, self.count)

    @classmethod
    def decode(cls: type[_Span], pdu: bytes) -> _Span:
        check_structure(len(pdu) == 5)
        _, address, count = SPAN.unpack(pdu)
        check_structure(1 <= count <= cls.most)
        check_span(address, count)
        return cls(address, count)

    def spans(self) -> tuple[tuple[Table, int, int, bool], ...]:
        return ((self.table, self.address, self.count, False),)
