"""A request as people write it: in words, as a PDU or a whole frame in hexadecimal."""

from __future__ import annotations

from typing import Any, NamedTuple

from mbap.addresses import parse_item
from mbap.errors import ExceptionResponse
from mbap.protocol.hextext import parse_hex
from mbap.protocol.pdu.base import Request, decode_request, request_class

WORDS = (
    'write it as "read hr0..9", "write hr10=42 hr11=7", "mask hr4 0x00F2 0x0025", "function 90 0040FF00",'
    " or in hexadecimal as a PDU or a whole frame"
)


class Asked(NamedTuple):
    """A request, or why it is none.

    Attributes:
        request: None where the PDU breaks the standard.
        unit: what the frame says; None where only the PDU is given.
        refusal: what breaks the standard is answered so.
    """

    request: Request[Any] | None
    unit: int | None = None
    refusal: ExceptionResponse | None = None


def parse_request(text: str) -> Asked:
    """The request that *text* says.

    Raises:
        ValueError: it says none; the sentence shows how to write one.
    """
    words = text.split()
    if not words:
        raise ValueError(f"there is no request: {WORDS}")
    verb, rest = words[0].lower(), words[1:]
    if verb == "read" and rest:
        return Asked(_one(_reads(rest), text))
    if verb == "write" and rest:
        return Asked(_one(_writes(rest), text))
    if verb == "mask" and len(rest) == 3:
        return Asked(_mask(rest))
    if verb == "function" and rest:
        return _pdu(_function(rest))
    try:
        return _frame(parse_hex(text))
    except ValueError as error:
        if verb[0] in "0123456789abcdef" and not verb.isalpha():
            raise
        raise ValueError(f'"{text}" is no request: {WORDS}') from error


def _reads(rest: list[str]) -> list[Request[Any]]:
    from mbap.cli.encode import reads

    if len(rest) > 2 or not (rest[1] if len(rest) == 2 else "1").isdecimal():
        raise ValueError("read takes an address and perhaps a count: read hr0..9, read 40108 3")
    return list(reads(parse_item(rest[0]), int(rest[1]) if len(rest) == 2 else None, ""))


def _writes(rest: list[str]) -> list[Request[Any]]:
    from mbap.cli.encode import joined
    from mbap.cli.write import planned

    return joined([planned(assignment, "").request for assignment in rest], multiple=False)


def _mask(rest: list[str]) -> Request[Any]:
    from mbap.protocol.pdu import MaskWriteRegister

    return MaskWriteRegister(parse_item(rest[0]).address, int(rest[1], 0), int(rest[2], 0))


def _function(rest: list[str]) -> bytes:
    if not rest[0].isdecimal() or not 1 <= int(rest[0]) <= 127:
        raise ValueError(f'"{rest[0]}" is no function code: 1 to 127, then its data in hexadecimal')
    return bytes((int(rest[0]),)) + (parse_hex(" ".join(rest[1:])) if rest[1:] else b"")


def _one(requests: list[Request[Any]], text: str) -> Request[Any]:
    if len(requests) != 1:
        raise ValueError(f'"{text}" is {len(requests)} requests: ask about one at a time')
    return requests[0]


def _frame(data: bytes) -> Asked:
    """A frame of Modbus TCP where it can be one, else a PDU."""
    if len(data) >= 8 and data[2:4] == b"\0\0" and int.from_bytes(data[4:6], "big") == len(data) - 6:
        return _pdu(data[7:])._replace(unit=data[6])
    return _pdu(data)


def _pdu(pdu: bytes) -> Asked:
    try:
        if pdu and 0 < pdu[0] < 0x80 and request_class(pdu[0]) is None:
            from mbap.protocol.pdu import Opaque

            return Asked(Opaque.decode(pdu))
        return Asked(decode_request(pdu))
    except ExceptionResponse as refusal:
        return Asked(None, refusal=refusal)
