"""Function code 8."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.errors import IllegalDataValue, IllegalFunction, ProtocolError
from mbap.protocol.pdu import Diagnostics, SubFunction, decode_request
from support.extras import EveryExtra

RESERVED = [5, 9, 19, 21, 65535]
COUNTERS = [2, *range(11, 19)]


@pytest.mark.parametrize("sub_function", SubFunction)
def test_every_sub_function_goes_there_and_back(sub_function: SubFunction) -> None:
    assert decode_request(Diagnostics(sub_function).encode()) == Diagnostics(sub_function)


@given(st.sampled_from(RESERVED), st.binary(max_size=250), st.binary(max_size=250))
def test_a_reserved_sub_function_is_passed_on_with_any_data(
    sub_function: int, data: bytes, answer: bytes
) -> None:
    request = Diagnostics(sub_function, data)
    assert decode_request(request.encode()) == request
    assert request.decode_response(request.encode_response(answer)) == answer


@given(st.binary(min_size=2, max_size=250).filter(lambda data: len(data) % 2 == 0))
def test_query_data_comes_back_as_it_was_sent(data: bytes) -> None:
    request = Diagnostics(SubFunction.RETURN_QUERY_DATA, data)
    assert request.decode_response(decode_request(request.encode()).encode_response(data)) == data


@pytest.mark.parametrize("size", [0, 1, 3, 252])
def test_query_data_of_no_even_number_of_bytes_is_exception_03(size: int) -> None:
    """H087"""
    with pytest.raises(IllegalDataValue):
        decode_request(bytes.fromhex("08 0000") + bytes(size))


@pytest.mark.parametrize(
    "pdu",
    [
        "08",
        "08 00",
        "08 0001 1234",
        "08 0001 00FF",
        "08 0003 0A01",
        "08 000B 0001",
        "08 0004 FF00",
        "08 000A",
    ],
)
def test_data_that_the_sub_function_does_not_have_is_exception_03(pdu: str) -> None:
    """H084"""
    with pytest.raises(IllegalDataValue):
        decode_request(bytes.fromhex(pdu))


@pytest.mark.parametrize("sub_function", RESERVED)
def test_a_reserved_sub_function_is_exception_01(sub_function: int) -> None:
    """H088"""
    with pytest.raises(IllegalFunction):
        Diagnostics(sub_function, b"\x00").apply(EveryExtra())


def test_what_the_device_does_not_have_is_exception_01() -> None:
    with pytest.raises(IllegalFunction):
        Diagnostics(SubFunction.FORCE_LISTEN_ONLY_MODE).apply(EveryExtra())


def test_a_device_answers() -> None:
    assert Diagnostics(SubFunction.RETURN_BUS_MESSAGE_COUNT).apply(EveryExtra()) == b"\x00\x07"
    assert Diagnostics(SubFunction.RETURN_QUERY_DATA, b"\xa5\x37").apply(EveryExtra()) == b"\xa5\x37"


@pytest.mark.parametrize("sub_function", COUNTERS)
def test_a_counter_is_two_bytes_of_any_value(sub_function: int) -> None:
    request = Diagnostics(sub_function)
    assert request.decode_response(request.encode()[:3] + b"\xff\xff") == b"\xff\xff"
    with pytest.raises(ProtocolError, match="is not answered by the data ff"):
        request.decode_response(request.encode()[:3] + b"\xff")
    with pytest.raises(ValueError, match="is not answered by the data ff"):
        request.encode_response(b"\xff")


@pytest.mark.parametrize("sub_function", sorted(set(SubFunction) - set(COUNTERS)))
def test_all_others_repeat_the_request(sub_function: int) -> None:
    request = Diagnostics(sub_function)
    assert request.decode_response(request.encode()) == b"\0\0"
    with pytest.raises(ProtocolError):
        request.decode_response(request.encode()[:3] + b"\0\1")


@pytest.mark.parametrize("pdu", ["08", "08 00", "08 000C 0000"])
def test_an_answer_of_another_sub_function_is_a_protocol_error(pdu: str) -> None:
    with pytest.raises(ProtocolError, match="does not answer diagnostics, return bus message count"):
        Diagnostics(SubFunction.RETURN_BUS_MESSAGE_COUNT).decode_response(bytes.fromhex(pdu))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="sub_function is 0 to 65535, not 65536"):
        Diagnostics(65536)
    with pytest.raises(ValueError, match="restart communications does not go with the data 12 34"):
        Diagnostics(SubFunction.RESTART_COMMUNICATIONS, b"\x12\x34")
    with pytest.raises(ValueError, match="sub-function 19 does not go with the data"):
        Diagnostics(19, bytes(251))


def test_only_what_changes_the_device_is_a_write() -> None:
    assert {code.value for code in SubFunction if not Diagnostics(code).writes} == {0, *COUNTERS}
    assert Diagnostics(19).writes


def test_listening_only_is_not_answered() -> None:
    assert [code for code in SubFunction if not Diagnostics(code).answered] == [
        SubFunction.FORCE_LISTEN_ONLY_MODE
    ]
