"""Which series the values of a read belong to, and in which rows they are stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mbap.collect.readings import Readings
from mbap.sinks.sqlite_reads import WIDEST, table_of

_MOST_REMEMBERED = 4_000_000
"""Series whose places are remembered; when there are more, all are forgotten and looked up again."""


@dataclass(slots=True, eq=False)
class Block:
    """A run of series that are stored together; a run of one lies in `singles`.

    A series can be in several blocks, of which each may have a sample of the same time: only of those whose
    *rivals* have something as new, that has to be looked up.

    Attributes:
        number: its number in `blocks`; of a run of one, that of the series.
        newest: the newest time stored in it; known, and kept up to date, where there are rivals.
        single: the newest time that any of its series has in `singles`; 0: none.
        rivals: other blocks with some of its series.
    """

    number: int
    first: int
    width: int
    newest: int = 0
    single: int = 0
    rivals: list[Block] = field(default_factory=list)
    linked: bool = False

    def may_clash(self, time: int) -> bool:
        """Whether a series of this block could have a sample of *time* in another place."""
        return time <= self.single or any(time <= rival.newest for rival in self.rivals)

    def note(self, time: int, *, apart: bool = False) -> None:
        """Something of *time* is stored: in the block, or of its series *apart* from it."""
        self.newest = max(self.newest, time)
        if apart:
            self.single = max(self.single, time)
        if apart or self.width == 1:
            for rival in self.rivals:
                rival.single = max(rival.single, time)


@dataclass(frozen=True, slots=True)
class Layout:
    """How one set of points is stored.

    Attributes:
        order: the places of its values in the order of their series; None: as they come. A point that is
            there twice is left out once.
        blocks: what they are cut into.
        points: how many values a read has.
    """

    order: tuple[int, ...] | None
    blocks: tuple[Block, ...]
    points: int

    def series(self) -> Iterator[int]:
        """The numbers of the series, each once."""
        for block in self.blocks:
            yield from range(block.first, block.first + block.width)


class Layouts:
    """The layouts of one history, looked up or made when they are first needed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._layouts: dict[tuple[str, tuple[str, ...]], Layout] = {}
        self._blocks: dict[tuple[int, int], Block] = {}
        self._remembered = 0
        self._next: int | None = None
        self._new: dict[str, dict[str, int]] = {}

    def forget(self) -> None:
        """Trust nothing but the file: after a transaction that was undone."""
        self._layouts.clear()
        self._blocks.clear()
        self._new.clear()
        self._remembered, self._next = 0, None

    def of_all(self, batch: Iterable[Readings]) -> list[Layout]:
        """The layout of each of *batch*; what is new is written down.

        Raises:
            ValueError: readings have not as many values as points.
        """
        if self._remembered >= _MOST_REMEMBERED:
            self.forget()
        layouts = [self._of(readings) for readings in batch]
        self._insert_new()
        return layouts

    def _of(self, readings: Readings) -> Layout:
        key = readings.device, readings.points
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._layouts[key] = self._look_up(*key)
            self._remembered += layout.points
        if layout.points != len(readings.values):
            raise ValueError(
                f"readings of {readings.device} have {len(readings.values)} values for {layout.points} points"
            )
        return layout

    def _look_up(self, device: str, points: tuple[str, ...]) -> Layout:
        """Numbers for *points* of *device*; those that are new are given one, and await `_insert_new`."""
        rows = self._connection.execute("SELECT point, id FROM series WHERE device = ?", (device,))
        known: dict[str, int] = {**dict(rows), **self._new.get(device, {})}
        unknown = not known
        for point in points:
            if point not in known:
                known[point] = self._new.setdefault(device, {})[point] = self._next_number()
        places: dict[int, int] = {}
        for place, point in enumerate(points):
            places.setdefault(known[point], place)
        numbers = sorted(places)
        order = tuple(places[number] for number in numbers)
        as_they_come = order == tuple(range(len(points)))
        blocks = tuple(self._block(first, width, unknown=unknown) for first, width in _runs(numbers))
        return Layout(None if as_they_come else order, blocks, len(points))

    def _next_number(self) -> int:
        """A number that no series has."""
        if self._next is None:
            (largest,) = self._connection.execute("SELECT max(id) FROM series").fetchone()
            self._next = (largest or 0) + 1
        self._next += 1
        return self._next - 1

    def _insert_new(self) -> None:
        """Write down the series that are new: a site that begins has all of them in its first seconds."""
        rows = ((number, device, point) for device, new in self._new.items() for point, number in new.items())
        if self._new:
            self._connection.executemany("INSERT INTO series (id, device, point) VALUES (?, ?, ?)", rows)
            self._new.clear()

    def _block(self, first: int, width: int, *, unknown: bool) -> Block:
        """The block of that run; *unknown*: its series are all new, so that it has no rivals."""
        block = self._bare(self._number(first, width), first, width)
        if not block.linked:
            block.linked = True
            if not unknown:
                self._link(block)
        return block

    def _bare(self, number: int, first: int, width: int) -> Block:
        """The one object for that block."""
        key = first, width
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = Block(number, first, width)
        return block

    def _number(self, first: int, width: int) -> int:
        if width == 1:
            return first
        run = first, first + width - 1
        self._connection.execute("INSERT OR IGNORE INTO blocks (first, last) VALUES (?, ?)", run)
        (number,) = self._connection.execute(
            "SELECT id FROM blocks WHERE first = ? AND last = ?", run
        ).fetchone()
        assert isinstance(number, int)
        return number

    def _link(self, block: Block) -> None:
        """Let *block* and those that share series with it know each other."""
        last = block.first + block.width - 1
        span = {"first": block.first, "last": last, "reach": WIDEST - 1}
        for number, first, end in self._connection.execute(_OVERLAPPING, span).fetchall():
            if (first, end) != (block.first, last):
                self._befriend(block, self._bare(number, first, end - first + 1))
        if block.width > 1:
            for number in range(block.first, last + 1):
                single = self._blocks.get((number, 1))
                if single is not None and block not in single.rivals:
                    single.rivals.append(block)
            (newest,) = self._connection.execute(_NEWEST_SINGLE, (block.first, last)).fetchone()
            block.single = max(block.single, newest or 0)

    def _befriend(self, block: Block, rival: Block) -> None:
        if rival not in block.rivals:
            block.rivals.append(rival)
        if rival.linked and block.width > 1 and block not in rival.rivals:
            rival.rivals.append(block)
        for one in (block, rival):
            if one.width > 1:
                (newest,) = self._connection.execute(
                    f"SELECT max(time) FROM {table_of(one.width)} WHERE block = ?",  # noqa: S608 - a name of ours
                    (one.number,),
                ).fetchone()
                one.newest = max(one.newest, newest or 0)


_OVERLAPPING = """
SELECT id, first, last FROM blocks WHERE first BETWEEN :first - :reach AND :last AND last >= :first
"""

_NEWEST_SINGLE = """
SELECT max((SELECT max(time) FROM singles WHERE series = series.id)) FROM series WHERE id BETWEEN ? AND ?
"""


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, how many) of each run in the ascending *numbers*, none wider than a row."""
    begin = 0
    for end in range(1, len(numbers) + 1):
        whole = end == len(numbers) or numbers[end] != numbers[end - 1] + 1
        if whole or end - begin == WIDEST:
            yield numbers[begin], end - begin
            begin = end
