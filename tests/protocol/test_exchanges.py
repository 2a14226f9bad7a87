"""An exchange tells function, exception and delay from the bytes that were seen."""

from __future__ import annotations

from dataclasses import replace

from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu.registers import ReadHoldingRegisters

READ = ReadHoldingRegisters(107, 3)
SEEN = Exchange(1_000_000, "10.0.0.5", 40_000, "10.0.0.9", 502, 1, 7, READ, READ.encode())


def test_the_function_is_that_of_the_request() -> None:
    assert SEEN.function_code == 3


def test_the_function_of_an_answer_alone_is_without_the_flag_of_exceptions() -> None:
    assert replace(SEEN, request=None, pdu=b"", response=b"\x83\x02").function_code == 3


def test_an_exception_is_told_by_its_code() -> None:
    assert replace(SEEN, response=b"\x83\x02").exception == 2


def test_h102_an_exception_without_a_code_has_code_0() -> None:
    assert replace(SEEN, response=b"\x83").exception == 0


def test_a_good_answer_is_no_exception() -> None:
    assert replace(SEEN, response=b"\x03\x02\x00\x01").exception is None


def test_the_delay_is_from_the_request_to_its_answer() -> None:
    assert replace(SEEN, response_time=1_004_200).delay == 4_200


def test_without_an_answer_there_is_no_delay() -> None:
    assert SEEN.delay is None
