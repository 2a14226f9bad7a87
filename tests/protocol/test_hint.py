"""What bytes may be that are not Modbus TCP."""

from __future__ import annotations

from mbap.protocol.adu import Adu
from mbap.protocol.explain import hint
from mbap.protocol.rtu import RtuFraming


def test_an_rtu_frame_is_recognised_by_its_check() -> None:
    frame = RtuFraming().pack(Adu(17, b"\x03\x00\x6b\x00\x03"))
    assert hint(frame) == (
        "this is a Modbus RTU frame: its CRC is right (unit 17, function 3, read holding registers)"
    )


def test_a_pdu_without_a_header_is_recognised() -> None:
    assert "without the 7 bytes of an MBAP header this is a PDU" in hint(b"\x03\x00\x6b\x00\x03")


def test_of_anything_else_nothing_is_said() -> None:
    assert [hint(data) for data in (b"", b"GET / HTTP/1.1", b"\x41\x00")] == ["", "", ""]
