"""The checks of the serial framings: CRC-16 for RTU, LRC for ASCII (Serial Line V1.02, 6.2)."""

from __future__ import annotations

from typing import Final

SHORTEST_CHECKED: Final = 4
"""Unit, function code and CRC."""


def crc16(data: bytes, crc: int = 0xFFFF) -> int:
    """The check of an RTU frame, which is sent low byte first.

    *crc* is that of the bytes before *data*. A frame with its right check behind it gives 0.
    """
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc


def lrc(data: bytes) -> int:
    """The check of an ASCII frame: what makes the sum of all bytes 0, modulo 256."""
    return -sum(data) & 0xFF


def checked_length(data: bytes) -> int:
    """The length of a beginning of *data* that ends with its right CRC; 0 if there is none.

    By chance a check fits at one of 65,536 places, so all of *data* comes before the shortest beginning. A
    zero behind a right check leaves it right: one zero is taken for the second byte of the check, two or more
    for what does not belong to it.
    """
    crc, begin = 0xFFFF, 0
    found: list[int] = []
    for length, byte in enumerate(data, 1):
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
        if crc == 0 and length >= SHORTEST_CHECKED:
            begin = begin or length
        elif begin:
            found.append(_end_of_run(begin, length - 1))
            begin = 0
    if begin:
        return _end_of_run(begin, len(data))
    return found[0] if found else 0


def _end_of_run(begin: int, last: int) -> int:
    return last if last == begin + 1 else begin


def _of_byte(crc: int) -> int:
    for _ in range(8):
        crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


_TABLE: Final = tuple(_of_byte(byte) for byte in range(256))
