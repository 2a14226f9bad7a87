"""TCP segments in every kind of link layer, and why there is none."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.diagnose.packetfile import Packet
from mbap.diagnose.segments import Segments, address_text, ends_of, reversed_ends
from support.packets import ETHERNET, NULL, RAW, SLL, SLL2, ethernet, tcp

V4 = tcp(b"payload")
V6 = tcp(b"payload", hosts=("fe80::1", "fe80::2"))
HOP_BY_HOP = struct.pack("!BB6x", 6, 0)


def extended(*headers: bytes, first: int) -> bytes:
    """V6 with extension headers in front of its segment."""
    inside = b"".join(headers)
    return V6[:4] + struct.pack("!HB", len(V6) - 40 + len(inside), first) + V6[7:40] + inside + V6[40:]


LINKS = {
    "Ethernet": (ETHERNET, ethernet(V4)),
    "VLAN": (ETHERNET, ethernet(V4, b"\x81\x00")),
    "QinQ": (ETHERNET, ethernet(V4, b"\x88\xa8", b"\x81\x00")),
    "IPv6": (ETHERNET, ethernet(V6)),
    "Linux cooked": (SLL, bytes(14) + b"\x08\x00" + V4),
    "Linux cooked 2": (SLL2, b"\x08\x00" + bytes(18) + V4),
    "raw IPv4": (RAW, V4),
    "raw IPv6": (RAW, V6),
    "BSD loopback": (NULL, b"\2\0\0\0" + V4),
    "BSD loopback, IPv6": (NULL, b"\x1e\0\0\0" + V6),
    "hop-by-hop options": (RAW, extended(HOP_BY_HOP, first=0)),
    "routing, then options": (
        RAW,
        extended(struct.pack("!BB6x", 60, 0), struct.pack("!BB14x", 6, 1), first=43),
    ),
    "authentication": (RAW, extended(struct.pack("!BB10x", 6, 1), first=51)),
    "a fragment that is whole": (RAW, extended(struct.pack("!BBHI", 6, 0, 0, 1), first=44)),
}


@pytest.mark.parametrize("name", LINKS)
def test_h147_the_segment_is_found(name: str) -> None:
    link, data = LINKS[name]
    found = Segments().of(Packet(1, 0, link, data))
    assert found is not None
    (_, source_port), (_, target_port) = ends_of(found.ends)
    assert (source_port, target_port, found.data, found.size) == (40_000, 502, b"payload", 7)


@pytest.mark.parametrize("packet", [V4, V6])
def test_both_ends_of_a_segment_are_known_and_can_be_turned_round(packet: bytes) -> None:
    found = Segments().of(Packet(1, 0, RAW, packet))
    assert found is not None
    source, target = ends_of(found.ends)
    assert (address_text(source[0]), target[1]) in (("10.0.0.5", 502), ("fe80::1", 502))
    assert ends_of(reversed_ends(found.ends)) == (target, source)


SKIPPED = {
    "unsupported link type 147": (147, V4),
    "not IP": (ETHERNET, bytes(12) + b"\x08\x06" + V4),
    "not TCP": (RAW, V4[:9] + b"\x11" + V4[10:]),
    "an IP fragment": (RAW, V4[:6] + b"\x20\x00" + V4[8:]),
    "cut short": (RAW, V4[:30]),
}


@pytest.mark.parametrize("reason", SKIPPED)
def test_h151_what_cannot_be_followed_is_counted_by_reason(reason: str) -> None:
    link, data = SKIPPED[reason]
    segments = Segments()
    assert segments.of(Packet(1, 0, link, data)) is None
    assert segments.skipped == {reason: 1}


def test_h151_a_later_fragment_of_ipv6_is_counted() -> None:
    segments = Segments()
    assert segments.of(Packet(1, 0, RAW, extended(struct.pack("!BBHI", 6, 0, 8, 1), first=44))) is None
    assert segments.skipped == {"an IP fragment": 1}


def test_padding_behind_the_packet_is_not_payload() -> None:
    found = Segments().of(Packet(1, 0, ETHERNET, ethernet(V4) + bytes(6)))
    assert found is not None
    assert found.data == b"payload"


def test_h146_what_the_capture_left_out_is_known() -> None:
    found = Segments().of(Packet(1, 0, RAW, V4[:-3], cut=True))
    assert found is not None
    assert (found.data, found.size) == (b"payl", 7)


def test_addresses_are_written_as_people_write_them() -> None:
    assert address_text(bytes([10, 0, 0, 5])) == "10.0.0.5"
    assert address_text(bytes.fromhex("fe800000000000000000000000000001")) == "fe80::1"


@given(st.sampled_from([0, 1, 101, 108, 113, 276]), st.binary(max_size=120))
def test_any_packet_has_a_segment_or_is_counted(link: int, data: bytes) -> None:
    segments = Segments()
    found = segments.of(Packet(1, 0, link, data))
    assert (found is None) == (sum(segments.skipped.values()) == 1)
