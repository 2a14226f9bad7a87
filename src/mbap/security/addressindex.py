"""Which rules can be about some addresses of one table: stretches of addresses with a bit for each rule."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from mbap.security.accesses import Ranges

PAGE: Final = 64
"""Addresses that are looked up together, where few rules begin or end among them."""
CROWDED: Final = 16
"""So many beginnings and ends in a page, and each is looked up by itself."""

Rules = int
"""Some rules: bit n is rule n."""


class AddressIndex:
    """Rules by their addresses.

    Args:
        ranges: of each rule; None: it is about all, and about what has no address.
    """

    __slots__ = ("_begins", "_rules", "anywhere")

    def __init__(self, ranges: Iterable[tuple[Rules, Ranges | None]]) -> None:
        given = list(ranges)
        self.anywhere: Rules = 0
        for bit, those in given:
            self.anywhere |= bit if those is None else 0
        self._begins = _stretches(those for _, those in given if those is not None)
        self._rules = _spread([(bit, those or ()) for bit, those in given], self._begins, self.anywhere)

    def about(self, first: int, last: int, denying: Rules) -> Rules:
        """Those that can cover all from *first* to *last*; of those *denying*, that touch any of it."""
        begin = bisect_right(self._begins, first) - 1
        end = bisect_right(self._begins, last, begin) - 1
        rules = self._rules
        covering = rules[begin] & rules[end]
        if not denying or end == begin:
            return covering
        touching = 0
        for stretch in rules[begin : end + 1]:
            touching |= stretch
        return covering | touching & denying


def _stretches(ranges: Iterable[Ranges]) -> list[int]:
    """Where stretches begin that are looked up together."""
    edges = [edge for those in ranges for low, high in those for edge in (low, high + 1)]
    if not edges:
        return [0]
    crowds = Counter(edge // PAGE for edge in edges)
    begins = {0, *range(0, 0x10000, PAGE)} | {edge for edge in edges if crowds[edge // PAGE] > CROWDED}
    return sorted(begins - {0x10000})


def _spread(ranges: Sequence[tuple[Rules, Ranges]], begins: Sequence[int], everywhere: Rules) -> list[Rules]:
    """The rules that are about anything in each stretch."""
    starts, stops = [0] * len(begins), [0] * len(begins)
    for bit, those in ranges:
        for first, last in _runs(those, begins):
            starts[first] |= bit
            stops[last] |= bit
    rules, running = [], everywhere
    for start, stop in zip(starts, stops, strict=True):
        running |= start
        rules.append(running)
        running &= ~stop
    return rules


def _runs(ranges: Ranges, begins: Sequence[int]) -> list[tuple[int, int]]:
    """The stretches of *ranges*; those that follow each other as one, so that each begins and ends once."""
    runs: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        first, last = bisect_right(begins, low) - 1, bisect_right(begins, high) - 1
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = runs[-1][0], max(last, runs[-1][1])
        else:
            runs.append((first, last))
    return runs
