"""What is done with values, without any connection: python -m bench.contenders.values SUBJECT NAME...

The names are done in turns; each is checked first. Prints {name: microseconds of CPU}, of the least round.
"""

from __future__ import annotations

import argparse
import json
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

Job = Callable[[], object]

FLOATS = [number * 1.5 - 7 for number in range(62)]
_ABCD = struct.pack(">62f", *FLOATS) + b"\0\0"
_WORDS = struct.unpack(">125H", _ABCD)
_SWAPPED = [word for at in range(0, 124, 2) for word in (_WORDS[at + 1], _WORDS[at])] + [0]
_CDAB = struct.pack(">125H", *_SWAPPED)
BYTES = bytes(range(256))
BITS = [number % 3 == 0 for number in range(2000)]
_PACKED = sum(bit << at for at, bit in enumerate(BITS)).to_bytes(250, "little")


def raw_floats(order: str) -> Job:
    words, swapped, floats = struct.Struct(">124H"), struct.Struct("<124H"), struct.Struct("<62f")
    plain = struct.Struct(">62f")
    if order == "ABCD":
        return lambda: plain.unpack_from(_ABCD)
    return lambda: floats.unpack(swapped.pack(*words.unpack_from(_CDAB)))


def mbap_floats(order: str) -> Job:
    from mbap import Registers
    from mbap.values import Encoding

    decode = Encoding("float32", order).decoder(62)
    registers = Registers(_ABCD if order == "ABCD" else _CDAB)
    return lambda: decode(registers)


def pymodbus_floats(order: str) -> Job:
    from pymodbus.client import ModbusTcpClient

    convert, kind = ModbusTcpClient.convert_from_registers, ModbusTcpClient.DATATYPE.FLOAT32
    registers = list(_WORDS[:124] if order == "ABCD" else _SWAPPED[:124])
    if order == "ABCD":
        return lambda: convert(registers, kind, word_order="big")
    return lambda: convert(registers, kind, word_order="little")


def pymodbustcp_floats(order: str) -> Job:
    from pyModbusTCP import utils  # type: ignore[import-untyped]

    registers, big = list(_WORDS[:124] if order == "ABCD" else _SWAPPED[:124]), order == "ABCD"
    return lambda: [
        utils.decode_ieee(number) for number in utils.word_list_to_long(registers, big_endian=big)
    ]


def tmodbus_floats(order: str) -> Job:
    from tmodbus.utils.order_aware_struct import OrderAwareStruct  # type: ignore[import-not-found]

    if order == "ABCD":
        return partial(OrderAwareStruct(">62f").unpack, _ABCD[:248])
    return partial(OrderAwareStruct(">62f", word_order="little").unpack, _CDAB[:248])


def pylibmodbus_floats(order: str) -> Job:
    from pylibmodbus import modbus_core  # type: ignore[import-not-found]

    registers = list(_WORDS if order == "ABCD" else _SWAPPED)
    buffer = modbus_core.ffi.new("uint16_t[]", 125)

    def decode() -> list[float]:
        buffer[0:125] = registers
        return [modbus_core.C.modbus_get_float(buffer + at) for at in range(0, 124, 2)]

    return decode  # it knows one order only: the other one fails the check


def plain_crc() -> int:
    crc = 0xFFFF
    for byte in BYTES:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def mbap_crc() -> Job:
    from mbap.protocol.checksum import crc16

    return lambda: crc16(BYTES)


def plain_pack() -> bytes:
    packed = bytearray((len(BITS) + 7) // 8)
    for at, bit in enumerate(BITS):
        if bit:
            packed[at >> 3] |= 1 << (at & 7)
    return bytes(packed)


def mbap_pack() -> Job:
    from mbap import Bits

    return lambda: Bits.of(BITS).wire


def plain_unpack() -> list[bool]:
    return [bool(_PACKED[at >> 3] >> (at & 7) & 1) for at in range(len(BITS))]


def mbap_unpack() -> Job:
    from mbap import Bits

    return lambda: list(Bits(_PACKED, len(BITS)))


def _floats(order: str) -> Mapping[str, Callable[[], Job]]:
    return {
        "struct on wire bytes": partial(raw_floats, order),
        "mbap": partial(mbap_floats, order),
        "pymodbus": partial(pymodbus_floats, order),
        "pyModbusTCP": partial(pymodbustcp_floats, order),
        "tmodbus": partial(tmodbus_floats, order),
        "pylibmodbus": partial(pylibmodbus_floats, order),
    }


SUBJECTS: Mapping[str, tuple[object, Mapping[str, Callable[[], Job]]]] = {
    "floats-abcd": (FLOATS, _floats("ABCD")),
    "floats-cdab": (FLOATS, _floats("CDAB")),
    "crc": (plain_crc(), {"plain loop": lambda: plain_crc, "mbap": mbap_crc}),
    "pack": (_PACKED, {"plain loop": lambda: plain_pack, "mbap": mbap_pack}),
    "unpack": (BITS, {"plain loop": lambda: plain_unpack, "mbap": mbap_unpack}),
}


def right(found: object, wanted: object) -> bool:
    """Whether *found* is what is *wanted*, as a list or as it is."""
    return [*found] == wanted if isinstance(wanted, list) and isinstance(found, Sequence) else found == wanted


def measured(jobs: Mapping[str, Job], rounds: int, seconds: float) -> dict[str, float]:
    """Microseconds of CPU for one call of each."""
    least: dict[str, float] = {}
    for _ in range(rounds):
        for name, job in jobs.items():
            calls, begun, end = 0, time.process_time(), time.perf_counter() + seconds
            while time.perf_counter() < end:
                for _ in range(20):
                    job()
                calls += 20
            took = (time.process_time() - begun) * 1e6 / calls
            least[name] = min(took, least.get(name, took))
    return least


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.05)
    options = parser.parse_args()
    wanted, makers = SUBJECTS[options.subject]
    jobs = {name: makers[name]() for name in options.names}
    jobs = {name: job for name, job in jobs.items() if right(job(), wanted)}
    print(json.dumps(measured(jobs, options.rounds, options.seconds)))


if __name__ == "__main__":
    main()
