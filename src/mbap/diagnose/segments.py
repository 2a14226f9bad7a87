"""IP and TCP: the TCP segment in a captured packet, or why there is none."""

from __future__ import annotations

import socket
import struct
from collections import Counter
from functools import lru_cache
from typing import Final, NamedTuple

from mbap.diagnose.linklayers import ETHERNET, IPV4, IPV6, TCP, Skipped, network_layer, tunnelled
from mbap.diagnose.packetfile import Packet

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS = 0, 43, 44, 51, 60
_EXTENSIONS: Final = frozenset({_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS})
_MOST_TUNNELS: Final = 4
_HEAD: Final = struct.Struct("!4sIxxxxBB")
_USUAL: Final = struct.Struct("!12xHBxHxxHxBxx12sIxxxxBB")
"""TCP in IPv4 without options, in Ethernet without tags."""
_usual: Final = _USUAL.unpack_from

FIN, SYN, RST, ACK = 1, 2, 4, 16
_MATTERS: Final = SYN | RST
"""Flags that say something where no data does."""


class Segment(NamedTuple):
    """One TCP segment.

    Attributes:
        ends: who sent it to whom, as `ends_of` takes it apart: both addresses, then both ports.
        size: how many bytes were sent; more than *data* has where the capture is cut short.
    """

    ends: bytes
    sequence: int
    flags: int
    data: bytes
    size: int


End = tuple[bytes, int]
"""An address, of 4 or 16 bytes, and a port."""


def ends_of(ends: bytes) -> tuple[End, End]:
    """Source and target of a segment."""
    size = len(ends) // 2 - 2
    source_port, target_port = _PORTS.unpack_from(ends, 2 * size)
    return (ends[:size], source_port), (ends[size : 2 * size], target_port)


def reversed_ends(ends: bytes) -> bytes:
    """Those of what goes the other way."""
    size = len(ends) // 2 - 2
    return ends[size : 2 * size] + ends[:size] + ends[-2:] + ends[-4:-2]


_PORTS: Final = struct.Struct("!HH")
_made: Final = tuple.__new__
"""Makes a `Segment` in half the time that calling its class takes."""


class Segments:
    """Finds TCP segments in packets.

    Attributes:
        skipped: how many packets have none, by reason.
    """

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()

    def of(self, packet: Packet) -> Segment | None:
        """The segment in *packet*, in one go where it is as most are; None where there is none that matters.

        Why there is none is counted.
        """
        data = packet.data
        try:
            if packet.link != ETHERNET or len(data) < _USUAL.size:
                return segment(packet)
            kind, version, total, fragment, protocol, ends, sequence, offset, flags = _usual(data)
            if kind != 0x0800 or version != 0x45 or protocol != TCP or fragment & 0x3FFF or not total:
                return segment(packet)
        except Skipped as reason:
            self.skipped[str(reason)] += 1
            return None
        except (IndexError, struct.error):
            self.skipped["cut short"] += 1
            return None
        begin, end = 34 + (offset >> 4) * 4, 14 + total
        if begin >= end and not flags & _MATTERS:
            return None
        return _made(Segment, (ends, sequence, flags, data[begin:end], end - begin))


def segment(packet: Packet) -> Segment:
    """The TCP segment in *packet*, in tunnels, too.

    Raises:
        Skipped: there is none.
        IndexError, struct.error: it is cut short.
    """
    data, within = packet.data, network_layer(packet.link, packet.data)
    for _ in range(_MOST_TUNNELS):
        if within.kind == IPV4:
            carried = _ipv4(data, within.at)
        elif within.kind == IPV6:
            carried = _ipv6(data, within.at)
        else:
            raise Skipped("not IP")
        if carried.protocol == TCP:
            return _tcp(data, carried)
        within = tunnelled(carried.protocol, data, carried.begin)
    raise Skipped("more tunnels in each other than are looked into")


class _Carried(NamedTuple):
    """What IP carries, and between whom."""

    protocol: int
    begin: int
    end: int
    addresses: bytes


def _ipv4(data: bytes, at: int) -> _Carried:
    if (data[at + 6] & 0x3F) << 8 | data[at + 7]:
        raise Skipped("an IP fragment" if data[at + 9] == TCP else "not TCP")
    total = data[at + 2] << 8 | data[at + 3]
    head = (data[at] & 0x0F) * 4
    end = at + total if total else len(data)  # 0: the network card cut it into segments
    return _Carried(data[at + 9], at + head, end, data[at + 12 : at + 20])


def _ipv6(data: bytes, at: int) -> _Carried:
    addresses = data[at + 8 : at + 40]
    end = at + 40 + (data[at + 4] << 8 | data[at + 5])
    following, at = data[at + 6], at + 40
    while following in _EXTENSIONS:
        if following == _FRAGMENT:
            if (data[at + 2] << 8 | data[at + 3]) & 0xFFF9:
                raise Skipped("an IP fragment")
            size = 8
        elif following == _AUTHENTICATION:
            size = (data[at + 1] + 2) * 4
        else:
            size = (data[at + 1] + 1) * 8
        following, at = data[at], at + size
    return _Carried(following, at, end, addresses)


def _tcp(data: bytes, carried: _Carried) -> Segment:
    _, at, end, addresses = carried
    ports, sequence, offset, flags = _HEAD.unpack_from(data, at)
    begin = at + (offset >> 4) * 4
    return Segment(addresses + ports, sequence, flags, data[begin:end], max(end - begin, 0))


@lru_cache(maxsize=4096)
def address_text(address: bytes) -> str:
    """*address* as people write it."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)
