"""Any bytes explained as frames of a serial line, RTU or ASCII: where each begins and ends, and its check."""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum
from typing import Final

from mbap.protocol.checksum import SHORTEST_CHECKED, checked_length, crc16, lrc
from mbap.protocol.explain import Conversation, Explanation, Role, explain, with_readings
from mbap.protocol.fields import Field, amount
from mbap.protocol.pdu.lengths import LONGEST_PDU, UNTOLD, Length, request_length, response_length
from mbap.protocol.tcp import HEADER, LONGEST, SHORTEST

LONGEST_FRAME: Final = 256
_LENGTHS: Final = {Role.REQUEST: (request_length,), Role.RESPONSE: (response_length,)}
_BOTH: Final = (request_length, response_length)
_ASCII_BEGIN: Final = re.compile(rb"\s*:[0-9A-Fa-f]{2}")
_ASCII_FRAME: Final = re.compile(rb":[^:\r\n]*[\r\n]*|[^:]+")
_END: Final = b"\r\n"


class Framed(Enum):
    """How messages are packed."""

    TCP = "tcp"
    RTU = "rtu"
    ASCII = "ascii"


def framing_of(data: bytes) -> tuple[Framed, str]:
    """What *data* is packed in, and how that shows: TCP and nothing, where nothing shows."""
    if _ASCII_BEGIN.match(data):
        return Framed.ASCII, "it begins with a colon"
    if _right_end(data, 0, _BOTH) or (len(data) >= SHORTEST_CHECKED and crc16(data) == 0):
        return Framed.RTU, "its CRC is right"
    if _is_mbap(data):
        return Framed.TCP, "it begins with an MBAP header"
    if len(data) in _ends(data, 0, _BOTH) and _fits(data):
        return Framed.RTU, "there is no MBAP header, and the length is that of an RTU frame"
    if any(_right_end(data, at, _BOTH) for at in range(min(len(data), LONGEST_FRAME))):
        return Framed.RTU, "there is no MBAP header, and the CRC of a frame is right"
    return Framed.TCP, ""


def explain_framed(data: bytes, framing: Framed, role: Role | None = None) -> list[Explanation]:
    """*data* as messages in *framing*, one after the other; never raises. See `explain`."""
    return _EXPLAIN[framing](data, role)


def explain_rtu(data: bytes, role: Role | None = None) -> list[Explanation]:
    """*data* as RTU frames; never raises, whatever it is.

    Where a frame ends shows its content together with its check. What lies between right frames is one
    frame whose check is wrong, as long as its content says.
    """
    conversation = Conversation(role)
    lengths = _LENGTHS[role] if role else _BOTH
    return [
        _rtu_frame(data, start, end, index, conversation)
        for index, (start, end) in enumerate(_rtu_frames(data, lengths))
    ]


def explain_ascii(data: bytes, role: Role | None = None) -> list[Explanation]:
    """*data* as ASCII frames; never raises, whatever it is. Fields have the bytes that the digits mean."""
    conversation = Conversation(role)
    found = [match for match in _ASCII_FRAME.finditer(data) if match[0].strip()]
    return [_ascii_frame(match[0], match.start(), index, conversation) for index, match in enumerate(found)]


def _is_mbap(data: bytes) -> bool:
    if len(data) < HEADER.size:
        return False
    _, protocol, length, _ = HEADER.unpack_from(data)
    return int(protocol) == 0 and SHORTEST <= length <= LONGEST


def _fits(data: bytes) -> bool:
    return any(not one.faults for one in _one_frame(data).readings)


def _one_frame(data: bytes) -> Explanation:
    """*data* explained as one RTU frame, its check aside."""
    return with_readings(Explanation(0, data, ()), 0, slice(1, len(data) - 2), (0, 0), Conversation())


def _ends(data: bytes, start: int, lengths: tuple[Length, ...]) -> list[int]:
    """Where the frame that begins at *start* would end by its content: inside *data*, or nowhere."""
    sizes = [length(data, start + 1) for length in lengths]
    ends = [start + size + 3 for size in sizes if size and size <= LONGEST_PDU]
    return [end for end in ends if end <= len(data)]


def _right_end(data: bytes, start: int, lengths: tuple[Length, ...]) -> int:
    """Where the frame ends that begins at *start* and has its right check; 0 if there is none."""
    return next((end for end in _ends(data, start, lengths) if crc16(data[start:end]) == 0), 0)


def _rtu_frames(data: bytes, lengths: tuple[Length, ...]) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(data):
        end = _right_end(data, start, lengths) or _untold_end(data, start, lengths)
        if not end:
            end = _wrong_end(data, start, lengths)
        yield start, end
        start = end


