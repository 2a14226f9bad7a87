"""RTU frames made and fed by hand, for the tests of that framing."""

from __future__ import annotations

from hypothesis import strategies as st

from mbap.protocol.adu import Adu
from mbap.protocol.checksum import crc16
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side

REQUEST = Adu(0x11, bytes.fromhex("03 006B 0003"))
REQUEST_BYTES = bytes.fromhex("11 03 00 6B 00 03 76 87")
ANSWER = Adu(0x11, bytes.fromhex("03 06 022B 0000 0064"))
WRITE = Adu(0x11, bytes.fromhex("06 0001 0003"))


def framed(adu: Adu) -> bytes:
    body = bytes((adu.unit,)) + adu.pdu
    return body + crc16(body).to_bytes(2, "little")


ANSWER_BYTES = framed(ANSWER)


def asked(adu: Adu = REQUEST, *, echo: bool | None = None) -> RtuFraming:
    """A client that has just sent *adu*."""
    framing = RtuFraming(Side.CLIENT, echo=echo)
    framing.pack(adu)
    return framing


def server() -> RtuFraming:
    return RtuFraming(Side.SERVER)


def byte_by_byte(framing: RtuFraming, data: bytes) -> list[Adu]:
    return [adu for byte in data for adu in framing.unpack(bytes((byte,)))]


def in_pieces(framing: RtuFraming, stream: bytes, data: st.DataObject) -> list[Adu]:
    got: list[Adu] = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        got += framing.unpack(stream[:cut])
        stream = stream[cut:]
    return got
