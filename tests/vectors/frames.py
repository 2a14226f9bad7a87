"""Known frames, once: the examples of the Modbus Application Protocol V1.1b3, section 6.

Framing, PDU classes, client, server and command line are all tested against these.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mbap.protocol.pdu import (
    MaskWriteRegister,
    ReadCoils,
    ReadDiscreteInputs,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)


class Exchange(NamedTuple):
    """One request and its answer: as an object and as PDU bytes."""

    name: str
    request: Request[Any]
    request_pdu: bytes
    result: object
    response_pdu: bytes


def exchange(
    name: str, request: Request[Any], request_hex: str, result: object, response_hex: str
) -> Exchange:
    """The exchange whose PDUs are these hexadecimal digits."""
    return Exchange(name, request, bytes.fromhex(request_hex), result, bytes.fromhex(response_hex))


def _bits(digits: str) -> list[bool]:
    return [digit == "1" for digit in digits.replace(" ", "")]


EXCHANGES: Final = [
    exchange(
        "read coils",
        ReadCoils(19, 19),
        "01 0013 0013",
        _bits("10110011 11010110 101"),
        "01 03 CD 6B 05",
    ),
    exchange(
        "read discrete inputs",
        ReadDiscreteInputs(196, 22),
        "02 00C4 0016",
        _bits("00110101 11011011 101011"),
        "02 03 AC DB 35",
    ),
    exchange(
        "read holding registers",
        ReadHoldingRegisters(107, 3),
        "03 006B 0003",
        [555, 0, 100],
        "03 06 022B 0000 0064",
    ),
    exchange("read input registers", ReadInputRegisters(8, 1), "04 0008 0001", [10], "04 02 000A"),
    exchange("write single coil", WriteSingleCoil(172, True), "05 00AC FF00", None, "05 00AC FF00"),
    exchange("write single register", WriteSingleRegister(1, 3), "06 0001 0003", None, "06 0001 0003"),
    exchange(
        "write multiple coils",
        WriteMultipleCoils(19, _bits("10110011 10")),
        "0F 0013 000A 02 CD 01",
        None,
        "0F 0013 000A",
    ),
    exchange(
        "write multiple registers",
        WriteMultipleRegisters(1, [10, 258]),
        "10 0001 0002 04 000A 0102",
        None,
        "10 0001 0002",
    ),
    exchange(
        "mask write register",
        MaskWriteRegister(4, 0xF2, 0x25),
        "16 0004 00F2 0025",
        None,
        "16 0004 00F2 0025",
    ),
    exchange(
        "read write multiple registers",
        ReadWriteMultipleRegisters(3, 6, 14, [255, 255, 255]),
        "17 0003 0006 000E 0003 06 00FF 00FF 00FF",
        [254, 2765, 1, 3, 13, 255],
        "17 0C 00FE 0ACD 0001 0003 000D 00FF",
    ),
]
