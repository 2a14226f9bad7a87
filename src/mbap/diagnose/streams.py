"""TCP connections put together again from their segments, as the receiver saw them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from mbap.diagnose.segments import RST, SYN, Segment

MOST_OUT_OF_ORDER: Final = 64
"""Segments that wait for one that is missing; more than these, and it is taken for lost."""
MOST_CONNECTIONS: Final = 65_536
"""Directions that are remembered; beyond them the one that was quiet for longest is forgotten."""
_WRAP, _HALF = 2**32, 2**31
_SELDOM: Final = SYN | RST

End = tuple[bytes, int]


class Piece(NamedTuple):
    """Bytes that follow those before in the same direction of the same connection.

    Attributes:
        connection: counts up, with every SYN of the same pair too.
        to_server: sent to the server's port.
        after_gap: bytes before these are missing, or nobody knows whether they are.
    """

    connection: int
    to_server: bool
    client: End
    server: End
    data: bytes
    after_gap: bool


class _Direction:
    __slots__ = ("early", "expected", "fresh", "number")

    def __init__(self, number: int, expected: int | None) -> None:
        self.number, self.expected = number, expected
        self.fresh = expected is None  # it is joined in the middle
        self.early: dict[int, bytes] = {}


class Streams:
    """Puts segments in order; what was sent again counts once, the first of two that differ stands.

    Args:
        ports: those of servers.

    Attributes:
        again: segments that brought nothing new.
        conflicts: bytes that were sent again, and differed.
        lost: gaps, over which it went on.
    """

    def __init__(self, ports: Collection[int]) -> None:
        self._ports = frozenset(ports)
        self._directions: OrderedDict[tuple[End, End], _Direction] = OrderedDict()
        self._count = 0
        self.again = self.conflicts = self.lost = 0

    def take(self, segment: Segment) -> list[Piece]:
        """What *segment* completes."""
        to_server = segment.target_port in self._ports
        if not to_server and segment.source_port not in self._ports:
            return []
        key = (segment.source, segment.source_port), (segment.target, segment.target_port)
        direction = self._directions.get(key)
        if (
            direction is not None
            and segment.sequence == direction.expected
            and not (direction.early or direction.fresh or segment.flags & _SELDOM)
            and len(segment.data) == segment.size
        ):
            # As nearly all are: the next one, whole, of a connection that is known.
            direction.expected = (segment.sequence + segment.size) % _WRAP
            client, server = key if to_server else (key[1], key[0])
            return [Piece(direction.number, to_server, client, server, segment.data, False)]
        pieces: list[Piece] = []
        if direction is None or segment.flags & SYN:
            pieces = list(self._flush(key, direction, to_server)) if direction is not None else []
            direction = self._begin(key, segment)
        if segment.data:
            pieces += self._in_order(key, direction, segment, to_server)
        if segment.flags & RST:
            pieces += self._flush(key, direction, to_server)
        return pieces

    def finish(self) -> Iterator[Piece]:
        """What still waits for bytes that never came."""
        for key, direction in self._directions.items():
            yield from self._flush(key, direction, key[1][1] in self._ports)

    def _begin(self, key: tuple[End, End], segment: Segment) -> _Direction:
        other = self._directions.get((key[1], key[0]))
        opens = bool(segment.flags & SYN)
        if other is None or (opens and not segment.flags & 16):
            self._count += 1
            number = self._count
        else:
            number = other.number
        direction = _Direction(number, (segment.sequence + 1) % _WRAP if opens else None)
        self._directions[key] = direction
        self._directions.move_to_end(key)
        if len(self._directions) > MOST_CONNECTIONS:
            self._directions.popitem(last=False)
        return direction

    def _in_order(
        self, key: tuple[End, End], direction: _Direction, segment: Segment, to_server: bool
    ) -> Iterator[Piece]:
        if direction.expected is None:
            direction.expected = segment.sequence
        if segment.sequence == direction.expected and not direction.early:
            direction.expected = (segment.sequence + segment.size) % _WRAP
            gap, direction.fresh = direction.fresh, segment.size > len(segment.data)
            yield self._piece(key, direction, segment.data, to_server, after_gap=gap)
            return
        yield from self._out_of_order(key, direction, segment, to_server)

    def _out_of_order(
        self, key: tuple[End, End], direction: _Direction, segment: Segment, to_server: bool
    ) -> Iterator[Piece]:
        assert direction.expected is not None
        kept = direction.early.get(segment.sequence, b"")
        shared = min(len(kept), len(segment.data))
        self.conflicts += kept[:shared] != segment.data[:shared]
        if kept or _ahead(segment.sequence + len(segment.data), direction.expected) <= 0:
            self.again += 1
        if len(segment.data) > len(kept):
            direction.early[segment.sequence] = kept + segment.data[len(kept) :]
        yield from self._ready(key, direction, to_server, after_gap=False)
        if len(direction.early) > MOST_OUT_OF_ORDER:
            yield from self._flush(key, direction, to_server)

    def _flush(self, key: tuple[End, End], direction: _Direction, to_server: bool) -> Iterator[Piece]:
        while direction.early:
            expected = direction.expected or 0
            direction.expected = min(direction.early, key=lambda one: _ahead(one, expected))
            self.lost += 1
            yield from self._ready(key, direction, to_server, after_gap=True)

    def _ready(
        self, key: tuple[End, End], direction: _Direction, to_server: bool, *, after_gap: bool
    ) -> Iterator[Piece]:
        while direction.early:
            expected = direction.expected or 0
            sequence = min(direction.early, key=lambda one: _ahead(one, expected))
            ahead = _ahead(sequence, expected)
            if ahead > 0:
                return
            data = direction.early.pop(sequence)[-ahead:] if ahead else direction.early.pop(sequence)
            if data:
                direction.expected = (expected + len(data)) % _WRAP
                gap, direction.fresh = after_gap or direction.fresh, False
                yield self._piece(key, direction, data, to_server, after_gap=gap)
                after_gap = False

    @staticmethod
    def _piece(
        key: tuple[End, End], direction: _Direction, data: bytes, to_server: bool, *, after_gap: bool
    ) -> Piece:
        client, server = key if to_server else (key[1], key[0])
        return Piece(direction.number, to_server, client, server, data, after_gap)


def _ahead(sequence: int, expected: int) -> int:
    """How far *sequence* is ahead of what comes next; negative for what came before."""
    return (sequence - expected + _HALF) % _WRAP - _HALF
