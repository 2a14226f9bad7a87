"""Diagnostics of a serial line: function code 8 with its sub-functions.

Application Protocol V1.1b3, 6.8.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final

from mbap.errors import IllegalFunction, ProtocolError
from mbap.protocol.pdu.base import (
    Request,
    Tables,
    argument_word,
    check_structure,
    expect_function,
    register,
)
from mbap.protocol.pdu.extras import SerialStatus

LONGEST_DATA = 250

_HEAD = struct.Struct(">BH")


class SubFunction(IntEnum):
    """The sub-functions of the standard; all others are reserved."""

    RETURN_QUERY_DATA = 0
    RESTART_COMMUNICATIONS = 1
    RETURN_DIAGNOSTIC_REGISTER = 2
    CHANGE_ASCII_INPUT_DELIMITER = 3
    FORCE_LISTEN_ONLY_MODE = 4
    CLEAR_COUNTERS_AND_DIAGNOSTIC_REGISTER = 10
    RETURN_BUS_MESSAGE_COUNT = 11
    RETURN_BUS_COMMUNICATION_ERROR_COUNT = 12
    RETURN_BUS_EXCEPTION_ERROR_COUNT = 13
    RETURN_SERVER_MESSAGE_COUNT = 14
    RETURN_SERVER_NO_RESPONSE_COUNT = 15
    RETURN_SERVER_NAK_COUNT = 16
    RETURN_SERVER_BUSY_COUNT = 17
    RETURN_BUS_CHARACTER_OVERRUN_COUNT = 18
    CLEAR_OVERRUN_COUNTER_AND_FLAG = 20


GIVING_A_WORD: Final = frozenset({2, *range(11, 19)})
"""The sub-functions that give a counter or the diagnostic register; all others repeat the request."""
READING: Final = GIVING_A_WORD | {0}
"""The sub-functions that change nothing."""

_NAMES: Final = {code.value: code.name.lower().replace("_", " ") for code in SubFunction}


@register
@dataclass(frozen=True, slots=True)
class Diagnostics(Request[bytes]):
    """Test the line, or read or clear a counter of the device (function code 8).

    The result is the data of the answer: a counter or the diagnostic register in two bytes, for every other
    sub-function *data* again. A reserved sub-function is passed on with any data and any answer.

    *data* is two bytes of 0 for most; for RETURN_QUERY_DATA 2 to 250, an even number; for
    RESTART_COMMUNICATIONS 0000, or FF00 to clear the event log too; for CHANGE_ASCII_INPUT_DELIMITER the
    character and 00.
    """

    sub_function: int
    data: bytes = b"\0\0"
    function_code: ClassVar[int] = 8

    def __post_init__(self) -> None:
        argument_word("sub_function", self.sub_function)
        if not _fits(self.sub_function, self.data):
            raise ValueError(f"{self.title} does not go with the data {self.data.hex(' ') or 'of no bytes'}")

    @property
    def writes(self) -> bool:  # type: ignore[override]
        """Whether it may change the device, which here depends on the sub-function."""
        return self.sub_function not in READING

    @property
    def answered(self) -> bool:
        """False for the one that the standard leaves unanswered: FORCE_LISTEN_ONLY_MODE."""
        return self.sub_function != SubFunction.FORCE_LISTEN_ONLY_MODE

    @property
    def title(self) -> str:
        name = _NAMES.get(self.sub_function, f"sub-function {self.sub_function}")
        return f"diagnostics, {name}"

    def encode(self) -> bytes:
        return _HEAD.pack(8, self.sub_function) + self.data

    @classmethod
    def decode(cls, pdu: bytes) -> Diagnostics:
        check_structure(len(pdu) >= _HEAD.size)
        _, sub_function = _HEAD.unpack_from(pdu)
        check_structure(_fits(sub_function, pdu[_HEAD.size :]))
        return cls(sub_function, pdu[_HEAD.size :])

    def encode_response(self, result: bytes) -> bytes:
        if not self._is_answer(result):
            raise ValueError(f"{self.title} is not answered by the data {result.hex(' ')}")
        return _HEAD.pack(8, self.sub_function) + result

    def decode_response(self, pdu: bytes) -> bytes:
        expect_function(pdu, 8)
        if len(pdu) < _HEAD.size or _HEAD.unpack_from(pdu)[1] != self.sub_function:
            raise ProtocolError(f"{pdu.hex(' ')} does not answer {self.title}")
        if not self._is_answer(pdu[_HEAD.size :]):
            raise ProtocolError(f"{self.title} is not answered by the data {pdu[_HEAD.size :].hex(' ')}")
        return pdu[_HEAD.size :]

    def _is_answer(self, data: bytes) -> bool:
        if self.sub_function in GIVING_A_WORD:
            return len(data) == 2
        return data == self.data if self.sub_function in _NAMES else len(data) <= LONGEST_DATA

    def apply(self, tables: Tables) -> bytes:
        if not isinstance(tables, SerialStatus) or self.sub_function not in _NAMES:
            raise IllegalFunction
        return tables.diagnostics(self.sub_function, self.data)


def _fits(sub_function: int, data: bytes) -> bool:
    """Whether *data* is what the standard allows for *sub_function*."""
    if sub_function not in _NAMES:
        return len(data) <= LONGEST_DATA
    if sub_function == SubFunction.RETURN_QUERY_DATA:
        return 2 <= len(data) <= LONGEST_DATA and len(data) % 2 == 0
    if sub_function == SubFunction.RESTART_COMMUNICATIONS:
        return data in (b"\0\0", b"\xff\0")
    if sub_function == SubFunction.CHANGE_ASCII_INPUT_DELIMITER:
        return len(data) == 2 and data[1] == 0
    return data == b"\0\0"
