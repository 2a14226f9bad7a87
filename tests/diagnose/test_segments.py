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


FRAME = ethernet(V4)


def packed(protocol: int, *headers: str) -> bytes:
    """IPv4 from a mirror to its target, with *headers* in it."""
    inside = b"".join(bytes.fromhex(header) for header in headers)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(inside), 1, 0, 64, protocol, 0)
    return head + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + inside


V4_HEX, V6_HEX, FRAME_HEX = V4.hex(), V6.hex(), FRAME.hex()
LINKS |= {
    "VLAN in Linux cooked": (SLL, bytes(14) + b"\x81\x00\0\7\x08\x00" + V4),
    "VLAN in Linux cooked 2": (SLL2, b"\x81\x00" + bytes(18) + b"\0\7\x08\x00" + V4),
    "PPP": (9, b"\x00\x21" + V4),
    "PPP, compressed": (9, b"\x21" + V4),
    "PPP in HDLC, IPv6": (50, b"\xff\x03\x00\x57" + V6),
    "HDLC of Cisco": (104, b"\x0f\x00\x08\x00" + V4),
    "PPPoE": (ETHERNET, bytes(12) + bytes.fromhex("8864 1100 0005 0031 0021") + V4),
    "MPLS": (ETHERNET, bytes(12) + bytes.fromhex("8847 00010040 00011140") + V4),
    "a pseudowire": (ETHERNET, bytes(12) + bytes.fromhex("8847 00011140 00000000") + FRAME),
    "HSR": (ETHERNET, bytes(12) + bytes.fromhex("892f 1035 0007 0800") + V4),
    "LLC and SNAP": (ETHERNET, bytes(12) + bytes.fromhex("0037 aaaa03 000000 0800") + V4),
    "IP in IP": (RAW, packed(4, V4_HEX)),
    "IPv6 in IPv4": (RAW, packed(41, V6_HEX)),
    "GRE": (RAW, packed(47, "0000 0800", V4_HEX)),
    "GRE with a checksum, a key and a number": (
        RAW,
        packed(47, "b000 86dd 00000000 00000009 00000001", V6_HEX),
    ),
    "Ethernet in GRE": (ETHERNET, ethernet(packed(47, "0000 6558", FRAME_HEX))),
    "ERSPAN I": (RAW, packed(47, "0000 88be", FRAME_HEX)),
    "ERSPAN II": (RAW, packed(47, "1000 88be 00000001 1001000000000000", FRAME_HEX)),
    "ERSPAN III": (RAW, packed(47, "1000 22eb 00000001 200100000000000000000000", FRAME_HEX)),
    "ERSPAN III with a subheader": (
        RAW,
        packed(47, "1000 22eb 00000001 200100000000000000000001 0000000000000000", FRAME_HEX),
    ),
    "VXLAN": (RAW, packed(17, "d903 12b5 0000 0000 0800000000000700", FRAME_HEX)),
    "Geneve with an option": (RAW, packed(17, "d903 17c1 0000 0000 0100655800000700 00000000", FRAME_HEX)),
    "VXLAN in VXLAN": (
        RAW,
        packed(
            17,
            "d903 12b5 0000 0000 0800000000000700",
            ethernet(packed(17, "d903 12b5 0000 0000 0800000000000700", FRAME_HEX)).hex(),
        ),
    ),
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
    "more tunnels in each other than are looked into": (
        RAW,
        packed(4, *(packed(4).hex() for _ in range(9)), V4_HEX),
    ),
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


@pytest.mark.parametrize("header", ["8847 00011140 00000000" + 12 * "00", "0037 aaaa03 000000", "8100 0007"])
def test_a_packet_that_is_headers_only_is_counted(header: str) -> None:
    segments = Segments()
    of_headers = bytes(12) + bytes.fromhex(header) * 20_000
    assert segments.of(Packet(1, 0, ETHERNET, of_headers)) is None
    assert sum(segments.skipped.values()) == 1


@given(st.sampled_from([0, 1, 9, 50, 101, 104, 108, 113, 276]), st.binary(max_size=120))
def test_any_packet_has_a_segment_or_is_counted(link: int, data: bytes) -> None:
    segments = Segments()
    found = segments.of(Packet(1, 0, link, data))
    assert (found is None) == (sum(segments.skipped.values()) == 1)
