"""Sets of addresses as intervals: small however many addresses there are, and never more than so many."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

MOST: Final = 128


class Intervals:
    """A set of addresses; *last* of every interval belongs to it.

    Attributes:
        widened: how often two intervals were made one, with what is between them, for lack of room.
    """

    __slots__ = ("_firsts", "_lasts", "_most", "widened")

    def __init__(self, intervals: Iterable[Sequence[int]] = (), most: int = MOST) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._most = most
        self.widened = 0
        for first, last in intervals:
            self.add(first, last)

    def covers(self, first: int, last: int) -> bool:
        """Whether every address from *first* to *last* is in it."""
        at = bisect_right(self._firsts, first) - 1
        return at >= 0 and self._lasts[at] >= last

    def touches(self, first: int, last: int) -> bool:
        """Whether any address from *first* to *last* is in it."""
        at = bisect_right(self._firsts, last) - 1
        return at >= 0 and self._lasts[at] >= first

    def missing(self, first: int, last: int) -> list[tuple[int, int]]:
        """The intervals from *first* to *last* that are not in it."""
        found = []
        for at in range(bisect_left(self._lasts, first), bisect_right(self._firsts, last)):
            if first < self._firsts[at]:
                found.append((first, self._firsts[at] - 1))
            first = self._lasts[at] + 1
        return [*found, (first, last)] if first <= last else found

    def add(self, first: int, last: int) -> None:
        """Add the addresses from *first* to *last*.

        Raises:
            ValueError: *last* comes before *first*.
        """
        if last < first:
            raise ValueError(f"there are no addresses from {first} to {last}")
        start = bisect_left(self._lasts, first - 1)
        end = bisect_right(self._firsts, last + 1)
        if start < end:
            first, last = min(first, self._firsts[start]), max(last, self._lasts[end - 1])
        self._firsts[start:end] = [first]
        self._lasts[start:end] = [last]
        if len(self._firsts) > self._most:
            self._widen()

    def items(self) -> list[list[int]]:
        """Its intervals, the lowest first."""
        return [[first, last] for first, last in zip(self._firsts, self._lasts, strict=True)]

    def __len__(self) -> int:
        return len(self._firsts)

    def __str__(self) -> str:
        shown = [str(first) if first == last else f"{first}-{last}" for first, last in self.items()]
        return ", ".join([*shown[:12], "..."] if len(shown) > 12 else shown) or "none"

    def _widen(self) -> None:
        gaps = [after - before for before, after in zip(self._lasts, self._firsts[1:], strict=False)]
        at = gaps.index(min(gaps))
        del self._firsts[at + 1], self._lasts[at]
        self.widened += 1
