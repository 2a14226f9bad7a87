"""Known frames of serial lines, with checks that others computed: examples that are widely printed."""

from __future__ import annotations

from typing import Final, NamedTuple

from mbap.protocol.adu import Adu


class SerialFrame(NamedTuple):
    """One frame and the message in it."""

    name: str
    wire: bytes
    adu: Adu


def _rtu(name: str, frame: str) -> SerialFrame:
    wire = bytes.fromhex(frame)
    return SerialFrame(name, wire, Adu(wire[0], wire[1:-2]))


def _ascii(name: str, frame: str) -> SerialFrame:
    body = bytes.fromhex(frame)
    wire = b":" + frame.replace(" ", "").encode("ascii") + b"\r\n"
    return SerialFrame(name, wire, Adu(body[0], body[1:-1]))


RTU_REQUESTS: Final = [
    _rtu("read coils", "11 01 0013 0025 0E84"),
    _rtu("read discrete inputs", "11 02 00C4 0016 BAA9"),
    _rtu("read holding registers", "11 03 006B 0003 7687"),
    _rtu("read holding registers from 0", "01 03 0000 0002 C40B"),
    _rtu("read input registers", "11 04 0008 0001 B298"),
    _rtu("write single coil", "11 05 00AC FF00 4E8B"),
    _rtu("write single register", "11 06 0001 0003 9A9B"),
    _rtu("write multiple coils", "11 0F 0013 000A 02 CD01 BF0B"),
    _rtu("write multiple registers", "11 10 0001 0002 04 000A 0102 C6F0"),
]
RTU_RESPONSES: Final = [
    _rtu("read coils", "11 01 05 CD6BB20E1B 45E6"),
    _rtu("read discrete inputs", "11 02 03 ACDB35 2018"),
    _rtu("read holding registers", "11 03 06 AE41 5652 4340 49AD"),
    _rtu("read input registers", "11 04 02 000A F8F4"),
    _rtu("all ones", "01 04 02 FFFF B880"),
    _rtu("write multiple coils", "11 0F 0013 000A 2699"),
    _rtu("write multiple registers", "11 10 0001 0002 1298"),
    _rtu("exception", "0A 81 02 B053"),
]
ASCII_REQUESTS: Final = [
    _ascii("read holding registers", "11 03 006B 0003 7E"),
    _ascii("read one holding register", "01 03 0000 0001 FB"),
    _ascii("read ten holding registers", "F7 03 1389 000A 60"),
    _ascii("write single coil", "11 05 00AC FF00 3F"),
    _ascii("write single register", "11 06 0001 0003 E5"),
]
