"""Registers as wire bytes: the high byte of each register first."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence

Buffer = bytes | bytearray | memoryview


def wire_bytes(data: Buffer | Sequence[int]) -> bytes:
    """The wire bytes of *data*, which may be wire bytes already, or registers.

    Raises:
        ValueError: a register is not 0 to 65535.
    """
    if isinstance(data, bytes):
        return data
    if isinstance(data, (bytearray, memoryview)):
        return bytes(data)
    wire = getattr(data, "wire", None)
    if isinstance(wire, bytes):
        return wire
    try:
        return struct.pack(f">{len(data)}H", *data)
    except struct.error:
        wrong = next((item for item in data if not 0 <= item <= 0xFFFF), None)
        raise ValueError(f"a register is 0 to 65535, not {wrong}") from None


def swap_bytes(wire: bytes) -> bytes:
    """*wire* with the two bytes of every register exchanged."""
    registers = array("H", wire)
    registers.byteswap()
    return registers.tobytes()


def repeated(code: str, count: int) -> str:
    """The format of *count* values of a `struct` code: "62f" is one step, and quicker than 62 steps."""
    return f"{count}{code}" if len(code) == 1 else code * count
