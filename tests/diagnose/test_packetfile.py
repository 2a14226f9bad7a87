"""Packets out of pcap and pcapng files, whole, cut and broken."""

from __future__ import annotations

import gzip
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.diagnose.packetfile import LARGEST_PACKET, Packet, PacketFile
from support.packets import block, pcap, pcapng

ONE, TWO = b"first packet", b"the second one"


def packets(data: bytes) -> tuple[list[Packet], str | None]:
    file = PacketFile(io.BytesIO(data))
    return list(file), file.problem


FORMS = {
    "pcap": pcap([ONE, TWO]),
    "pcap, big-endian": pcap([ONE, TWO], order=">"),
    "pcap, nanoseconds": pcap([ONE, TWO], nano=True),
    "pcap, nanoseconds, big-endian": pcap([ONE, TWO], order=">", nano=True),
    "pcapng": pcapng([ONE, TWO]),
    "pcapng, big-endian": pcapng([ONE, TWO], order=">"),
}


@pytest.mark.parametrize("form", FORMS)
def test_h147_every_form_gives_the_same_packets(form: str) -> None:
    assert packets(FORMS[form]) == (
        [Packet(1, 1_000_000, 1, ONE), Packet(2, 1_001_000, 1, TWO)],
        None,
    )


def test_h147_pcapng_counts_time_in_the_units_that_it_states() -> None:
    nanoseconds = struct.pack("<HHB3x", 9, 1, 9)
    (packet, *_), _ = packets(pcapng([ONE], options=nanoseconds))
    assert packet.time == 1000


def test_h147_pcapng_time_may_be_in_powers_of_two_and_have_an_offset() -> None:
    options = struct.pack("<HHB3x", 9, 1, 0x80 | 20) + struct.pack("<HHq", 14, 8, 100)
    (packet, *_), _ = packets(pcapng([ONE], options=options))
    assert packet.time == 1_000_000 * 1_000_000 // 2**20 + 100_000_000


def test_h147_blocks_of_pcapng_that_are_not_packets_are_passed_over() -> None:
    assert len(packets(pcapng([ONE]) + block(5, bytes(16)) + block(0xBAD, b""))[0]) == 1


def test_h147_a_simple_packet_has_no_time() -> None:
    found, _ = packets(pcapng([]) + block(3, struct.pack("<I", len(ONE)) + ONE))
    assert found == [Packet(1, 0, 1, ONE)]


def test_h147_an_obsolete_packet_block_is_read() -> None:
    head = struct.pack("<HHIIII", 0, 0, 0, 2_000_000, len(ONE), len(ONE))
    assert packets(pcapng([]) + block(2, head + ONE))[0] == [Packet(1, 2_000_000, 1, ONE)]


def test_h146_a_snap_length_marks_packets_as_cut() -> None:
    (packet, *_), _ = packets(pcap([ONE], snap=5))
    assert (packet.data, packet.cut) == (ONE[:5], True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("missing", range(1, 12))
def test_h146_a_file_that_ends_within_a_packet_gives_those_before_it(form: str, missing: int) -> None:
    found, problem = packets(FORMS[form][:-missing])
    assert [packet.data for packet in found] == [ONE]
    assert problem is not None
    assert "after 1 whole packets" in problem


@pytest.mark.parametrize("size", [LARGEST_PACKET + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_h148_a_huge_packet_is_not_read(size: int) -> None:
    found, problem = packets(pcap([ONE]) + struct.pack("<IIII", 1, 0, size, size))
    assert [packet.data for packet in found] == [ONE]
    assert problem is not None
    assert "broken" in problem


@pytest.mark.parametrize("size", [0, 8, 13, 0xFFFFFFFC])
def test_h148_a_block_of_impossible_size_ends_it(size: int) -> None:
    found, problem = packets(pcapng([ONE]) + struct.pack("<II", 6, size) + bytes(64))
    assert len(found) == 1
    assert problem is not None


def test_a_block_that_names_no_interface_is_left_out_and_told() -> None:
    head = struct.pack("<IIIII", 7, 0, 0, 4, 4)
    found, problem = packets(pcapng([ONE]) + block(6, head + bytes(4)) + block(6, struct.pack("<I", 0)))
    assert len(found) == 1
    assert problem is not None
    assert "left out" in problem


@pytest.mark.parametrize("form", FORMS)
def test_a_file_compressed_by_gzip_gives_the_same_packets(form: str) -> None:
    assert packets(gzip.compress(FORMS[form])) == packets(FORMS[form])
    halves = gzip.compress(FORMS[form][:50]) + gzip.compress(FORMS[form][50:])
    assert packets(halves) == packets(FORMS[form])


def test_a_compressed_file_that_is_cut_or_broken_gives_what_is_whole() -> None:
    packed = gzip.compress(pcap([bytes([number]) * 99 for number in range(200)]), compresslevel=0)
    cut, broken = packed[: len(packed) // 2], packed[:-8] + bytes(8)
    for data, says in ((cut, "ends there, too early"), (broken, "is broken there")):
        found, problem = packets(data)
        assert found[:15] == packets(packed)[0][:15]
        assert says in (problem or "")


def test_what_a_few_bytes_stand_for_is_never_unpacked_at_once() -> None:
    bomb = gzip.compress(pcap([]) + struct.pack("<IIII", 1, 0, 99, 99) + bytes(50_000_000))
    found, problem = packets(bomb)
    assert len(found) > 1_000_000
    assert problem is None or "ends within" in problem


@pytest.mark.parametrize(
    ("begin", "says"), [(b"\x28\xb5\x2f\xfd", "zstd -d"), (b"\xfd7zXZ", "xz -d"), (b"BZh9", "bzip2 -d")]
)
def test_how_to_unpack_what_is_compressed_otherwise_is_said(begin: bytes, says: str) -> None:
    assert f"unpack it first, with {says}" in (packets(begin + bytes(99))[1] or "")


@pytest.mark.parametrize(("data", "says"), [(b"", "empty"), (b"PK\3\4 a zip", "neither")])
def test_what_is_no_capture_is_told(data: bytes, says: str) -> None:
    found, problem = packets(data)
    assert not found
    assert says in (problem or "")


@given(st.binary(max_size=200), st.sampled_from(sorted(FORMS)), st.integers(0, 150))
def test_any_bytes_are_survived(noise: bytes, form: str, at: int) -> None:
    broken = FORMS[form][:at] + noise
    assert len(packets(broken)[0]) <= len(broken) // 16
