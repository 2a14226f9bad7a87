"""Frames explained: agrees with the Request classes about what is right, and never raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.checksum import crc16
from mbap.protocol.explain import Explanation, Role, explain, hint
from mbap.protocol.layouts import walk_request, walk_response
from mbap.protocol.pdu import decode_request
from mbap.protocol.tcp import TcpFraming
from vectors.frames import Exchange
from vectors.more_frames import EVERY_EXCHANGE

KNOWN = [exchange.request.function_code for exchange in EVERY_EXCHANGE]
names = pytest.mark.parametrize("exchange", EVERY_EXCHANGE, ids=lambda exchange: exchange.name)


def pack(pdu: bytes, transaction: int = 1, unit: int = 1) -> bytes:
    return TcpFraming().pack(Adu(unit, pdu, transaction))


def one(data: bytes, role: Role | None = None) -> Explanation:
    (explanation,) = explain(data, role)
    return explanation


def values(explanation: Explanation) -> dict[str, int | str]:
    return {field.name: field.value for field in explanation.readings[0].fields}


@st.composite
def pdus(draw: st.DrawFn) -> bytes:
    """PDUs that are right, nearly right, or anything."""
    exchange = draw(st.sampled_from(EVERY_EXCHANGE))
    pdu = bytearray(draw(st.sampled_from([exchange.request_pdu, exchange.response_pdu])))
    for _ in range(draw(st.integers(0, 2))):
        pdu[draw(st.integers(0, len(pdu) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.integers(1, len(pdu)))
    return draw(
        st.sampled_from([bytes(pdu), bytes(pdu[:cut]), bytes(pdu) + b"\0"])
        | st.binary(min_size=1, max_size=253)
    )


def is_request(pdu: bytes) -> bool:
    try:
        decode_request(pdu)
    except ExceptionResponse:
        return False
    return True


@given(pdus().filter(lambda pdu: pdu[0] in KNOWN))
def test_no_fault_means_that_the_request_class_takes_it(pdu: bytes) -> None:
    assert (not walk_request(pdu).faults) == is_request(pdu)


@names
@given(pdu=pdus())
def test_what_is_explained_as_an_answer_is_one_for_the_request_class(exchange: Exchange, pdu: bytes) -> None:
    first, second = explain(pack(exchange.request_pdu) + pack(pdu))[:2]
    if second.answers is None:
        return
    try:
        exchange.request.decode_response(pdu)
        right = True
    except ProtocolError:
        # An exception response is for `raise_exception`, which comes before.
        right = len(pdu) == 2 and pdu[0] == exchange.request.function_code | 0x80 and pdu[1] > 0
    assert right == (not second.every_fault)
    assert not first.every_fault


@given(st.binary(max_size=600))
def test_any_bytes_are_explained_and_none_is_lost(data: bytes) -> None:
    explanations = explain(data)
    assert b"".join(explanation.data for explanation in explanations) == data
    hint(data)


@given(st.lists(pdus(), max_size=5))
def test_the_fields_of_an_adu_are_its_bytes_in_order(stream: list[bytes]) -> None:
    data = b"".join(pack(pdu) for pdu in stream)
    for explanation in explain(data):
        for reading in explanation.readings:
            fields = explanation.header + reading.fields
            assert all(data[field.offset : field.offset + len(field.data)] == field.data for field in fields)
            if not reading.faults:
                assert b"".join(field.data for field in fields) == explanation.data


@names
def test_an_example_of_the_standard_is_a_request_and_its_answer(exchange: Exchange) -> None:
    first, second = explain(pack(exchange.request_pdu) + pack(exchange.response_pdu))
    assert first.readings[0].role is Role.REQUEST
    assert (second.readings[0].role, second.answers) == (Role.RESPONSE, 0)
    assert not first.every_fault + second.every_fault


def test_the_registers_of_an_answer_have_the_addresses_of_the_request() -> None:
    data = pack(bytes.fromhex("03 006B 0003")) + pack(bytes.fromhex("03 06 022B 0000 0064"))
    meanings = [field.meaning for field in explain(data)[1].readings[0].fields[2:]]
    assert meanings[0] == "holding register 107 (reference 40108)"


def test_the_registers_of_an_answer_alone_are_counted() -> None:
    fields = one(pack(bytes.fromhex("03 06 022B 0000 FFFF"))).readings[0].fields
    assert [field.meaning for field in fields[2:]] == [
        "register 1 of 3",
        "register 2 of 3",
        "register 3 of 3; signed -1",
    ]


def test_the_last_byte_of_bits_shows_only_those_asked_for() -> None:
    data = pack(bytes.fromhex("01 0013 000A")) + pack(bytes.fromhex("01 02 CD 01"))
    last = explain(data)[1].readings[0].fields[-1]
    assert (last.value, last.meaning) == ("1 0", "coils 27 to 28 (references 00028 to 00029)")


def test_a_response_to_another_transaction_is_not_paired() -> None:
    data = pack(bytes.fromhex("03 006B 0003"), 1) + pack(bytes.fromhex("03 06 022B 0000 0064"), 2)
    assert explain(data)[1].answers is None


def test_a_request_is_answered_once() -> None:
    request, answer = pack(bytes.fromhex("03 006B 0001")), pack(bytes.fromhex("03 02 022B"))
    assert [explanation.answers for explanation in explain(request + answer + answer)] == [None, 0, None]


def test_the_same_write_again_with_other_values_is_a_request() -> None:
    _, second = explain(pack(bytes.fromhex("06 0001 0003")) + pack(bytes.fromhex("06 0001 0004")))
    assert (second.answers, second.every_fault) == (None, ())


def test_an_answer_with_too_few_registers_does_not_fit() -> None:
    data = pack(bytes.fromhex("03 006B 0003")) + pack(bytes.fromhex("03 02 022B"))
    assert explain(data)[1].every_fault == ("byte count is 2, and the 3 registers take 6",)


def test_an_answer_that_is_no_echo_does_not_fit() -> None:
    data = pack(bytes.fromhex("10 0001 0001 02 000A")) + pack(bytes.fromhex("10 0001 0002"))
    assert explain(data)[1].every_fault[0].startswith("it does not answer the request: ")


def test_an_exception_is_paired_and_named() -> None:
    answer = explain(pack(bytes.fromhex("03 006B 0003")) + pack(b"\x83\x02"))[1]
    assert answer.answers == 0
    assert answer.readings[0].summary.startswith("exception 02, illegal data address")


def test_an_exception_to_an_unknown_function_is_paired() -> None:
    assert explain(pack(b"\x41\x01") + pack(b"\xc1\x01"))[1].answers == 0


@pytest.mark.parametrize(
    ("code", "words"), [(9, "a code that the standard does not define"), (0, "not an exception")]
)
def test_an_exception_code_that_is_not_defined_is_said(code: int, words: str) -> None:
    assert words in one(pack(bytes((0x83, code)))).readings[0].summary


def test_an_unknown_function_is_opaque_and_can_be_both() -> None:
    explanation = one(pack(b"\x42\x01\x02"))
    assert [reading.role for reading in explanation.readings] == [Role.REQUEST, Role.RESPONSE]
    assert values(explanation)["data"] == "2 bytes"


@pytest.mark.parametrize("role", list(Role))
def test_a_role_settles_what_can_be_both(role: Role) -> None:
    (reading,) = one(pack(bytes.fromhex("06 0001 0003")), role).readings
    assert reading.role is role


def test_a_role_that_does_not_fit_is_a_fault() -> None:
    assert one(pack(bytes.fromhex("03 006B 0003")), Role.RESPONSE).every_fault


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        ("", None),
        ("00", "transaction is cut off: 2 bytes needed, 1 there"),
        ("0001 0000 0006", "unit is cut off: 1 byte needed, 0 there"),
        ("0001 0001 0006 01 03 006B 0003", "protocol is 1, and only 0 is Modbus"),
        ("0001 0000 0001 01", "length is 1, and 2 to 254 is possible"),
        ("0001 0000 00FF 01 03", "length is 255, and 2 to 254 is possible"),
        ("0001 0000 0006 01 03 006B 00", "length says that 6 bytes follow, and there are 5"),
        ("0001 0000 0005 01 03 006B 00", "count is cut off: 2 bytes needed, 1 there"),
        ("0001 0000 0007 01 03 006B 0003 00", "1 byte too many at the end"),
        ("0001 0000 0006 01 03 006B 007E", "count is 126, and 1 to 125 is possible"),
        ("0001 0000 0006 01 01 0000 07D1", "count is 2001, and 1 to 2000 is possible"),
        ("0001 0000 0006 01 03 FFFF 0002", "2 from address 65535 go beyond address 65535"),
        ("0001 0000 0006 01 05 00AC FF01", "value is FF01, and FF00 (on) or 0000 (off) is possible"),
        ("0001 0000 0009 01 0F 0013 000A 03 CD 01", "byte count is 3, and 10 coils take 2"),
        ("0001 0000 0009 01 10 0001 0001 04 000A", "byte count is 4, and 1 registers take 2"),
        ("0001 0000 0003 01 83 00", "exception code 0 does not exist"),
        ("0001 0000 0003 01 00 00", "function code 0"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(frame: str, fault: str | None) -> None:
    faults = [said for explanation in explain(bytes.fromhex(frame)) for said in explanation.every_fault]
    assert not faults if fault is None else any(said.startswith(fault) for said in faults)


def test_after_an_impossible_length_everything_is_one_rest() -> None:
    data = bytes.fromhex("0001 0000 0000 01 03") + pack(b"\x03\0\0\0\1")
    assert one(data).data == data


def test_a_rest_tells_which_length_would_take_it_in() -> None:
    data = bytes.fromhex("0001 0000 0006 01 0F 0013 000A 02 CD 01")
    assert (
        explain(data)[1].every_fault[-1]
        == "if these 3 bytes belong to the ADU before, its length should be 9"
    )


def test_another_protocol_is_left_out_and_the_next_adu_found() -> None:
    foreign = bytes.fromhex("0001 0001 0003 01 FF FF")
    first, second = explain(foreign + pack(bytes.fromhex("03 006B 0003")))
    assert (first.readings, second.every_fault) == ((), ())


def test_the_check_of_the_specifications_rtu_frame_is_right() -> None:
    assert crc16(bytes.fromhex("11 03 00 6B 00 03")) == 0x8776


@pytest.mark.parametrize("data", [b"", b"\x00", pack(b"\x03\0\0\0\1"), b"\x41\x01\x02"])
def test_there_is_no_hint_where_nothing_is_likely(data: bytes) -> None:
    assert hint(data) == ""


def test_masks_are_told_bit_by_bit() -> None:
    fields = one(pack(bytes.fromhex("16 0004 FFF0 0005"))).readings[0].fields
    assert fields[-1].meaning == "sets bits 0, 2, clears bits 1, 3"


@pytest.mark.parametrize(
    ("mask", "words"), [("FFFF", "keeps all bits"), ("0000", "keeps no bit"), ("0008", "keeps bit 3")]
)
def test_a_mask_says_what_it_keeps(mask: str, words: str) -> None:
    assert one(pack(bytes.fromhex(f"16 0004 {mask} 0000"))).readings[0].fields[2].meaning == words


@given(pdus())
def test_a_walk_of_a_response_alone_never_raises(pdu: bytes) -> None:
    walk_response(pdu)
