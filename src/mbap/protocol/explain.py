"""Any bytes explained as Modbus TCP: every ADU, every field, request or response, and what is wrong where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.checksum import crc16
from mbap.protocol.fields import SURPLUS, Cursor, CutOff, Field, amount, function_name
from mbap.protocol.layouts import exception_meaning, walk_request, walk_response
from mbap.protocol.pdu import Opaque, Request, decode_request, raise_exception
from mbap.protocol.pdu.base import EXCEPTION_FLAG
from mbap.protocol.tcp import HEADER, LONGEST, SHORTEST


class Role(Enum):
    """What an ADU is in a conversation."""

    REQUEST = "request"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand a PDU.

    Attributes:
        faults: why it is not that, if it is not; sentences.
    """

    role: Role
    summary: str
    fields: tuple[Field, ...]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """One ADU explained.

    Attributes:
        offset: where it begins in the input.
        header: the fields of the MBAP header; on a serial line the unit.
        trailer: the check of a serial line.
        readings: what its PDU is; two where it can be a request as well as a response.
        faults: what is wrong with the header, or with all readings.
        answers: the index of the explanation whose request this answers.
    """

    offset: int
    data: bytes
    header: tuple[Field, ...]
    readings: tuple[Reading, ...] = ()
    faults: tuple[str, ...] = ()
    answers: int | None = None
    trailer: tuple[Field, ...] = ()

    @property
    def every_fault(self) -> tuple[str, ...]:
        """All that is wrong with it; empty when it is a right ADU."""
        if any(not reading.faults for reading in self.readings):
            return self.faults
        return self.faults + tuple(fault for reading in self.readings for fault in reading.faults)


@dataclass(slots=True)
class _Pending:
    """A request that may still be answered in the same input."""

    index: int
    request: Request[object]


@dataclass(slots=True)
class Conversation:
    """Which requests were seen, so that their answers are known: the last of each transaction and unit."""

    role: Role | None = None
    pending: dict[tuple[int, int], _Pending] = field(default_factory=dict)


def explain(data: bytes, role: Role | None = None) -> list[Explanation]:
    """*data* as one ADU after the other; never raises, whatever it is.

    A response that follows its request (same transaction, unit and function) is explained with the request's
    addresses. *role* says what every ADU is, where it could be both.
    """
    conversation = Conversation(role)
    explained = [_explained(adu, index, conversation) for index, adu in enumerate(_adus(data))]
    if len(explained) > 1 and len(explained[-1].data) < _HEADER:
        explained[-1] = _maybe_of_the_one_before(explained[-2], explained[-1])
    return explained


def _maybe_of_the_one_before(before: Explanation, rest: Explanation) -> Explanation:
    length = len(before.data) + len(rest.data) - 6
    left = "this byte belongs" if len(rest.data) == 1 else f"these {len(rest.data)} bytes belong"
    fault = f"if {left} to the ADU before, its length should be {length}"
    return replace(rest, faults=(*rest.faults, fault))


def hint(data: bytes) -> str:
    """What *data* may be instead, if it is not Modbus TCP: an RTU frame, a PDU alone, TLS, HTTP; or empty."""
    if len(data) >= 4 and crc16(data[:-2]) == int.from_bytes(data[-2:], "little"):
        name = function_name(data[1] & ~EXCEPTION_FLAG)
        return f"this is a Modbus RTU frame: its CRC is right (unit {data[0]}, function {data[1]}, {name})"
    readings = [reading for reading in _readings(data, 0) if not reading.faults] if data else []
    if readings and data[0] & ~EXCEPTION_FLAG in _FUNCTIONS_WITH_STRUCTURE:
        return f"without the 7 bytes of an MBAP header this is a PDU: {readings[0].summary}"
    if data[:2] in _TLS and data[2:3] in _TLS_MINOR:
        return "this may be TLS, in which nothing can be read: take the frames where it ends, or from a log"
    return next(
        (f"this is {name}: is the port right?" for sign, name in _FOREIGN if data.startswith(sign)), ""
    )


_HEADER = HEADER.size
_TLS = frozenset((b"\x14\x03", b"\x15\x03", b"\x16\x03", b"\x17\x03"))
_TLS_MINOR = frozenset((b"\1", b"\2", b"\3", b"\4"))
_FOREIGN = ((b"GET ", "HTTP"), (b"POST ", "HTTP"), (b"HTTP/", "HTTP"), (b"SSH-", "SSH"))
_FUNCTIONS_WITH_STRUCTURE = frozenset({1, 2, 3, 4, 5, 6, 15, 16, 22, 23})


def _adus(data: bytes) -> Iterator[Explanation]:
    """The ADUs in *data* by their headers, without their PDUs explained; the last one may be cut off."""
    start = 0
    while start < len(data):
        adu = _header(data, start)
        yield adu
        start += len(adu.data)


