"""Frames of the function codes that few devices have, explained field by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.errors import ProtocolError
from mbap.protocol.fields import Cursor, Field
from mbap.protocol.layouts import walk_request, walk_response
from mbap.protocol.rarer_layouts import event_meaning, object_name, quoted
from vectors.frames import Exchange
from vectors.more_frames import EVERY_EXCHANGE, MORE_EXCHANGES

every = pytest.mark.parametrize("exchange", EVERY_EXCHANGE, ids=lambda exchange: exchange.name)


def named(cursor: Cursor, name: str) -> list[Field]:
    return [field for field in cursor.fields if field.name == name]


def meaning(pdu: str, name: str, *, response: bool = False) -> str:
    """What the first field called *name* means."""
    walk = walk_response if response else walk_request
    return named(walk(bytes.fromhex(pdu)), name)[0].meaning


@pytest.mark.parametrize("exchange", MORE_EXCHANGES, ids=lambda exchange: exchange.name)
def test_nothing_of_a_known_frame_is_left_unexplained(exchange: Exchange) -> None:
    for cursor, pdu in (
        (walk_request(exchange.request_pdu), exchange.request_pdu),
        (walk_response(exchange.response_pdu, 0, exchange.request), exchange.response_pdu),
    ):
        assert cursor.faults == []
        assert b"".join(field.data for field in cursor.fields) == pdu


@every
@given(data=st.data())
def test_what_the_request_class_takes_as_an_answer_has_no_fault(
    exchange: Exchange, data: st.DataObject
) -> None:
    pdu = bytearray(exchange.response_pdu)
    for _ in range(data.draw(st.integers(0, 3))):
        pdu[data.draw(st.integers(0, len(pdu) - 1))] = data.draw(st.integers(0, 255))
    try:
        exchange.request.decode_response(bytes(pdu))
    except ProtocolError:
        return
    assert walk_response(bytes(pdu), 0, exchange.request).faults == []


@pytest.mark.parametrize(
    ("pdu", "fault"),
    [
        ("07 00", "1 byte too many at the end"),
        ("08 00", "sub-function is cut off: 2 bytes needed, 1 there"),
        ("08 0000 A5", "data has 1 bytes, and an even number from 2 on is possible"),
        ("08 0001 1234", "data is 1234, and 0000 or FF00 is possible"),
        ("08 0003 2A01", "data is 01 after the delimiter, and 00 is possible"),
        ("08 000B 0001", "data is 0001, and 0000 is possible"),
        ("14 06 06 0004 0001 00", "byte count is 6, and 7 to 245 is possible"),
        ("14 08 06 0004 0001 0001 06", "byte count is 8, and each group takes 7"),
        (
            "14 07 07 0004 0001 0001",
            "reference type is 7, and only 6 is possible: a server answers exc",
        ),
        ("14 07 06 0000 0001 0001", "file number is 0, and 1 to 65535 is possible"),
        ("14 07 06 0004 270F 0002", "2 from record 9999 go beyond record 9999"),
        ("14 07 06 0004 0001 0000", "record length is 0, and at least 1 is possible"),
        ("14 07 06 0004 0001 007A", "the answer would take 246 bytes, and 245 fit"),
        ("15 0B 06 0004 0007 0001 0001", "byte count is 11, and 9 follow"),
        ("15 09 06 0004 0007 0002 0001", "record length is 2 registers, and 2 bytes follow"),
        ("15 09 05 0004 0007 0001 0001", "reference type is 5, and only 6 is possible"),
        ("18 04", "pointer address is cut off"),
        ("2B", "MEI type is cut off"),
        ("2B 0E 05 00", "device id code is 5, and 1 to 4 is possible"),
    ],
)
def test_what_is_wrong_with_a_request_is_said_with_its_field(pdu: str, fault: str) -> None:
    assert any(said.startswith(fault) for said in walk_request(bytes.fromhex(pdu)).faults)


@pytest.mark.parametrize(
    ("pdu", "fault"),
    [
        ("0B 1234 0108", "status is 1234, and FFFF (busy) or 0000 is possible"),
        ("0C 05 0000 0108 0121", "byte count is 5, and 6 to 70 is possible"),
        ("0C 07 0000 0108 0121", "byte count is 7, and 6 follow"),
        ("11 FF 00", "byte count is 255, and 0 to 251 is possible"),
        ("14 06 04 06 0001 0002", "group length is 4, and an odd one from 3 to 5 is possible"),
        ("14 04 03 07 0001", "reference type is 7, and only 6 is possible"),
        ("18 0006 0020 01B8 1284", "FIFO count is 32, and 0 to 31 is possible"),
        ("18 0008 0002 01B8 1284", "byte count is 8, and the count with 2 registers takes 6"),
        ("18 0006 0002 01B8", "FIFO count is 2 registers, and 2 bytes follow"),
        ("2B 0E 01 07 00 00 00", "conformity is 07, and 1 to 3 or 81 to 83 is possible"),
        ("2B 0E 01 01 01 00 00", "more follows is 01, and FF or 00 is possible"),
        ("2B 0E 01 01 00 00 01 00 05 41", "object value is cut off: 5 bytes needed, 1 there"),
        ("2B 0E 01 01 00 00 02 01 00 00 00", "object 0 comes after object 1, and they go upwards"),
        ("2B 0E 01 01 00 00 01 00 00 41", "1 byte too many at the end"),
    ],
)
def test_what_is_wrong_with_a_response_is_said_with_its_field(pdu: str, fault: str) -> None:
    assert any(said.startswith(fault) for said in walk_response(bytes.fromhex(pdu)).faults)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (0x00, "communications restarted"),
        (0x04, "listening only from here on"),
        (0x20, "not defined"),
        (0x80, "message received"),
        (0xF2, "message received, communication error, character overrun, listening only, broadcast"),
        (0x40, "message sent"),
        (0x55, "message sent, exception 01 to 03, exception 05 or 06, write timeout"),
    ],
)
def test_an_event_of_the_log_is_explained(event: int, words: str) -> None:
    assert event_meaning(event) == words


@pytest.mark.parametrize(
    ("pdu", "name", "words"),
    [
        ("08 0001 FF00", "data", "clears the event log too"),
        ("08 0001 0000", "data", "keeps the event log"),
        ("08 0013 01", "sub-function", "reserved"),
        ("08 0013 01", "data", "not taken apart"),
        ("14 07 06 0004 0001 0003", "record length", "records 1 to 3"),
        ("2B FF", "MEI type", "reserved"),
        ("2B 0E 04 90", "object id", "the device's own"),
        ("2B 0E 04 10", "object id", "reserved"),
    ],
)
def test_what_a_field_of_a_request_means(pdu: str, name: str, words: str) -> None:
    assert meaning(pdu, name) == words


@pytest.mark.parametrize(
    ("pdu", "name", "words"),
    [
        ("07 00", "status", "no bit on, of eight outputs"),
        ("08 0002 8001", "register", "the diagnostic register: each device has its own bits"),
        ("08 0012 0005", "counter", "bus character overrun count"),
        ("0B FFFF 0001", "status", "busy with a program command"),
        ("2B 0E 02 82 FF 05 00", "conformity", "regular, streams and single objects"),
        ("2B 0E 02 82 FF 05 00", "next object id", "model name"),
        ("2B 0E 01 01 00 00 00", "more follows", "nothing follows"),
    ],
)
def test_what_a_field_of_a_response_means(pdu: str, name: str, words: str) -> None:
    assert meaning(pdu, name, response=True) == words


def test_h152_an_object_of_a_stranger_is_shown_escaped() -> None:
    pdu = bytes.fromhex("2B 0E 01 01 00 00 01 00 05") + b"\x1b[2J\n"
    assert named(walk_response(pdu), "object value")[0].value == r"'\x1b[2J\n'"


def test_an_empty_object_has_no_value() -> None:
    assert named(walk_response(bytes.fromhex("2B 0E 01 01 00 00 01 00 00")), "object value") == []


def test_an_empty_server_id_is_none() -> None:
    cursor = walk_response(b"\x11\x00")
    assert (cursor.faults, named(cursor, "server id")) == ([], [])


def test_names_of_objects_and_text() -> None:
    assert [object_name(number) for number in (0, 6, 7, 128)] == [
        "vendor name",
        "user application name",
        "reserved",
        "the device's own",
    ]
    assert quoted(b"pump \xb0C") == r"'pump \xb0C'"
