"""The server session: requests out of bytes, refusals in the standard's order."""

from __future__ import annotations

import pytest

from mbap.errors import ExceptionResponse, IllegalDataValue
from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.framing import Framing
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.server import Heard, Indication, ServerSession
from mbap.protocol.sides import Side
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.wire import Registers


def indication_of(pdu: str) -> Indication[object]:
    (indication,) = ServerSession().receive_data(TcpFraming().pack(Adu(9, bytes.fromhex(pdu), 5)))
    return indication


def test_a_request_comes_out_with_its_unit_and_transaction() -> None:
    indication = indication_of("03 006b 0003")
    assert indication == (9, 5, 3, ReadHoldingRegisters(107, 3), b"")


def test_all_requests_of_one_segment_come_out_in_order() -> None:
    stream = b"".join(TcpFraming().pack(Adu(1, ReadHoldingRegisters(n, 1).encode(), n)) for n in range(1, 6))
    assert [i.transaction for i in ServerSession().receive_data(stream)] == [1, 2, 3, 4, 5]


def test_a_response_carries_unit_and_transaction_of_its_request() -> None:
    response = ServerSession().pack_response(indication_of("03 006b 0003"), Registers.of([555, 0, 100]))
    assert response == bytes.fromhex("0005 0000 0009 09 03 06 022b 0000 0064")


def test_an_exception_is_packed_with_the_function_of_its_request() -> None:
    response = ServerSession().pack_response(indication_of("03 006b 0003"), ExceptionResponse(2))
    assert response == bytes.fromhex("0005 0000 0003 09 83 02")


def test_a_result_that_does_not_fit_the_request_is_never_packed() -> None:
    with pytest.raises(ValueError, match="3 registers were asked for, not 2"):
        ServerSession().pack_response(indication_of("03 006b 0003"), Registers.of([1, 2]))


REFUSED = {
    "63": 1,
    "00": 1,
    "83 00 00 00 01": 1,
    "03 0000 0000": 3,
    "03 0000 007e": 3,
    "03 0000 0001 00": 3,
    "03 0000 00": 3,
    "03": 3,
    "03 ffff 0002": 2,
    "03 ffff 007e": 3,
    "01 0000 07d1": 3,
    "01 ffff 0002": 2,
    "05 0000 1234": 3,
    "05 0000 ff01": 3,
    "06 0000 00": 3,
    "0f 0000 0001 02 0100": 3,
    "0f 0000 0009 01 01": 3,
    "0f 0000 0000 00": 3,
    "0f 0000 07b1 f7" + "00" * 247: 3,
    "0f ffff 0002 01 03": 2,
    "10 0000 0001 02 00": 3,
    "10 0000 0002 02 0001": 3,
    "10 0000 0000 00": 3,
    "10 ffff 0002 04 0001 0002": 2,
    "16 0000 0000": 3,
    "17 0000 0001 0000 0000 00": 3,
    "17 0000 007e 0000 0001 02 0001": 3,
    "17 ffff 0002 0000 0001 02 0001": 2,
    "17 0000 0001 ffff 0002 04 0001 0002": 2,
}


@pytest.mark.parametrize(("pdu", "code"), REFUSED.items(), ids=REFUSED.keys())
def test_what_breaks_the_standard_is_refused_with_its_code(pdu: str, code: int) -> None:
    request = indication_of(pdu).request
    assert isinstance(request, ExceptionResponse)
    assert request.code == code


def test_a_refusal_is_packed_whatever_the_handler_says() -> None:
    indication = indication_of("03 0000 0000")
    assert isinstance(indication.request, IllegalDataValue)
    assert ServerSession().pack_response(indication, Registers.of([1])).hex(" ").endswith("83 03")


def test_bytes_that_are_no_modbus_make_the_session_fail() -> None:
    session = ServerSession()
    assert session.receive_data(b"GET / HTTP/1.1\r\n") == []
    assert session.failure is not None


def rtu(body: str) -> bytes:
    return RtuFraming(Side.CLIENT).pack(Adu(bytes.fromhex(body)[0], bytes.fromhex(body)[1:]))


