"""Function code 43."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.errors import ExceptionResponse, IllegalDataAddress, IllegalFunction, ProtocolError
from mbap.protocol.pdu import (
    DeviceIdentification,
    EncapsulatedInterface,
    ReadDeviceIdCode,
    ReadDeviceIdentification,
    check_objects,
    decode_request,
)
from mbap.protocol.pdu.identification import identify
from support.extras import EveryExtra

BASIC, REGULAR, EXTENDED, INDIVIDUAL = ReadDeviceIdCode
objects = st.dictionaries(st.integers(0, 255), st.binary(max_size=244), min_size=1, max_size=40)
OURS = {0: b"mbap", 1: b"SIM", 2: b"1.0", 5: b"pump", 0x80: b"own"}


def device(has: dict[int, bytes]) -> EveryExtra:
    made = EveryExtra()
    made.objects = has
    return made


def all_pages(has: dict[int, bytes], code: int, first: int = 0) -> list[DeviceIdentification]:
    """Every page of *has*, each through the bytes of its answer."""
    pages: list[DeviceIdentification] = []
    request: ReadDeviceIdentification | None = ReadDeviceIdentification(code, first)
    while request is not None:
        pdu = request.encode_response(request.apply(device(has)))
        assert len(pdu) <= 253
        pages.append(request.decode_response(pdu))
        request = request.following(pages[-1])
    return pages


@given(objects, st.sampled_from([BASIC, REGULAR, EXTENDED]))
def test_page_by_page_a_stream_gives_every_object_once_and_in_order(
    has: dict[int, bytes], code: ReadDeviceIdCode
) -> None:
    last = {BASIC: 2, REGULAR: 0x7F, EXTENDED: 0xFF}[code]
    got = [item for page in all_pages(has, code) for item in page.objects.items()]
    assert got == [(number, has[number]) for number in sorted(has) if number <= last]


@given(objects, st.data())
def test_a_single_object_is_given_alone(has: dict[int, bytes], data: st.DataObject) -> None:
    number = data.draw(st.sampled_from(sorted(has)))
    (page,) = all_pages(has, INDIVIDUAL, number)
    assert page.objects == {number: has[number]}


def test_a_stream_begins_at_the_object_that_is_asked_for() -> None:
    assert [*identify(OURS, REGULAR, 2).objects] == [2, 5]


@pytest.mark.parametrize("first", [0x55, 0x80])
def test_a_stream_from_an_object_that_is_not_in_it_begins_anew(first: int) -> None:
    """H078"""
    assert [*identify(OURS, BASIC, first).objects] == [0, 1, 2]


def test_a_single_object_that_does_not_exist_is_exception_02() -> None:
    """H077"""
    with pytest.raises(IllegalDataAddress):
        ReadDeviceIdentification(INDIVIDUAL, 0x7F).apply(device(OURS))


def test_a_device_without_objects_does_not_have_the_function() -> None:
    with pytest.raises(IllegalFunction):
        ReadDeviceIdentification().apply(device({}))


@pytest.mark.parametrize(("number", "level"), [(2, 0x81), (3, 0x82), (0x7F, 0x82), (0x80, 0x83)])
def test_the_conformity_level_is_that_of_the_last_object(number: int, level: int) -> None:
    assert identify({0: b"", number: b""}, BASIC, 0).conformity_level == level


def test_more_than_the_device_has_gives_what_it_has() -> None:
    assert identify({0: b"mbap"}, EXTENDED, 0) == DeviceIdentification({0: b"mbap"}, 0x81)


def test_128_large_objects_come_one_by_one() -> None:
    """H081"""
    pages = all_pages({number: bytes(240) for number in range(0x80, 0x100)}, EXTENDED)
    assert len(pages) == 128
    assert [page.more_follows for page in pages] == [True] * 127 + [False]


REFUSED = {
    "2B": 3,
    "2B 0E": 3,
    "2B 0E 01": 3,
    "2B 0E 00 00": 3,
    "2B 0E 05 00": 3,
    "2B 0E 01 00 00": 3,
}


@pytest.mark.parametrize(("pdu", "code"), REFUSED.items(), ids=REFUSED.keys())
def test_what_breaks_the_standard_is_refused_with_its_code(pdu: str, code: int) -> None:
    """H076 and H079"""
    with pytest.raises(ExceptionResponse) as refused:
        decode_request(bytes.fromhex(pdu))
    assert refused.value.code == code


@pytest.mark.parametrize("pdu", ["2B 0D 00 01", "2B 00", "2B FF"])
def test_other_types_are_passed_on_and_a_device_does_not_have_them(pdu: str) -> None:
    """H080"""
    request = decode_request(bytes.fromhex(pdu))
    assert isinstance(request, EncapsulatedInterface)
    assert request.encode() == bytes.fromhex(pdu)
    with pytest.raises(IllegalFunction):
        request.apply(device(OURS))


@pytest.mark.parametrize(
    "pdu",
    [
        "2B 0E 01 81 00 00",
        "2B 0D 01 81 00 00 00",
        "2B 0E 02 81 00 00 00",
        "2B 0E 01 04 00 00 00",
        "2B 0E 01 81 01 00 00",
        "2B 0E 01 81 00 00 01",
        "2B 0E 01 81 00 00 01 00",
        "2B 0E 01 81 00 00 01 00 FF 41",
        "2B 0E 01 81 00 00 01 00 01 41 42",
        "2B 0E 01 81 00 00 02 00 01 41 00 01 42",
        "2B 0E 01 81 00 00 02 01 01 41 00 01 42",
        "2B 0E 01 81 FF 00 01 00 01 41",
    ],
)
def test_an_answer_that_does_not_fit_is_a_protocol_error(pdu: str) -> None:
    """H107"""
    with pytest.raises(ProtocolError):
        ReadDeviceIdentification().decode_response(bytes.fromhex(pdu))


@pytest.mark.parametrize(
    "pdu", ["2B 0E 04 81 00 00 00", "2B 0E 04 81 00 00 01 02 00", "2B 0E 04 81 FF 05 01 01 00"]
)
def test_another_object_than_the_one_asked_for_is_a_protocol_error(pdu: str) -> None:
    with pytest.raises(ProtocolError):
        ReadDeviceIdentification(INDIVIDUAL, 1).decode_response(bytes.fromhex(pdu))


def test_pages_that_do_not_get_further_end() -> None:
    """H108"""
    request = ReadDeviceIdentification(BASIC, 2)
    with pytest.raises(ProtocolError, match="after object 2 should come a later one, not 2"):
        request.following(DeviceIdentification({}, 0x81, True, 2))


def test_what_is_no_number_of_an_object_is_no_matter_where_nothing_follows() -> None:
    answer = ReadDeviceIdentification().decode_response(bytes.fromhex("2B 0E 01 81 00 07 00"))
    assert answer.next_object_id == 0


def test_objects_that_can_never_be_sent_are_named() -> None:
    """H082"""
    check_objects({0: bytes(244)})
    with pytest.raises(ValueError, match="object 128 has 245 bytes, and 244 fit"):
        check_objects({128: bytes(245)})
    with pytest.raises(ValueError, match="numbers from 0 to 255, not 256"):
        check_objects({256: b""})


def test_an_answer_that_is_too_long_is_never_packed() -> None:
    with pytest.raises(ValueError, match=r"these objects take \d+ bytes, and 253 fit"):
        ReadDeviceIdentification().encode_response(DeviceIdentification({0: bytes(200), 1: bytes(200)}))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="code is 1"):
        ReadDeviceIdentification(5)
    with pytest.raises(ValueError, match="object_id is 0 to 255, not 256"):
        ReadDeviceIdentification(1, 256)
    with pytest.raises(ValueError, match="mei_type is 0 to 255, not 256"):
        EncapsulatedInterface(256)
    with pytest.raises(ValueError, match="room for 251 bytes after the type, not 252"):
        EncapsulatedInterface(13, bytes(252))


def test_an_answer_of_another_type_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="does not answer type 13"):
        EncapsulatedInterface(13).decode_response(b"\x2b\x0e\x00")
