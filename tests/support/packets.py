"""Captures made by hand: TCP segments in any link layer, in pcap or pcapng files."""

from __future__ import annotations

import io
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from mbap.diagnose.capture import Capture, Captured

CLIENT, SERVER = "10.0.0.5", "10.0.0.9"
SYN, ACK, RST = 2, 16, 4
ETHERNET, NULL, SLL, RAW, SLL2 = 1, 0, 113, 101, 276


def tcp(
    data: bytes = b"",
    *,
    sequence: int = 1000,
    flags: int = ACK,
    ports: tuple[int, int] = (40_000, 502),
    hosts: tuple[str, str] = (CLIENT, SERVER),
) -> bytes:
    """An IP packet with one TCP segment."""
    source, target = hosts
    head = struct.pack("!HHIIBBHHH", *ports, sequence, 0, 0x50, flags, 8192, 0, 0)
    if ":" in source:
        addresses = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
        return struct.pack("!IHBB", 6 << 28, len(head) + len(data), 6, 64) + addresses + head + data
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    size = 20 + len(head) + len(data)
    return struct.pack("!BBHHHBBH", 0x45, 0, size, 1, 0, 64, 6, 0) + addresses + head + data


def ethernet(packet: bytes, *tags: bytes) -> bytes:
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    return bytes(12) + b"".join(tag + b"\0\x07" for tag in tags) + kind + packet


def pcap(
    packets: Iterable[bytes],
    *,
    order: str = "<",
    nano: bool = False,
    link: int = ETHERNET,
    snap: int = 65_536,
) -> bytes:
    """A pcap file whose packets are a millisecond apart, from one second after 1970 on."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    file = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65_536, link)
    for index, packet in enumerate(packets):
        fraction = index * (1_000_000 if nano else 1000)
        file += struct.pack(order + "IIII", 1, fraction, min(snap, len(packet)), len(packet)) + packet[:snap]
    return file


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(
    packets: Iterable[bytes],
    *,
    order: str = "<",
    link: int = ETHERNET,
    options: bytes = b"",
    ticks: int = 1_000_000,
) -> bytes:
    """A pcapng file with one interface; times as in `pcap`, where *ticks* is not told."""
    section = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
    file = block(0x0A0D0D0A, section, order)
    file += block(1, struct.pack(order + "HHI", link, 0, 65_536) + options, order)
    for index, packet in enumerate(packets):
        at = ticks + index * 1000
        head = struct.pack(order + "IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(packet), len(packet))
        file += block(6, head + packet, order)
    return file


@dataclass
class Talk:
    """Two ends that talk, a packet each time; `packets` is what a tap between them sees."""

    hosts: tuple[str, str] = (CLIENT, SERVER)
    client_port: int = 40_000
    packets: list[bytes] = field(default_factory=list)
    sequences: list[int] = field(default_factory=lambda: [1000, 5000])

    def open(self) -> Talk:
        self.packets.append(self.packet(True, b"", SYN, self.sequences[0] - 1))
        self.packets.append(self.packet(False, b"", SYN | ACK, self.sequences[1] - 1))
        return self

    def says(self, to_server: bool, *frames: str) -> Talk:
        data = b"".join(bytes.fromhex(frame) for frame in frames)
        self.packets.append(self.packet(to_server, data))
        self.sequences[not to_server] += len(data)
        return self

    def asks(self, *frames: str) -> Talk:
        return self.says(True, *frames)

    def answers(self, *frames: str) -> Talk:
        return self.says(False, *frames)

    def packet(self, to_server: bool, data: bytes, flags: int = ACK, sequence: int | None = None) -> bytes:
        ports = (self.client_port, 502) if to_server else (502, self.client_port)
        hosts = self.hosts if to_server else self.hosts[::-1]
        at = self.sequences[not to_server] if sequence is None else sequence
        return ethernet(tcp(data, sequence=at, flags=flags, ports=ports, hosts=hosts))

    def exchanges(self) -> list[Captured]:
        return read(pcap(self.packets))[1]


def read(file: bytes) -> tuple[Capture, list[Captured]]:
    """A capture that was read to its end, and what was in it."""
    capture = Capture(io.BytesIO(file))
    return capture, list(capture)
