"""What was read of a device while its places are looked for, and what it refused to give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mbap.addresses import Table
from mbap.collect.registermap import Point
from mbap.diagnose.doctor.case import Case, read_of

Place = tuple[Table, int]
Memory = dict[Place, int]
Span = tuple[Table, int, int]


class Places:
    """The registers that were read, and the spans that could not be.

    Attributes:
        memory: each register that was read, by table and address.
        refused: table, first and last of what an exception came for.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.memory: Memory = {}
        self.refused: set[Span] = set()
        self._given: set[Span] = set()

    def read(self, table: Table, first: int, last: int) -> bool:
        """Whether *first* to *last* can be read together; what is known is not asked again."""
        if not 0 <= first <= last <= 0xFFFF or (table, first, last) in self.refused:
            return False
        if self._within(table, first, last):
            return True
        words = self._ask(table, first, last)
        if words is None:
            return False
        self.memory |= {(table, first + at): word for at, word in enumerate(words)}
        self._given.add((table, first, last))
        return True

    def known(self, table: Table, first: int, last: int) -> bool:
        """Whether all from *first* to *last* were read, be it in parts."""
        return all((table, at) in self.memory for at in range(first, last + 1))

    def again(self, table: Table, first: int, last: int) -> list[int]:
        """What *first* to *last* have now; nothing where they cannot be read together."""
        return self._ask(table, first, last) or []

    def whole(self, point: Point, shift: int) -> bool:
        """Whether *point* can be read in one piece, *shift* away from where the profile has it."""
        return self.read(point.table, point.address + shift, point.last + shift)

    def in_part(self, point: Point, shift: int) -> bool:
        """Whether some register of *point*, *shift* away, was read."""
        return any((point.table, at + shift) in self.memory for at in range(point.address, point.last + 1))

    def _within(self, table: Table, first: int, last: int) -> bool:
        return any(table is one and begin <= first and last <= end for one, begin, end in self._given)

    def _ask(self, table: Table, first: int, last: int) -> list[int] | None:
        outcome = self.case.asking.ask(read_of(table, first, last - first + 1), self.case.unit)
        if outcome.code:
            self.refused.add((table, first, last))
        if not outcome.good or len(outcome.result) != last - first + 1:
            return None
        return [int(word) for word in outcome.result]


def runs(places: Sequence[Place], longest: int) -> list[Span]:
    """Table, first and last of what lies in a row among *places*, in pieces of *longest* at most."""
    spans: list[Span] = []
    for table, address in sorted(places, key=lambda place: (place[0].value, place[1])):
        if spans and spans[-1][0] is table and spans[-1][2] == address - 1:
            first = spans[-1][1]
            if address - first < longest:
                spans[-1] = (table, first, address)
                continue
        spans.append((table, address, address))
    return spans


def covered(points: Sequence[Point], shift: int) -> Iterator[Place]:
    """The registers of *points*, *shift* away."""
    for point in points:
        yield from ((point.table, at + shift) for at in range(point.address, point.last + 1))


def words_of(point: Point, memory: Memory, shift: int) -> list[int]:
    """The registers of *point*, *shift* away; none where they are not all there."""
    words = [memory.get((point.table, at + shift)) for at in range(point.address, point.last + 1)]
    whole = [word for word in words if word is not None]
    return whole if len(whole) == point.count else []


def swapped(word: int) -> int:
    """*word* with its bytes exchanged."""
    return word >> 8 | (word & 0xFF) << 8
