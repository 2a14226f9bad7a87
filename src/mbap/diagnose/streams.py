"""TCP connections put together again from their segments, as the receiver saw them."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from mbap.diagnose.segments import ACK, RST, SYN, Segment, ends_of, reversed_ends

MOST_OUT_OF_ORDER: Final = 64
"""Segments that wait for one that is missing; more than these, and it is taken for lost."""
MOST_CONNECTIONS: Final = 65_536
"""Directions that are remembered; beyond them the one that was quiet for longest is forgotten."""
MOST_ELSEWHERE: Final = 64
SECURITY_PORT: Final = (802).to_bytes(2, "big")
TLS: Final = frozenset({b"\x14\x03", b"\x15\x03", b"\x16\x03", b"\x17\x03"})
"""How a record of TLS begins."""
_WRAP, _HALF = 2**32, 2**31
_SELDOM: Final = SYN | RST


class Direction:
    """One direction of a connection.

    Attributes:
        number: of the connection; counts up, with every SYN of the same pair too.
        to_server: towards the server's port.
    """

    __slots__ = ("client", "early", "expected", "fresh", "number", "server", "to_server")

    def __init__(self, ends: bytes, number: int, expected: int | None, *, to_server: bool) -> None:
        source, target = ends_of(ends)
        self.client, self.server = (source, target) if to_server else (target, source)
        self.number, self.to_server, self.expected = number, to_server, expected
        self.fresh = expected is None  # it is joined in the middle
        self.early: dict[int, bytes] = {}


class Piece(NamedTuple):
    """Bytes that follow those before in the same direction.

    Attributes:
        after_gap: bytes before these are missing, or nobody knows whether they are.
    """

    direction: Direction
    data: bytes
    after_gap: bool


class Streams:
    """Puts segments in order; what was sent again counts once, the first of two that differ stands.

    Args:
        ports: those of servers.

    Attributes:
        again: segments that brought nothing new.
        conflicts: bytes that were sent again, and differed.
        lost: gaps, over which it went on.
        cut: segments that were captured in part only.
        elsewhere: packets of other ports that look like Modbus, by the lower of the two ports.
        encrypted: packets of TLS on the port of Modbus/TCP Security.
    """

    def __init__(self, ports: Collection[int]) -> None:
        self._ports = frozenset(port.to_bytes(2, "big") for port in ports)
        self._directions: OrderedDict[bytes, Direction] = OrderedDict()
        self._count = 0
        self.again = self.conflicts = self.lost = self.cut = self.encrypted = 0
        self.elsewhere: Counter[int] = Counter()

    def usual(self, segment: Segment) -> Direction | None:
        """The direction that *segment* goes on, where it is as nearly all are; `take` is for the others.

        That is: the next one, whole, of a connection that is known and waits for nothing.
        """
        ends, sequence, flags, data, size = segment
        direction = self._directions.get(ends)
        if (
            direction is None
            or sequence != direction.expected
            or direction.early
            or direction.fresh
            or flags & _SELDOM
            or len(data) != size
        ):
            return None
        direction.expected = (sequence + size) % _WRAP
        return direction

    def take(self, segment: Segment) -> list[Piece]:
        """What *segment* completes."""
        direction = self._directions.get(segment.ends)
        if direction is None and not self._is_wanted(segment.ends):
            self._look(segment)
            return []
        pieces: list[Piece] = []
        self.cut += len(segment.data) < segment.size
        if direction is None or segment.flags & SYN:
            pieces = list(self._flush(direction)) if direction is not None else []
            direction = self._begin(segment)
        if segment.data:
            pieces += self._in_order(direction, segment)
        if segment.flags & RST:
            pieces += self._flush(direction)
        return pieces

    def _is_wanted(self, ends: bytes) -> bool:
        return ends[-2:] in self._ports or ends[-4:-2] in self._ports

    def _look(self, segment: Segment) -> None:
        """Whether a segment of another port is Modbus all the same, or would be if it could be read."""
        data, ports = segment.data, (segment.ends[-4:-2], segment.ends[-2:])
        if data[:2] in TLS and SECURITY_PORT in ports:
            self.encrypted += 1
        elif len(data) > 7 and not any(data[2:4]) and int.from_bytes(data[4:6], "big") == len(data) - 6:
            port = int.from_bytes(min(ports), "big")
            if port in self.elsewhere or len(self.elsewhere) < MOST_ELSEWHERE:
                self.elsewhere[port] += 1

    def finish(self) -> Iterator[Piece]:
        """What still waits for bytes that never came."""
        for direction in self._directions.values():
            yield from self._flush(direction)

    def _begin(self, segment: Segment) -> Direction:
        ends = segment.ends
        other = self._directions.get(reversed_ends(ends))
        opens = bool(segment.flags & SYN)
        if other is None or (opens and not segment.flags & ACK):
            self._count += 1
            number = self._count
        else:
            number = other.number
        expected = (segment.sequence + 1) % _WRAP if opens else None
        direction = Direction(ends, number, expected, to_server=ends[-2:] in self._ports)
        self._directions[ends] = direction
        self._directions.move_to_end(ends)
        if len(self._directions) > MOST_CONNECTIONS:
            self._directions.popitem(last=False)
        return direction

    def _in_order(self, direction: Direction, segment: Segment) -> Iterator[Piece]:
        if direction.expected is None:
            direction.expected = segment.sequence
        if segment.sequence == direction.expected and not direction.early:
            direction.expected = (segment.sequence + segment.size) % _WRAP
            gap, direction.fresh = direction.fresh, segment.size > len(segment.data)
            yield Piece(direction, segment.data, gap)
            return
        yield from self._out_of_order(direction, segment)

    def _out_of_order(self, direction: Direction, segment: Segment) -> Iterator[Piece]:
        assert direction.expected is not None
        kept = direction.early.get(segment.sequence, b"")
        shared = min(len(kept), len(segment.data))
        self.conflicts += kept[:shared] != segment.data[:shared]
        if _keeps_alive(segment, direction.expected):
            return
        if kept or _ahead(segment.sequence + len(segment.data), direction.expected) <= 0:
            self.again += 1
        if len(segment.data) > len(kept):
            direction.early[segment.sequence] = kept + segment.data[len(kept) :]
        yield from self._ready(direction, after_gap=False)
        if len(direction.early) > MOST_OUT_OF_ORDER:
            yield from self._flush(direction)

    def _flush(self, direction: Direction) -> Iterator[Piece]:
        while direction.early:
            expected = direction.expected or 0
            direction.expected = min(direction.early, key=lambda one: _ahead(one, expected))
            self.lost += 1
            yield from self._ready(direction, after_gap=True)

    @staticmethod
    def _ready(direction: Direction, *, after_gap: bool) -> Iterator[Piece]:
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
                yield Piece(direction, data, gap)
                after_gap = False


def _keeps_alive(segment: Segment, expected: int) -> bool:
    """Whether it only asks if the other end is there: it has the byte before the next one, of any value."""
    return segment.size == 1 and _ahead(segment.sequence, expected) == -1


def _ahead(sequence: int, expected: int) -> int:
    """How far *sequence* is ahead of what comes next; negative for what came before."""
    return (sequence - expected + _HALF) % _WRAP - _HALF
