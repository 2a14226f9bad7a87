"""Recorded traffic: the bytes of each TCP connection to port 502, in order, as the receiver saw them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dpkt  # type: ignore[import-untyped]

PORT = 502
MOST_OUT_OF_ORDER = 32
"""Segments that wait for one that is missing; more than these, and it is taken for lost."""

Endpoint = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that follow those before in the same direction of the same connection.

    Attributes:
        connection: counts up, with every SYN of the same pair too.
        to_server: sent to port 502.
        after_gap: bytes are missing in the recording before these.
    """

    connection: int
    to_server: bool
    data: bytes
    after_gap: bool = False


@dataclass(slots=True)
class _Direction:
    """One direction of one connection: what comes next, and what came too early."""

    connection: int
    to_server: bool
    expected: int | None = None
    early: dict[int, bytes] = field(default_factory=dict)

    def take(self, sequence: int, data: bytes) -> Iterator[Piece]:
        if self.expected is None:
            self.expected = sequence
        self.early[sequence] = max(self.early.get(sequence, b""), data, key=len)
        yield from self._in_order(after_gap=False)
        if len(self.early) > MOST_OUT_OF_ORDER:
            yield from self.flush()

    def flush(self) -> Iterator[Piece]:
        """What still waits for bytes that never came."""
        while self.early:
            self.expected = min(self.early, key=self._ahead)
            yield from self._in_order(after_gap=True)

    def _in_order(self, *, after_gap: bool) -> Iterator[Piece]:
        while self.early:
            sequence = min(self.early, key=self._ahead)
            ahead = self._ahead(sequence)
            if ahead > 0:
                return
            data = self.early.pop(sequence)[-ahead:] if ahead else self.early.pop(sequence)
            if not data:
                continue
            assert self.expected is not None
            self.expected = (self.expected + len(data)) % 2**32
            yield Piece(self.connection, self.to_server, data, after_gap)
            after_gap = False

    def _ahead(self, sequence: int) -> int:
        """How far *sequence* is ahead of what comes next; negative for what came before."""
        assert self.expected is not None
        return (sequence - self.expected + 2**31) % 2**32 - 2**31


def pieces(path: Path) -> Iterator[Piece]:
    """The bytes of all connections to port 502 in *path*, in order, without what was sent again."""
    directions: dict[tuple[Endpoint, Endpoint], _Direction] = {}
    numbers = itertools.count()
    for source, target, segment in _segments(path):
        key = (source, target)
        if segment.flags & dpkt.tcp.TH_SYN:
            yield from directions.pop(key).flush() if key in directions else ()
        if key not in directions:
            other = directions.get((target, source))
            fresh = other is None or bool(
                segment.flags & dpkt.tcp.TH_SYN and not segment.flags & dpkt.tcp.TH_ACK
            )
            number = next(numbers) if fresh or other is None else other.connection
            directions[key] = _Direction(number, target[1] == PORT)
            if segment.flags & dpkt.tcp.TH_SYN:
                directions[key].expected = (segment.seq + 1) % 2**32
        if segment.data:
            yield from directions[key].take(segment.seq, bytes(segment.data))
    for direction in directions.values():
        yield from direction.flush()


def _segments(path: Path) -> Iterator[tuple[Endpoint, Endpoint, dpkt.tcp.TCP]]:
    with path.open("rb") as file:
        reader = dpkt.pcap.UniversalReader(file)
        layers = {dpkt.pcap.DLT_EN10MB: dpkt.ethernet.Ethernet, dpkt.pcap.DLT_LINUX_SLL: dpkt.sll.SLL}
        layer = layers.get(reader.datalink(), dpkt.ethernet.Ethernet)
        for _, frame in reader:
            packet = layer(frame).data
            segment = getattr(packet, "data", None)
            if isinstance(segment, dpkt.tcp.TCP) and PORT in (segment.sport, segment.dport):
                yield (packet.src, segment.sport), (packet.dst, segment.dport), segment
