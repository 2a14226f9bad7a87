"""What is known of a serial line: units whose answer may still come, and how long messages take there."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mbap.protocol.pdu.base import Request
from mbap.protocol.pdu.lengths import LONGEST_PDU
from mbap.protocol.transaction import AnyTransaction

_READS_BITS: Final = (1, 2)
_READS_REGISTERS: Final = (3, 4, 23)
_WRITES: Final = (5, 6, 15, 16, 22)
_FRAME: Final = 4
"""The bytes of a frame besides its PDU: one more than RTU has, for what ASCII has besides two for each."""


class Absence(NamedTuple):
    """A unit is not asked for a while: an answer of it may come that nothing would tell from the next.

    Attributes:
        transaction: what that would answer.
        until: when it is not waited for any longer.
        lasts: it stays until then, whatever comes.
    """

    transaction: AnyTransaction
    until: float
    lasts: bool


def bytes_on_line(request: Request[Any], *, answered: bool = True) -> int:
    """How many bytes go over the line for *request*, with the longest answer to it if it is answered."""
    pdu = request.encode()
    asked = len(pdu) + _FRAME
    return asked + _longest_answer(pdu) + _FRAME if answered else asked


def _longest_answer(pdu: bytes) -> int:
    """How long the PDU of an answer can be."""
    code = pdu[0]
    if code in _READS_BITS:
        return 2 + (int.from_bytes(pdu[3:5], "big") + 7) // 8
    if code in _READS_REGISTERS:
        return min(2 + 2 * int.from_bytes(pdu[3:5], "big"), LONGEST_PDU)
    return 7 if code in _WRITES else LONGEST_PDU
