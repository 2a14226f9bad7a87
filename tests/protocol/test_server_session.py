"""The server session: requests out of bytes, refusals in the standard's order."""

from __future__ import annotations

import pytest

from mbap.errors import ExceptionResponse, IllegalDataValue
from mbap.protocol.adu import Adu
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.protocol.server import Indication, ServerSession
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.wire import Registers


def indication_of(pdu: str) -> Indication[object]:
    (indication,) = ServerSession().receive_data(TcpFraming().pack(Adu(9, bytes.fromhex(pdu), 5)))
    return indication


def test_a_request_comes_out_with_its_unit_and_transaction() -> None:
    indication = indication_of("03 006b 0003")
    assert indication == (9, 5, 3, ReadHoldingRegisters(107, 3))


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