def _header(data: bytes, start: int) -> Explanation:
    cursor = Cursor(data[start : start + _HEADER], start)
    try:
        cursor.number("transaction", 2)
        protocol = cursor.number("protocol", 2, lambda value: "not Modbus" if value else "Modbus")
        length = cursor.number("length", 2, lambda value: f"{amount(value)} follow")
        cursor.number("unit", 1)
    except CutOff:
        return Explanation(start, data[start:], tuple(cursor.fields), faults=tuple(cursor.faults))
    there = len(data) - start - 6
    possible = SHORTEST <= length <= LONGEST
    cursor.check(protocol == 0, f"protocol is {protocol}, and only 0 is Modbus")
    cursor.check(possible, f"length is {length}, and {SHORTEST} to {LONGEST} is possible")
    cut = f"length says that {length} bytes follow, and there are {there}: cut off, or a wrong length"
    cursor.check(not possible or length <= there, cut)
    end = start + 6 + length if possible else len(data)
    return Explanation(start, data[start:end], tuple(cursor.fields), faults=tuple(cursor.faults))


def _explained(adu: Explanation, index: int, conversation: Conversation) -> Explanation:
    if len(adu.data) <= _HEADER or int.from_bytes(adu.data[2:4], "big"):
        return adu
    transaction, _, _, unit = HEADER.unpack_from(adu.data)
    return with_readings(adu, index, slice(_HEADER, None), (transaction, unit), conversation)


def with_readings(
    adu: Explanation, index: int, body: slice, key: tuple[int, int], conversation: Conversation
) -> Explanation:
    """*adu*, the *index*th of *conversation*, with the PDU explained that *body* cuts out of it.

    *key* is the same for a request and its answer: transaction and unit.
    """
    pdu, at = adu.data[body], adu.offset + body.start
    readings = [one for one in _readings(pdu, at) if conversation.role in (None, one.role)]
    asked = conversation.pending.get(key)
    answer = _answer(pdu, at, asked) if asked and conversation.role is not Role.REQUEST else None
    right = [one for one in readings if not one.faults]
    if answer is not None and asked is not None and not (answer.faults and _is(Role.REQUEST, right)):
        del conversation.pending[key]
        return replace(adu, readings=(answer,), answers=asked.index)
    if _is(Role.REQUEST, right) and not adu.faults:
        conversation.pending[key] = _Pending(index, _as_request(pdu))
    return replace(adu, readings=tuple(right) or (_likeliest(pdu, readings),))


def _likeliest(pdu: bytes, readings: list[Reading]) -> Reading:
    """Of what is wrong in every way, the way that leaves least over; an exception is never a request."""
    unlikely = Role.REQUEST if pdu[0] & EXCEPTION_FLAG else Role.RESPONSE
    return min(readings, key=lambda one: (_left_over(one), len(one.faults), one.role is unlikely))


def _left_over(reading: Reading) -> int:
    return sum(len(field.data) for field in reading.fields if field.name == SURPLUS)


def _is(role: Role, readings: list[Reading]) -> bool:
    return any(reading.role is role for reading in readings)


def _readings(pdu: bytes, at: int) -> list[Reading]:
    walked = ((Role.REQUEST, walk_request(pdu, at)), (Role.RESPONSE, walk_response(pdu, at)))
    return [_reading(pdu, role, cursor) for role, cursor in walked]


def _reading(pdu: bytes, role: Role, cursor: Cursor) -> Reading:
    return Reading(role, _summary(pdu, role), tuple(cursor.fields), tuple(cursor.faults))


def _summary(pdu: bytes, role: Role) -> str:
    code = pdu[0] & ~EXCEPTION_FLAG
    name = f"{function_name(code)} (function {code})"
    if not pdu[0] & EXCEPTION_FLAG:
        return f"{role.value}, {name}"
    why = f" {pdu[1]:02X}, {exception_meaning(pdu[1])}" if len(pdu) > 1 else ""
    return f"exception{why}: the answer to {name}"


def _answer(pdu: bytes, at: int, asked: _Pending) -> Reading | None:
    """*pdu* as the answer to *asked*; None when it is of another function."""
    code = asked.request.function_code
    if pdu[0] & ~EXCEPTION_FLAG != code:
        return None
    reading = _reading(pdu, Role.RESPONSE, walk_response(pdu, at, asked.request))
    if reading.faults:
        return reading
    try:
        raise_exception(pdu, code)
        asked.request.decode_response(pdu)
    except ExceptionResponse:
        pass
    except ProtocolError as error:
        return replace(reading, faults=(f"it does not answer the request: {error.reason}",))
    return reading


def _as_request(pdu: bytes) -> Request[object]:
    try:
        return decode_request(pdu)
    except ExceptionResponse:
        return Opaque.decode(pdu)  # type: ignore[return-value]
