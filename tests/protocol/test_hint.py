"""What bytes may be that are not Modbus TCP."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (bytes.fromhex("16 0301 00c8 0100 00c4 0303"), "this may be TLS"),
        (b"GET / HTTP/1.1\r\n", "this is HTTP: is the port right?"),
        (b"HTTP/1.1 400 Bad Request\r\n", "this is HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "this is SSH"),
    ],
)
def test_what_others_speak_is_recognised(data: bytes, says: str) -> None:
    assert says in hint(data)


def test_of_anything_else_nothing_is_said() -> None:
    assert [hint(data) for data in (b"", b"\x41\x00", bytes.fromhex("16 03 0000 000a"))] == ["", "", ""]
