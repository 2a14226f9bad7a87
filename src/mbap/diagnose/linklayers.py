"""What carries IP: link layers, and the tunnels in which mirrors and carriers pack it once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

IPV4: Final = b"\x08\x00"
IPV6: Final = b"\x86\xdd"
TCP: Final = 6
ETHERNET: Final = 1
_RAW: Final = frozenset({12, 14, 101, 228, 229})
_BRIDGED: Final = b"\x65\x58"
"""An Ethernet frame once more, as GRE and Geneve number it."""
_MIRRORED: Final = frozenset({b"\x88\xbe", b"\x22\xeb"})
"""What a switch mirrors to afar: ERSPAN, of types I and II, and of type III."""
_VXLAN: Final = frozenset({b"\x12\xb5", b"\x21\x18"})
_GENEVE: Final = b"\x17\xc1"
_LLC_SNAP: Final = b"\xaa\xaa\x03"
_LONGEST_OF_802_3: Final = 1500
_PPP: Final[Mapping[bytes, bytes]] = {b"\x00\x21": IPV4, b"\x00\x57": IPV6}


class Skipped(Exception):
    """There is no TCP segment in a packet that could be followed."""


class Within(NamedTuple):
    """What a header carries: its kind, as Ethernet numbers them, and where it begins."""

    kind: bytes
    at: int


def network_layer(link: int, data: bytes, at: int = 0) -> Within:
    """What the link layer carries that begins at *at*.

    Raises:
        Skipped: it is of a kind that nobody looks into.
        IndexError: it is cut short.
    """
    if link in _RAW:
        return _by_version(data, at)
    found = _LINKS.get(link)
    if found is None:
        raise Skipped(f"unsupported link type {link}")
    return _untagged(data, *found(data, at))


def tunnelled(protocol: int, data: bytes, at: int) -> Within:
    """What the payload of IP that begins at *at* carries, where it is a tunnel of any kind.

    Raises:
        Skipped: it is none.
        IndexError: it is cut short.
    """
    found = _TUNNELS.get(protocol)
    if found is None:
        raise Skipped("not TCP")
    return _untagged(data, *found(data, at))


def _untagged(data: bytes, kind: bytes, at: int) -> Within:
    """What stands behind all that comes before IP; in a loop, because a hostile packet nests thousands."""
    while True:
        if kind in _BETWEEN:
            kind, at = _BETWEEN[kind](data, at)
        elif int.from_bytes(kind, "big") <= _LONGEST_OF_802_3 and data[at : at + 3] == _LLC_SNAP:
            kind, at = data[at + 6 : at + 8], at + 8
        else:
            return Within(kind, at)


def _by_version(data: bytes, at: int) -> Within:
    return Within(IPV4 if data[at] >> 4 == 4 else IPV6, at)


def _tag(data: bytes, at: int) -> Within:
    """One of a VLAN."""
    return Within(data[at + 2 : at + 4], at + 4)


def _ring(data: bytes, at: int) -> Within:
    """HSR, the ring of substations (IEC 62439-3)."""
    return Within(data[at + 4 : at + 6], at + 6)


def _labels(data: bytes, at: int) -> Within:
    """MPLS, with IP or a pseudowire of Ethernet behind its labels."""
    while not data[at + 2] & 1:
        at += 4
    at += 4
    if data[at] >> 4:
        return _by_version(data, at)
    return Within(_BRIDGED, at + 4)


def _ethernet(data: bytes, at: int) -> Within:
    return Within(data[at + 12 : at + 14], at + 14)


def _session(data: bytes, at: int) -> Within:
    """PPPoE."""
    return _point_to_point(data, at + 6)


def _point_to_point(data: bytes, at: int) -> Within:
    """PPP, with the bytes of HDLC before it or not."""
    if data[at : at + 2] == b"\xff\x03":
        at += 2
    if data[at] & 1:
        return Within(_PPP.get(b"\0" + data[at : at + 1], b""), at + 1)
    return Within(_PPP.get(data[at : at + 2], b""), at + 2)


def _gre(data: bytes, at: int) -> Within:
    flags, kind = data[at], data[at + 2 : at + 4]
    numbered = bool(flags & 0x10)
    begin = at + 4 + 4 * (bool(flags & 0x80) + bool(flags & 0x20) + numbered)
    if kind not in _MIRRORED:
        return Within(kind, begin)
    if kind == b"\x22\xeb":
        return Within(_BRIDGED, begin + (20 if data[begin + 11] & 1 else 12))
    return Within(_BRIDGED, begin + 8 * numbered)


def _udp(data: bytes, at: int) -> Within:
    """VXLAN and Geneve, by their ports."""
    port, begin = data[at + 2 : at + 4], at + 8
    if port in _VXLAN and data[begin] & 0x08:
        return Within(_BRIDGED, begin + 8)
    if port == _GENEVE:
        return Within(data[begin + 2 : begin + 4], begin + 8 + (data[begin] & 0x3F) * 4)
    raise Skipped("not TCP")


_Header = Callable[[bytes, int], Within]
_LINKS: Final[Mapping[int, _Header]] = {
    ETHERNET: _ethernet,
    0: lambda data, at: _by_version(data, at + 4),
    108: lambda data, at: _by_version(data, at + 4),
    113: lambda data, at: Within(data[at + 14 : at + 16], at + 16),
    276: lambda data, at: Within(data[at : at + 2], at + 20),
    9: _point_to_point,
    50: _point_to_point,
    104: lambda data, at: Within(data[at + 2 : at + 4], at + 4),
}
"""Ethernet, loopback of BSD and OpenBSD, Linux cooked 1 and 2, PPP, PPP in HDLC, HDLC of Cisco."""
_BETWEEN: Final[Mapping[bytes, _Header]] = {
    _BRIDGED: _ethernet,
    b"\x81\x00": _tag,
    b"\x88\xa8": _tag,
    b"\x91\x00": _tag,
    b"\x89\x2f": _ring,
    b"\x88\x47": _labels,
    b"\x88\x48": _labels,
    b"\x88\x64": _session,
}
_TUNNELS: Final[Mapping[int, _Header]] = {
    4: lambda data, at: Within(IPV4, at),
    41: lambda data, at: Within(IPV6, at),
    47: _gre,
    17: _udp,
}
