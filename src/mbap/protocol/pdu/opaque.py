"""A request of any function code, passed on as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mbap.protocol.pdu.base import (
    EXCEPTION_FLAG,
    LONGEST_PDU,
    Request,
    check_structure,
    expect_fitting,
    expect_function,
    fitting,
)


@dataclass(frozen=True, slots=True)
class Opaque(Request[bytes]):
    """Any other function code, passed on unchanged; the result is what follows the code in the answer."""

    code: int
    data: bytes = b""
    writes: ClassVar[bool] = True

    @property
    def function_code(self) -> int:  # type: ignore[override]
        """The code, which here belongs to the object and not to the class."""
        return self.code

    @property
    def title(self) -> str:
        return f"function {self.code}"

    def __post_init__(self) -> None:
        if not 1 <= self.code < EXCEPTION_FLAG:
            raise ValueError(f"a function code is 1 to 127, not {self.code}")
        if len(self.data) > 252:
            raise ValueError(f"a PDU has room for 252 bytes after the function code, not {len(self.data)}")

    def encode(self) -> bytes:
        return bytes((self.code,)) + self.data

    @classmethod
    def decode(cls, pdu: bytes) -> Opaque:
        check_structure(1 <= len(pdu) <= LONGEST_PDU and 1 <= pdu[0] < EXCEPTION_FLAG)
        return cls(pdu[0], pdu[1:])

    def encode_response(self, result: bytes) -> bytes:
        return fitting(bytes((self.code,)) + result)

    def decode_response(self, pdu: bytes) -> bytes:
        expect_function(pdu, self.code)
        expect_fitting(pdu)
        return pdu[1:]
