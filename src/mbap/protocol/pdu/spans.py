"""A function code, an address, and a count or value: how most requests begin, and all that reads are."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

from mbap.addresses import Table
from mbap.protocol.pdu.base import ADDRESSES, Request, argument_address, check_span, check_structure

R = TypeVar("R")
_Span = TypeVar("_Span", bound="ReadSpan[Any]")

SPAN: Final = struct.Struct(">BHH")
"""Function code, address, and a count or value."""


@dataclass(frozen=True, slots=True, init=False)
class ReadSpan(Request[R]):
    """A request for *count* items of a table from *address* on."""

    address: int
    count: int
    table: ClassVar[Table]
    most: ClassVar[int]
    """How many fit into one answer."""

    def __init__(self, address: int, count: int) -> None:
        if not (address >= 0 and 1 <= count <= self.most and address + count <= ADDRESSES):
            argument_address(address, count, self.most)  # says which of them is wrong
        _put_address(self, address)
        _put_count(self, count)

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


# What a frozen dataclass puts its attributes with, found once: a client makes one request for every read.
_put_address: Callable[[object, int], None] = ReadSpan.__dict__["address"].__set__
_put_count: Callable[[object, int], None] = ReadSpan.__dict__["count"].__set__
