"""The way through one table: what to ask next, until each address is known. It asks nobody.

That an address cannot be read is only known when it was refused alone: a refused block says that something
in it is missing, or that it is too long, or that it crosses a border. So each missing address costs one
request, and the art is to waste few others: blocks that are refused. Long blocks come first. Where one is
refused, single addresses are asked, and from one that answers it goes on both ways by 1, 2, 4 and more.

Some devices give numbers of two registers as a whole only, and refuse each register alone. So while none was
read alone, a pair is asked for at round addresses and beside what is there. Where at the end none was, the
pairs around each fourth address are asked for: of two such numbers side by side one is among them. Where one
answers, all is asked in pairs from then on. A device that gives registers alone costs none of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mbap.addresses import Table
from mbap.protocol.pdu import bits, registers

_HUNTED: Final = 4
"""The pairs around each address are asked for that can be divided by it."""
_LAST: Final = 16
"""The rank of what is asked when all else is known, in all tables."""
_TOO_LONG: Final = 3
"""What the standard wants as the answer to a read that is too long; some give it for missing addresses."""


@dataclass(frozen=True, slots=True)
class Question:
    """A read of *count* from *address*; those of small *rank* are likely to find something."""

    address: int
    count: int
    rank: int


@dataclass(slots=True)
class _Edge:
    """From where it goes on beside what is there.

    Attributes:
        at: the next address; up: whether to higher ones.
        size: how many to ask for.
        left: so many from `at` on were refused together; 0: nothing is known of them.
        maybe_long: they may have been refused because they are many.
    """

    at: int
    up: bool
    size: int = 1
    left: int = 0
    maybe_long: bool = False

    def went_well(self, count: int, most: int) -> None:
        """*count* could be read."""
        self.at += count if self.up else -count
        if self.left > count:
            self.left -= count
            self.size = self.left if self.maybe_long else max(self.left // 2, 1)
        else:
            self.size = most if self.left else min(2 * count, most)
            self.left = 0

    def was_refused(self, count: int, *, maybe_long: bool) -> None:
        """*count* could not be read together."""
        self.left, self.size, self.maybe_long = count, max(count // 2, 1), maybe_long


class Walk:
    """Through the addresses *first* to *last* of *table*.

    It takes `bound` requests at most where the device gives *most* at once and refuses what is missing.

    Args:
        most: ask for no more at once.
        step: where long blocks were refused, look only at addresses that can be divided by it, and at those
            beside the ones that answered; what is left is unknown.

    Attributes:
        values: what could be read, by address.
        refused: what could not, by address, with the exception; 0 is silence.
    """

    def __init__(self, table: Table, first: int, last: int, most: int | None = None, step: int = 1) -> None:
        standard = bits.MOST_READ if table.holds_bits else registers.MOST_READ
        self.table, self.first, self.last = table, first, last
        self.values: dict[int, int] = {}
        self.refused: dict[int, int] = {}
        self._most = min(most or standard, standard)
        self._step = step
        self._fresh = first
        self._edges: list[_Edge] = []
        self._order = sorted((a for a in range(first, last + 1) if a % step == 0), key=rank)
        self._at = 0
        self._together: list[tuple[int, int, int]] = []
        self._grain = 1
        self._parity = 0
        self._alone = table.holds_bits
        self._pair: int | None = None
        self._pairs = [first for a in self._order if a % _HUNTED == 0 for first in (a, a - 1)]
        self._hunted = 0
        self._asked_for: set[int] = set()
        self._settling = self._settled = False
        self._longest = 0
        self._too_long = 0
        self._limited = False
        self._question: Question | None = None
        self._edge: _Edge | None = None

    @property
    def total(self) -> int:
        """How many addresses there are."""
        return self.last - self.first + 1

    @property
    def largest(self) -> int:
        """How many to ask for at once."""
        most = (self._longest + self._too_long) // 2 if self._too_long else self._most
        return max(most - most % self._grain, 1)

    @property
    def limit(self) -> int | None:
        """How many the device gives at once, where that is less than the standard allows."""
        return self._longest if self._limited and self._longest else None

    @property
    def ahead(self) -> int:
        """About how many requests are to come: one for each address in blocks that were refused."""
        fresh = max(self.last - self._fresh + 1, 0)
        unknown = max(self.total - len(self.values) - len(self.refused) - fresh, 0)
        hunts = len(self._pairs) - self._hunted if self._may_hunt else 0
        return -(-unknown // max(self._step, self._grain)) + -(-fresh // self.largest) + hunts

    def unknown(self) -> Iterator[tuple[int, int]]:
        """First and last of each part of which nothing is known."""
        return spans(
            one for one in range(self.first, self.last + 1) if not (one in self.values or one in self.refused)
        )

    def next(self) -> Question | None:
        """What to ask; None when all is known. It stays the same until it is said what came."""
        if self._question is None:
            self._edge = None
            self._question = (
                self._paired()
                or self._beside()
                or self._ahead()
                or self._anywhere()
                or self._hunt()
                or self._longer()
            )
        return self._question

    def read(self, values: Sequence[int]) -> None:
        """So the question was answered."""
        asked, edge = self._answered()
        self._alone = self._alone or asked.count % 2 == 1
        if self._settling:
            self._settling = False
            return
        if self._pair is not None:
            self._go_by_pairs(asked.address)
        self.values.update(enumerate(map(int, values), asked.address))
        self._longest = max(self._longest, asked.count)
        self._learn(asked.address, asked.count)
        if edge is not None:
            edge.went_well(asked.count, self.largest)
            return
        if asked.address == self._fresh:
            self._fresh += asked.count
        for at, up in ((asked.address + asked.count, True), (asked.address - 1, False)):
            if at != self._fresh:
                self._edges.append(_Edge(at, up))

    def refuse(self, code: int) -> None:
        """The question was answered by the exception *code*; 0: by silence."""
        asked, edge = self._answered()
        address, count = asked.address, asked.count
        if self._settling:
            self._settling = False
        elif self._pair is not None:
            self._pair = None
        elif address in self.values:  # it was about the length alone
            self._too_long = count
        elif count <= self._grain:
            self._missing(address, count, code)
            self._maybe_a_pair(address, edge)
        else:
            self._not_together(asked, edge, code)
        if address == self._fresh:
            self._fresh += count

    def absent(self) -> None:
        """There is no such table: nothing is asked any more, and nothing of it is known."""
        self._answered()
        self._edges, self._order, self._pairs, self._fresh = [], [], [], self.last + 1

    def _answered(self) -> tuple[Question, _Edge | None]:
        asked, edge = self._question, self._edge
        if asked is None:
            raise ValueError("nothing was asked")
        self._question = self._edge = None
        return asked, edge

    def _missing(self, address: int, count: int, code: int) -> None:
        self.refused.update(dict.fromkeys(range(address, address + count), code))
        self._together = [one for one in self._together if not one[0] <= address < one[0] + one[1]]

    def _maybe_a_pair(self, address: int, edge: _Edge | None) -> None:
        """It was refused alone: would it be given with the next one?"""
        likely = edge is not None or address % 100 == 0 or (address < 100 and address % 10 == 0)
        if likely and not self._alone and self._grain == 1 and address < self.last and self._most > 1:
            self._pair = address

    def _go_by_pairs(self, address: int) -> None:
        """It was: so nothing that was refused alone is known to be missing."""
        self._pair, self._grain, self._parity = None, 2, address % 2
        self.refused.clear()
        self._together.clear()
        self._edges.clear()
        self._at = 0

    def _not_together(self, asked: Question, edge: _Edge | None, code: int) -> None:
        address, count = asked.address, asked.count
        self._together.append((address, count, code))
        maybe_long = code == _TOO_LONG and count > self._longest
        if edge is None:
            edge = _Edge(address, up=True)
            self._edges.append(edge)
            if address - 1 not in self.values:
                return
        edge.was_refused(count, maybe_long=maybe_long)

    def _learn(self, address: int, count: int) -> None:
        """What was refused together, and could be read in parts, was too long if nothing so long was read."""
        for one in [one for one in self._together if one[0] < address + count and address < one[0] + one[1]]:
            first, length, code = one
            if all(each in self.values for each in range(first, first + length)):
                self._together.remove(one)
                if length > self._longest and not 0 < self._too_long <= length:
                    self._too_long, self._limited = length, code == _TOO_LONG

    def _known(self, address: int) -> bool:
        return address in self.values or address in self.refused

    def _paired(self) -> Question | None:
        """What was refused alone, with the next one."""
        if self._pair is None:
            return None
        self._asked_for.add(self._pair)
        return Question(self._pair, 2, 0)

    @property
    def _may_hunt(self) -> bool:
        """Whether the device may be one that gives pairs only."""
        return not self._alone and self._grain == 1 and self._most > 1

    def _hunt(self) -> Question | None:
        """Where nothing was read alone: first one of what is there, alone, and then the pairs of `_pairs`."""
        while self._may_hunt and self._hunted < len(self._pairs):
            first = self._pairs[self._hunted]
            if not self._may_be_a_pair(first):
                self._hunted += 1
            elif self.values and not self._settled:
                self._settling = self._settled = True
                return Question(next(iter(self.values)), 1, _LAST)
            else:
                self._hunted += 1
                self._pair = first
                return Question(first, 2, _LAST)
        return None

    def _may_be_a_pair(self, first: int) -> bool:
        apart = first not in self.values and first + 1 not in self.values
        return self.first <= first < self.last and apart and first not in self._asked_for

    def _beside(self) -> Question | None:
        """Beside what is there."""
        while self._edges:
            edge = self._edges[-1]
            count = self._room(edge.at, min(max(edge.size, self._grain), self.largest), up=edge.up)
            if count:
                self._edge = edge
                return Question(edge.at if edge.up else edge.at - count + 1, count, 0)
            self._edges.pop()
        return None

    def _ahead(self) -> Question | None:
        """The next long block."""
        while self._fresh <= self.last and (self._known(self._fresh) or self._second(self._fresh)):
            self._fresh += 1
        count = self._room(self._fresh, self.largest, up=True)
        return Question(self._fresh, count, 1 + _remoteness(self._fresh)) if count else None

    def _anywhere(self) -> Question | None:
        """One address in what was refused, those first at which maps like to begin."""
        while self._at < len(self._order):
            address = self._order[self._at]
            if self._second(address) and self._step > 1:
                address -= 1
            if not self._known(address) and not self._second(address):
                return Question(
                    address, self._room(address, self._size(address), up=True), 2 + rank(address)[0]
                )
            self._at += 1
        return None

    def _size(self, address: int) -> int:
        """How many to ask for there: what is before the first pair, or after a border, is asked alone."""
        return 1 if self._grain == 2 and address % 2 != self._parity else self._grain

    def _second(self, address: int) -> bool:
        """Whether *address* is the second of a pair that is still to be asked for."""
        first = address - 1
        second = self._grain == 2 and address % 2 != self._parity
        return second and first >= self.first and not self._known(first)

    def _longer(self) -> Question | None:
        """At last, where it is not known how long a read may be: the same once more, and longer."""
        if not self._limited or self._longest + self._grain >= self._too_long:
            return None
        return next(
            (
                Question(first, self.largest, 9)
                for first, last in spans(sorted(self.values))
                if last - first + 1 >= self.largest
            ),
            None,
        )

    def _room(self, at: int, size: int, *, up: bool) -> int:
        """How many of *size* addresses from *at* on are there to be asked."""
        ahead = (
            range(at, min(at + size, self.last + 1)) if up else range(at, max(at - size, self.first - 1), -1)
        )
        count = next((count for count, address in enumerate(ahead) if self._known(address)), len(ahead))
        return count if count < self._grain else count - count % self._grain


def bound(addresses: int, runs: Sequence[int], most: int = registers.MOST_READ, *, alone: bool = True) -> int:
    """So many requests are enough for *addresses* in which *runs* can be read, each so long as it says.

    One an address that is missing; two a block of *most*; one a multiple of 100, and a few below 100, for a
    pair there; and for each run four times as many as its length has binary digits. Where nothing is read
    *alone*, because nothing is there or only pairs are, all addresses count as missing once, one request for
    every two looks for pairs, and where there are some, one for every two that are missing is asked in pairs.
    """
    missing = addresses - sum(runs)
    if not alone or not runs:
        missing = addresses + addresses // 2 + 2 + (missing // 2 + 1 if runs else 0)
    blocks = -(-addresses // most)
    return missing + addresses // 100 + 12 + 2 * blocks + 4 * sum(run.bit_length() for run in runs)


def rank(address: int) -> tuple[int, int]:
    """How late to ask for *address* alone: maps begin low, or at round addresses."""
    roundness = next((at for at, each in enumerate((1000, 100, 10)) if address % each == 0), 3)
    return 2 * roundness + _remoteness(address), address


def _remoteness(address: int) -> int:
    return (address // 1000).bit_length()


def spans(addresses: Iterator[int] | Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each run of rising *addresses* without a gap."""
    first = last = None
    for address in addresses:
        if first is None or last is None or address != last + 1:
            if first is not None and last is not None:
                yield first, last
            first = address
        last = address
    if first is not None and last is not None:
        yield first, last


def refusals(refused: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """First, last and exception of each run of *refused* addresses with the same exception."""
    by_code: dict[int, list[int]] = {}
    for address, code in sorted(refused.items()):
        by_code.setdefault(code, []).append(address)
    yield from sorted((first, last, code) for code, some in by_code.items() for first, last in spans(some))