def _untold_end(data: bytes, start: int, lengths: tuple[Length, ...]) -> int:
    if all(length(data, start + 1) != UNTOLD for length in lengths):
        return 0
    size = checked_length(data[start : start + LONGEST_FRAME])
    return start + size if size else 0


def _wrong_end(data: bytes, start: int, lengths: tuple[Length, ...]) -> int:
    """Where a frame ends whose check is wrong: before the next right one, or where its content says."""
    told = _ends(data, start, lengths)
    most = max(told, default=len(data))
    limit = next((at for at in range(start + 1, most) if _right_end(data, at, lengths)), most)
    if limit < most or not told:
        return limit
    return min(told, key=lambda end: len(_one_frame(data[start:end]).every_fault))


def _rtu_frame(data: bytes, start: int, end: int, index: int, conversation: Conversation) -> Explanation:
    frame = data[start:end]
    if not SHORTEST_CHECKED <= len(frame) <= LONGEST_FRAME:
        return _no_frame(frame, start, f"an RTU frame has {SHORTEST_CHECKED} to {LONGEST_FRAME}")
    crc = crc16(frame[:-2]).to_bytes(2, "little")
    trailer, faults = _check("CRC", frame[-2:], crc, end - 2)
    header = (_unit(start, frame[:1]),)
    one = Explanation(start, frame, header, faults=faults, trailer=(trailer,))
    return with_readings(one, index, slice(1, len(frame) - 2), (0, frame[0]), conversation)


def _no_frame(data: bytes, offset: int, why: str) -> Explanation:
    field = Field(offset, data, "rest", amount(len(data)), "no frame")
    return Explanation(offset, data, (field,), faults=(f"{amount(len(data))} are no frame: {why}",))


def _unit(offset: int, data: bytes) -> Field:
    return Field(offset, data, "unit", data[0], "" if data[0] else "all of them: a broadcast is not answered")


def _check(name: str, is_: bytes, right: bytes, offset: int) -> tuple[Field, tuple[str, ...]]:
    """The check as a field, and what is wrong with it."""
    if is_ == right:
        return Field(offset, is_, name, "right"), ()
    meaning = f"{right.hex(' ')} would be right"
    return Field(offset, is_, name, "wrong", meaning), (f"{name} is {is_.hex(' ')}, and {meaning}",)


def _ascii_frame(text: bytes, offset: int, index: int, conversation: Conversation) -> Explanation:
    digits = text.rstrip(_END)
    end = text[len(digits) :]
    digits = digits[1:].rstrip()
    body, faults = _digits(text[:1], digits)
    if not SHORTEST_CHECKED <= len(body) + 1 <= LONGEST_FRAME:
        why = f"an ASCII frame has 2 digits for each of {SHORTEST_CHECKED - 1} to {LONGEST_FRAME - 1}"
        none = _no_frame(text, offset, why)
        return replace(none, faults=faults) if faults else none
    trailer, wrong = _check("LRC", body[-1:], bytes((lrc(body[:-1]),)), len(body) - 1)
    faults += wrong
    if end != _END:
        said = end.hex(" ") or "nothing"
        faults += (f"it ends with {said}, and carriage return and line feed (0d 0a) would be right",)
    one = Explanation(0, body, (_unit(0, body[:1]),), faults=faults, trailer=(trailer,))
    one = with_readings(one, index, slice(1, len(body) - 1), (0, body[0]), conversation)
    return _placed(replace(one, offset=offset, data=text), offset)


def _digits(begin: bytes, digits: bytes) -> tuple[bytes, tuple[str, ...]]:
    if begin != b":":
        return b"", ("it does not begin with a colon",)
    if len(digits) % 2:
        return b"", (f"{len(digits)} digits are an odd number: a byte has two",)
    try:
        return unhexlify(digits), ()
    except ValueError:
        return b"", ("what follows the colon is not hexadecimal",)


def _placed(one: Explanation, offset: int) -> Explanation:
    """*one* with its fields where their digits are in the text that begins at *offset*."""

    def moved(fields: tuple[Field, ...]) -> tuple[Field, ...]:
        return tuple(replace(field, offset=offset + 1 + 2 * field.offset) for field in fields)

    readings = tuple(replace(reading, fields=moved(reading.fields)) for reading in one.readings)
    return replace(one, header=moved(one.header), readings=readings, trailer=moved(one.trailer))


_EXPLAIN: Final[dict[Framed, Callable[[bytes, Role | None], list[Explanation]]]] = {
    Framed.TCP: explain,
    Framed.RTU: explain_rtu,
    Framed.ASCII: explain_ascii,
}
