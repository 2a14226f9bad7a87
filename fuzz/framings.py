"""The framings: whatever comes and however it is cut, they keep little and give whole ADUs."""

from __future__ import annotations

from collections.abc import Callable

from fuzz.source import Source

from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.framing import Framing
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from mbap.protocol.tcp import TcpFraming

LONGEST_PDU = 253
MOST_KEPT: dict[type, int] = {TcpFraming: 259, RtuFraming: 255, AsciiFraming: 512}


def tcp(data: bytes) -> None:
    """A stream of Modbus TCP, cut anyhow, gives what it gives whole; what it gives packs to what came."""
    source = Source(data)
    cuts, stream = Source(source.take(source.number())), source.rest()
    framing = TcpFraming()
    adus = fed(framing, list(cuts.pieces(stream)))
    whole = TcpFraming()
    assert whole.unpack(stream) == adus, "another cut gives other ADUs"
    assert (whole.failure is None) == (framing.failure is None), "another cut fails otherwise"
    assert TcpFraming().unpack(b"".join(framing.pack(adu) for adu in adus)) == adus
    assert all(framing.pack(adu) in stream for adu in adus), "an ADU that did not come"


def rtu(data: bytes) -> None:
    """A serial line with RTU frames on it, at either end, before and after requests of our own."""
    serial(data, lambda side, echo, _: RtuFraming(side, echo=echo))


def ascii_(data: bytes) -> None:
    """A serial line with ASCII frames on it, with any delimiter."""

    def made(side: Side, echo: bool | None, delimiter: int) -> AsciiFraming:
        try:
            return AsciiFraming(side, delimiter=bytes((delimiter,)), echo=echo)
        except ValueError:
            return AsciiFraming(side, echo=echo)

    serial(data, made)


def serial(data: bytes, made: Callable[[Side, bool | None, int], Framing]) -> None:
    """What both serial framings must keep to: the script has requests to send and pieces that arrive."""
    source = Source(data)
    framing = made(source.choose(list(Side)), source.choose([None, False, True]), source.number())
    while source.left:
        step, size = source.number(), source.number()
        if step % 4 == 0:
            framing.pack(Adu(source.number(), source.take(size)[:LONGEST_PDU] or b"\x07"))
        elif step % 4 == 1 and isinstance(framing, RtuFraming):
            checked(framing, framing.silence())
        else:
            fed(framing, [source.take(size)])
    sent = Adu(source.number(), b"\x03\x00\x00\x00\x01")
    framing.clear()
    framing.pack(sent)
    answer = made(Side.SERVER, False, 0).pack(Adu(sent.unit, b"\x03\x02\x00\x07"))
    assert framing.failure is None, "a new connection does not begin anew"
    assert framing.partial == 0, "a new connection begins with what was left of the old one"
    fed(framing, [answer[:3], answer[3:]])


def fed(framing: Framing, pieces: list[bytes]) -> list[Adu]:
    """The ADUs out of *pieces*."""
    return [adu for piece in pieces for adu in checked(framing, framing.unpack(piece))]


def checked(framing: Framing, adus: list[Adu]) -> list[Adu]:
    """*adus*, which *framing* just gave."""
    most = MOST_KEPT[type(framing)]
    assert framing.partial <= most, f"{framing.partial} bytes are kept, more than {most}"
    for adu in adus:
        assert 0 <= adu.unit <= 255
        assert 1 <= len(adu.pdu) <= LONGEST_PDU, f"a PDU of {len(adu.pdu)} bytes"
    return adus
