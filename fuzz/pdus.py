"""Protocol data units: only documented errors, and what was understood encodes to the same again."""

from __future__ import annotations

from typing import Any

from fuzz.source import Source

from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.explain import Role, explain, hint
from mbap.protocol.pdu import Opaque, Request, decode_request, raise_exception, request_class

LONGEST_PDU = 253
FUNCTIONS = (1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43)
LOADED = [request_class(code) for code in FUNCTIONS]
"""Now, because atheris only sees into what is loaded while it instruments."""
PADDED = 15
"""The bits behind the last coil may be anything in a request, and are 0 in ours."""


def request(data: bytes) -> None:
    """A request of every function code is decoded to what encodes to the same bytes, or refused."""
    source = Source(data)
    pdu = bytes((source.choose((*FUNCTIONS, source.number())),)) + source.take(LONGEST_PDU - 1)
    found = decoded(pdu)
    if found is None:
        return
    again = found.encode()
    assert again == pdu or pdu[0] == PADDED, f"{pdu.hex(' ')} encodes to {again.hex(' ')}"
    assert len(again) == len(pdu)
    assert decode_request(again) == found
    assert found.title
    assert all(address + count <= 0x10000 for _, address, count, _ in found.spans())


def response(data: bytes) -> None:
    """The answer to a request is taken, refused as a `ProtocolError`, or the exception that it is."""
    source = Source(data)
    asked = decoded(source.take(min(source.number(), LONGEST_PDU))) or Opaque(source.number() % 127 + 1)
    pdu = source.take(LONGEST_PDU)
    if source.left:
        pdu = bytes((asked.function_code,)) + pdu[1:]
    try:
        raise_exception(pdu, asked.function_code)
        result = asked.decode_response(pdu)
    except ExceptionResponse as refusal:
        assert pdu == bytes((asked.function_code | 0x80, refusal.code))
        return
    except ProtocolError as error:
        assert error.reason
        return
    again = asked.encode_response(result)
    assert len(again) == len(pdu), f"{pdu.hex(' ')} encodes to {again.hex(' ')}"
    assert asked.decode_response(again) == result


def decoded(pdu: bytes) -> Request[Any] | None:
    """The request that *pdu* is; None where a server refuses it."""
    if not pdu:
        return None
    try:
        return decode_request(pdu)
    except ExceptionResponse as refusal:
        assert refusal.code in (1, 2, 3), f"refused with exception {refusal.code}"
        return None


def explained(data: bytes) -> None:
    """Whatever it is, it is explained: no byte is left out, and no error is raised."""
    source = Source(data)
    role = source.choose((None, *Role))
    adus = source.rest()
    found = explain(adus, role)
    assert b"".join(one.data for one in found) == adus
    for one in found:
        assert one.faults or one.readings or not adus[one.offset :], "an ADU without a word"
    hint(adus)
