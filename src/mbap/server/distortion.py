"""What a fault makes of the bytes of an answer: pure, for every framing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from mbap.protocol.checksum import crc16, lrc
from mbap.server.faults import Fault, FaultKind

_HEADER = 6
"""What stands before the unit in an ADU on TCP."""


class Step(NamedTuple):
    """Something to do for an answer: wait *pause* seconds, send *data*, end the connection."""

    pause: float = 0.0
    data: bytes = b""
    end: Literal["", "close", "reset"] = ""


def steps(fault: Fault, frame: bytes, *, numbered: bool) -> list[Step]:
    """What to do instead of sending *frame*; *numbered* says that it has an MBAP header."""
    kind = fault.kind
    if kind in ("split", "trickle"):
        return [Step(fault.delay, frame[at : at + 1]) for at in range(len(frame))]
    if kind == "duplicate":
        return [Step(0.0, frame), Step(fault.delay, frame)]
    if kind == "rubbish_before":
        return [Step(0.0, fault.octets + frame)]
    if kind == "rubbish_after":
        return [Step(0.0, frame + fault.octets)]
    if kind == "close" or kind == "reset":
        sent = frame[: len(frame) // 2] if fault.when == "during" else frame
        return [Step(0.0, sent), Step(0.0, b"", kind)]
    return [Step(0.0, wrong(frame, kind, fault.value, numbered=numbered))]


_IN_HEADER: Mapping[FaultKind, tuple[int, int]] = {
    "wrong_transaction": (0, 2),
    "wrong_protocol": (2, 4),
    "wrong_length": (4, 6),
}
_IN_BODY: Mapping[FaultKind, int] = {"wrong_unit": 0, "wrong_function": 1, "wrong_byte_count": 2}


def wrong(frame: bytes, kind: FaultKind, value: int | None, *, numbered: bool) -> bytes:
    """*frame* with one field changed, to *value* or to one more than it was; checks are right again."""
    if kind in _IN_HEADER:
        return _with_field(frame, _IN_HEADER[kind], value) if numbered else frame
    place = _IN_BODY.get(kind)
    if place is None:
        return frame

    def change(body: bytes) -> bytes:
        return _with_field(body, (place, place + 1), value) if len(body) > place else body

    return _with_body(frame, change, numbered=numbered)


def _with_field(data: bytes, place: tuple[int, int], value: int | None) -> bytes:
    first, end = place
    size = end - first
    number = int.from_bytes(data[first:end], "big") + 1 if value is None else value
    return data[:first] + (number & ((1 << 8 * size) - 1)).to_bytes(size, "big") + data[end:]


def _with_body(frame: bytes, change: Callable[[bytes], bytes], *, numbered: bool) -> bytes:
    """*frame* with its unit and PDU changed, in the framing that it has."""
    if numbered:
        return frame[:_HEADER] + change(frame[_HEADER:])
    if frame.startswith(b":"):
        body = change(bytes.fromhex(frame[1:-4].decode("ascii")))
        return b":" + (body + bytes((lrc(body),))).hex().upper().encode("ascii") + frame[-2:]
    body = change(frame[:-2])
    return body + crc16(body).to_bytes(2, "little")
