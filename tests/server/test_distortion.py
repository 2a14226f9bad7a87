"""What faults make of an answer's bytes, in every framing."""

from __future__ import annotations

import pytest

from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.checksum import crc16
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.tcp import TcpFraming
from mbap.server.distortion import Step, steps, wrong
from mbap.server.faults import Fault, FaultKind

ANSWER = Adu(1, bytes.fromhex("03 02 1234"), 7)
TCP = TcpFraming().pack(ANSWER)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("duplicate", delay=0.5), [Step(0.0, TCP), Step(0.5, TCP)]),
        (Fault("rubbish_before", octets=b"\r\n"), [Step(0.0, b"\r\n" + TCP)]),
        (Fault("rubbish_after", octets=b"\r\n"), [Step(0.0, TCP + b"\r\n")]),
        (Fault("close", when="after"), [Step(0.0, TCP), Step(0.0, b"", "close")]),
        (Fault("reset", when="during"), [Step(0.0, TCP[:5]), Step(0.0, b"", "reset")]),
        (Fault("trickle", delay=0.1), [Step(0.1, TCP[at : at + 1]) for at in range(len(TCP))]),
    ],
)
def test_a_fault_becomes_steps(fault: Fault, expected: list[Step]) -> None:
    assert steps(fault, TCP, numbered=True) == expected


@pytest.mark.parametrize(
    ("kind", "value", "frame"),
    [
        ("wrong_transaction", None, "0008 0000 0005 01 03 02 1234"),
        ("wrong_transaction", 0, "0000 0000 0005 01 03 02 1234"),
        ("wrong_protocol", 1, "0007 0001 0005 01 03 02 1234"),
        ("wrong_length", None, "0007 0000 0006 01 03 02 1234"),
        ("wrong_unit", None, "0007 0000 0005 02 03 02 1234"),
        ("wrong_unit", 255, "0007 0000 0005 FF 03 02 1234"),
        ("wrong_function", None, "0007 0000 0005 01 04 02 1234"),
        ("wrong_byte_count", None, "0007 0000 0005 01 03 03 1234"),
    ],
)
def test_one_field_is_wrong(kind: FaultKind, value: int | None, frame: str) -> None:
    assert wrong(TCP, kind, value, numbered=True) == bytes.fromhex(frame)


def test_a_field_goes_from_its_largest_value_to_0() -> None:
    frame = TcpFraming().pack(Adu(255, b"\x83\x02", 0xFFFF))
    assert wrong(frame, "wrong_unit", None, numbered=True)[6] == 0
    assert wrong(frame, "wrong_transaction", None, numbered=True)[:2] == b"\0\0"


def test_an_rtu_frame_has_its_right_crc_again() -> None:
    frame = wrong(RtuFraming().pack(Adu(1, ANSWER.pdu)), "wrong_unit", 9, numbered=False)
    assert frame[:-2] == bytes.fromhex("09 03 02 1234")
    assert crc16(frame) == 0


def test_an_ascii_frame_has_its_right_lrc_again() -> None:
    right = AsciiFraming().pack(Adu(9, ANSWER.pdu))
    assert wrong(AsciiFraming().pack(Adu(1, ANSWER.pdu)), "wrong_unit", 9, numbered=False) == right


@pytest.mark.parametrize("kind", ["wrong_transaction", "wrong_protocol", "wrong_length"])
def test_a_frame_without_a_header_stays_as_it_is(kind: FaultKind) -> None:
    frame = RtuFraming().pack(Adu(1, ANSWER.pdu))
    assert wrong(frame, kind, None, numbered=False) == frame
