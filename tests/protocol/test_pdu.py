"""Every function code alike: known frames both ways, and nothing but the documented errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.errors import ExceptionResponse, IllegalDataValue, IllegalFunction, ProtocolError
from mbap.protocol.pdu import (
    Diagnostics,
    EncapsulatedInterface,
    Opaque,
    ReadDeviceIdentification,
    ReadFifoQueue,
    ReadFileRecord,
    ReportServerId,
    Request,
    decode_request,
    encode_exception,
    raise_exception,
)
from mbap.protocol.pdu import __all__ as names
from support.extras import NoTables
from vectors.frames import Exchange
from vectors.more_frames import EVERY_EXCHANGE, MORE_EXCHANGES

every = pytest.mark.parametrize("exchange", EVERY_EXCHANGE, ids=lambda exchange: exchange.name)
OF_ANY_LENGTH = (EncapsulatedInterface,)
any_length = pytest.mark.parametrize(
    "exchange",
    [one for one in EVERY_EXCHANGE if not isinstance(one.request, OF_ANY_LENGTH)],
    ids=lambda exchange: exchange.name,
)


def refusal(pdu: bytes) -> int:
    """The exception that *pdu* is answered with; 0 where it is a request."""
    try:
        decode_request(pdu)
    except ExceptionResponse as refused:
        return refused.code
    return 0


def answers(request: Request[object], pdu: bytes) -> bool:
    try:
        request.decode_response(pdu)
    except ProtocolError:
        return False
    return True


@every
def test_a_request_is_encoded_as_the_standard_says(exchange: Exchange) -> None:
    assert exchange.request.encode() == exchange.request_pdu


@every
def test_a_request_is_decoded_to_the_same(exchange: Exchange) -> None:
    assert decode_request(exchange.request_pdu) == exchange.request


@every
def test_a_response_gives_its_result(exchange: Exchange) -> None:
    assert exchange.request.decode_response(exchange.response_pdu) == exchange.result


@every
def test_a_result_is_encoded_as_the_standard_says(exchange: Exchange) -> None:
    result = exchange.request.decode_response(exchange.response_pdu)
    assert exchange.request.encode_response(result) == exchange.response_pdu


@any_length
def test_a_request_cut_short_is_answered_with_exception_03(exchange: Exchange) -> None:
    pdu = exchange.request_pdu
    assert {refusal(pdu[:size]) for size in range(1, len(pdu))} <= {3}


@any_length
def test_a_request_with_a_byte_more_is_answered_with_exception_03(exchange: Exchange) -> None:
    assert refusal(exchange.request_pdu + b"\x00") == 3


@any_length
def test_a_response_cut_short_or_with_a_byte_more_is_no_answer(exchange: Exchange) -> None:
    pdu = exchange.response_pdu
    cut = [pdu[:size] for size in range(len(pdu))]
    assert not any(answers(exchange.request, wrong) for wrong in [*cut, pdu + b"\x00"])


@every
def test_a_response_of_another_function_is_no_answer(exchange: Exchange) -> None:
    assert not answers(exchange.request, bytes((exchange.request.function_code + 1,)) + b"\x02\x00\x00")
    assert not answers(exchange.request, b"")


@st.composite
def changed(draw: st.DrawFn, pdu: bytes) -> bytes:
    """*pdu* with some bytes changed, and perhaps cut or longer; its function code stays."""
    data = bytearray(pdu)
    for _ in range(draw(st.integers(0, 3)) if len(data) > 1 else 0):
        data[draw(st.integers(1, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(1, len(data)))]) + draw(st.binary(max_size=4))


@every
@given(data=st.data())
def test_any_change_of_a_request_is_refused_or_is_another_request(
    exchange: Exchange, data: st.DataObject
) -> None:
    pdu = data.draw(changed(exchange.request_pdu))
    code = refusal(pdu)
    assert code in (0, 2, 3)
    if code == 0:
        request = decode_request(pdu)
        assert decode_request(request.encode()) == request


@every
@given(data=st.data())
def test_any_change_of_a_response_is_refused_or_is_a_result_that_fits(
    exchange: Exchange, data: st.DataObject
) -> None:
    pdu = data.draw(changed(exchange.response_pdu))
    try:
        result = exchange.request.decode_response(pdu)
    except ProtocolError:
        return
    again = exchange.request.encode_response(result)
    assert exchange.request.decode_response(again) == result


@given(st.binary(min_size=1, max_size=253))
def test_any_bytes_are_a_request_or_refused(pdu: bytes) -> None:
    assert refusal(pdu) in (0, 1, 2, 3)


@pytest.mark.parametrize("code", [0, 9, 41, 65, 99, 127, 0x83, 0xFF])
def test_a_function_of_no_class_is_answered_with_exception_01(code: int) -> None:
    assert refusal(bytes((code, 0, 0))) == 1


@pytest.mark.parametrize("exchange", MORE_EXCHANGES, ids=lambda exchange: exchange.name)
def test_what_a_device_does_not_have_is_answered_with_exception_01(exchange: Exchange) -> None:
    with pytest.raises(IllegalFunction):
        exchange.request.apply(NoTables())


@every
def test_every_request_says_in_words_what_it_does(exchange: Exchange) -> None:
    assert exchange.request.title
    assert exchange.request.title == exchange.request.title.lower()


def test_an_exception_is_raised_with_its_code() -> None:
    with pytest.raises(IllegalDataValue):
        raise_exception(encode_exception(24, 3), 24)


@pytest.mark.parametrize("pdu", [b"\x98", b"\x98\x00", b"\x98\x02\x00", b"\x97\x02"])
def test_a_malformed_exception_is_a_protocol_error(pdu: bytes) -> None:
    with pytest.raises(ProtocolError):
        raise_exception(pdu, 24)


def test_all_names_can_be_imported_and_no_others() -> None:
    import mbap.protocol.pdu as package

    assert all(hasattr(package, name) for name in names)
    assert set(names) <= set(dir(package))
    with pytest.raises(AttributeError, match="has no attribute 'ReadMinds'"):
        _ = package.ReadMinds


def test_spans_name_what_is_touched() -> None:
    assert ReadFifoQueue(1246).spans()[0][1:] == (1246, 1, False)
    assert Diagnostics(0).spans() == ReadFileRecord.spans(MORE_EXCHANGES[6].request) == ()


# Longer than a PDU can be


OVERSIZED = {
    "write file record": b"\x15\xfc" + bytes.fromhex("06 0004 0007 007A") + bytes(244) + b"\x00",
    "write file record, two groups": b"\x15\xfd" + 2 * (bytes.fromhex("06 0004 0007 003C") + bytes(120)),
    "encapsulated interface": b"\x2b\x0d" + bytes(252),
    "device identification": b"\x2b\x0e\x01\x00" + bytes(250),
    "diagnostics": b"\x08\x00\x00" + bytes(252),
    "read file record": b"\x14\xfc" + 36 * bytes.fromhex("06 0004 0007 0001"),
    "write multiple registers": bytes.fromhex("10 0000 007C F8") + bytes(248),
}


@pytest.mark.parametrize("pdu", OVERSIZED.values(), ids=OVERSIZED)
def test_a_request_longer_than_a_pdu_can_be_is_answered_with_exception_03(pdu: bytes) -> None:
    assert len(pdu) > 253
    assert refusal(pdu) == 3


@every
@given(more=st.binary(min_size=240, max_size=600))
def test_any_extension_of_a_request_is_refused_or_is_a_pdu(exchange: Exchange, more: bytes) -> None:
    pdu = exchange.request_pdu + more
    assert refusal(pdu) in ((0, 3) if len(pdu) <= 253 else (3,))


@every
@given(more=st.binary(min_size=240, max_size=600))
def test_any_extension_of_a_response_is_refused_or_is_a_pdu(exchange: Exchange, more: bytes) -> None:
    pdu = exchange.response_pdu + more
    assert not answers(exchange.request, pdu) or len(pdu) <= 253


@pytest.mark.parametrize(
    ("request_", "pdu"),
    [
        (ReportServerId(), b"\x11\xfd" + bytes(253)),
        (EncapsulatedInterface(13), b"\x2b\x0d" + bytes(252)),
        (Opaque(66), b"\x42" + bytes(253)),
        (
            ReadDeviceIdentification(),
            bytes.fromhex("2B 0E 01 01 00 00 02 00 7A") + bytes(122) + b"\x01\x7b" + bytes(123),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_answer_longer_than_a_pdu_can_be_is_none(request_: Request[object], pdu: bytes) -> None:
    assert len(pdu) > 253
    assert not answers(request_, pdu)


@pytest.mark.parametrize("request_", [EncapsulatedInterface(13), Opaque(66)], ids=lambda one: one.title)
def test_a_result_that_does_not_fit_is_not_encoded(request_: Request[bytes]) -> None:
    with pytest.raises(ValueError, match="253 fit into an answer"):
        request_.encode_response(bytes(253))


def test_an_empty_pdu_is_refused() -> None:
    assert refusal(b"") == 1


@pytest.mark.parametrize("pdu", [b"", b"\x00", b"\x83\x02", bytes((66,)) + bytes(253)])
def test_what_is_no_request_is_no_opaque_one(pdu: bytes) -> None:
    with pytest.raises(IllegalDataValue):
        Opaque.decode(pdu)