@pytest.mark.parametrize(
    ("framing", "data"),
    [
        (RtuFraming(Side.SERVER), bytes.fromhex("11 03 006b 0003 7687")),
        (AsciiFraming(Side.SERVER), b":1103006B00037E\r\n"),
    ],
)
def test_any_framing_will_do(framing: Framing, data: bytes) -> None:
    session = ServerSession(framing)
    (indication,) = session.receive_data(data)
    assert session.pack_response(indication, Registers.of([1, 2, 3]))
    assert (indication.unit, indication.transaction) == (0x11, None)
    assert indication.request == ReadHoldingRegisters(107, 3)
    assert not session.numbered


@pytest.mark.parametrize(("unit", "broadcast"), [(0, True), (1, False), (255, False)])
def test_unit_0_is_a_broadcast_on_a_serial_line(unit: int, broadcast: bool) -> None:
    session = ServerSession(RtuFraming(Side.SERVER))
    (indication,) = session.receive_data(rtu(f"{unit:02x} 06 0000 0001"))
    assert session.is_broadcast(indication) is broadcast


@pytest.mark.parametrize("unit", [0, 255])
def test_no_unit_is_a_broadcast_on_tcp(unit: int) -> None:
    session = ServerSession()
    (indication,) = session.receive_data(TcpFraming().pack(Adu(unit, bytes.fromhex("06 0000 0001"), 1)))
    assert not session.is_broadcast(indication)


def test_what_was_left_out_is_told() -> None:
    session = ServerSession(RtuFraming(Side.SERVER))
    session.receive_data(bytes.fromhex("11 03 006b 0003 7688"))
    session.receive_silence()
    assert session.heard == Heard(foreign=0, check_errors=1, noise=8)


def test_what_was_left_out_on_tcp_is_told() -> None:
    session = ServerSession()
    session.receive_data(bytes.fromhex("0001 0001 0002 01 07"))
    assert session.heard == Heard(foreign=1, check_errors=0, noise=0)


def test_a_silence_ends_an_unfinished_frame() -> None:
    session = ServerSession(RtuFraming(Side.SERVER))
    session.receive_data(bytes.fromhex("11 03 006b"))
    assert session.partial == 4
    assert session.receive_silence() == []
    assert session.partial == 0
    assert len(session.receive_data(bytes.fromhex("11 03 006b 0003 7687"))) == 1


def test_a_silence_ends_an_unfinished_ascii_frame_too() -> None:
    session = ServerSession(AsciiFraming(Side.SERVER))
    session.receive_data(b":1103")
    assert session.receive_silence() == []
    assert session.partial == 0


def test_a_silence_shows_a_frame_whose_length_and_content_do_not_agree() -> None:
    session = ServerSession(RtuFraming(Side.SERVER))
    assert session.receive_data(rtu("01 10 0000 0002 04 0001")) == []
    (indication,) = session.receive_silence()
    assert isinstance(indication.request, IllegalDataValue)


def test_a_new_delimiter_counts_from_the_next_message_on() -> None:
    framing = AsciiFraming(Side.SERVER)
    session = ServerSession(framing)
    (indication,) = session.receive_data(b":010800032100D3\r\n")
    assert session.pack_response(indication, b"\x21\x00") == b":010800032100D3\r\n"
    assert framing.delimiter == b"!"


def test_a_refused_delimiter_changes_nothing() -> None:
    framing = AsciiFraming(Side.SERVER)
    session = ServerSession(framing)
    (indication,) = session.receive_data(b":010800032100D3\r\n")
    session.pack_response(indication, ExceptionResponse(1))
    assert framing.delimiter == b"\n"


def test_a_delimiter_means_nothing_on_tcp() -> None:
    session = ServerSession()
    (indication,) = session.receive_data(TcpFraming().pack(Adu(1, bytes.fromhex("08 0003 2100"), 1)))
    assert session.pack_response(indication, b"\x21\x00").endswith(b"\x08\x00\x03\x21\x00")
