"""A survey of a table: which addresses can be read, which cannot, and what to ask next. It asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mbap.addresses import Table

SILENCES = 5
"""After so many silences in a row the device is left alone."""


@dataclass(slots=True)
class Survey:
    """What is known of the addresses *first* to *last* of a table.

    Attributes:
        largest: no read asks for more; it becomes less when the device does not give so many.
        smallest: a read of so many that is refused is not divided any more.
        pending: spans to ask, first and last, in order.
        values: what could be read. holes: what could not, by address, with the exception; 0 is silence.
        requests: how many were made. longest: the count of the longest that was answered.
    """

    table: Table
    first: int
    last: int
    largest: int
    smallest: int = 1
    pending: list[tuple[int, int]] = field(default_factory=list)
    values: dict[int, int] = field(default_factory=dict)
    holes: dict[int, int] = field(default_factory=dict)
    requests: int = 0
    longest: int = 0
    silences: int = 0

    @classmethod
    def of(cls, table: Table, first: int, last: int, largest: int, smallest: int = 1) -> Survey:
        """One that knows nothing yet."""
        return cls(table, first, last, largest, smallest, [(first, last)])

    @property
    def done(self) -> float:
        """The share that is known, 0 to 1."""
        return (len(self.values) + len(self.holes)) / (self.last - self.first + 1)

    @property
    def hopeless(self) -> bool:
        """Whether it was silent again and again."""
        return self.silences >= SILENCES

    def next(self) -> tuple[int, int] | None:
        """Address and count to read next; None when all is known."""
        if not self.pending:
            return None
        first, last = self.pending[0]
        return first, min(last - first + 1, self.largest)

    def read(self, address: int, values: Sequence[int]) -> None:
        """So it was read; fewer values than were asked for are possible."""
        self._take(address, len(values))
        self.longest = max(self.longest, len(values))
        self.values |= {address + at: int(value) for at, value in enumerate(values)}
        self.silences = 0

    def refused(self, address: int, count: int, code: int) -> None:
        """The exception *code* came; what is longer than the smallest is divided."""
        self.silences = 0
        if code == 3 and count > 1 and count > self.longest:
            self.requests += 1
            self.largest = max(count // 2, 1)
            return
        self._not_read(address, count, code)

    def silent(self, address: int, count: int) -> None:
        """Nothing came."""
        self.silences += 1
        self._not_read(address, count, 0)

    def _not_read(self, address: int, count: int, code: int) -> None:
        self._take(address, count)
        if count <= self.smallest:
            self.holes |= dict.fromkeys(range(address, address + count), code)
            return
        middle = address + count // 2
        self.pending[:0] = [(address, middle - 1), (middle, address + count - 1)]

    def _take(self, address: int, count: int) -> None:
        """Take what was asked off what is pending."""
        self.requests += 1
        _, last = self.pending.pop(0)
        if address + count <= last:
            self.pending.insert(0, (address + count, last))

    def as_json(self) -> dict[str, Any]:
        """To go on later."""
        return {
            "table": self.table.value,
            "first": self.first,
            "last": self.last,
            "largest": self.largest,
            "smallest": self.smallest,
            "pending": [list(span) for span in self.pending],
            "values": [
                [start, [self.values[start + at] for at in range(length)]]
                for start, length in runs(self.values)
            ],
            "holes": [[start, start + length - 1, code] for start, length, code in hole_runs(self.holes)],
            "requests": self.requests,
            "longest": self.longest,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Survey:
        """One that goes on where *kept* ended.

        Raises:
            KeyError, TypeError, ValueError: *kept* is no survey.
        """
        first, last, largest, smallest = (
            int(kept[name]) for name in ("first", "last", "largest", "smallest")
        )
        made = cls(Table(kept["table"]), first, last, largest, smallest)
        made.pending = [(int(start), int(end)) for start, end in kept["pending"]]
        for start, values in kept["values"]:
            made.values |= {start + at: int(value) for at, value in enumerate(values)}
        for start, end, code in kept["holes"]:
            made.holes |= dict.fromkeys(range(start, end + 1), int(code))
        made.requests, made.longest = int(kept["requests"]), int(kept["longest"])
        return made


def runs(addresses: Mapping[int, object]) -> Iterator[tuple[int, int]]:
    """First address and length of each run without a gap."""
    start = length = 0
    for address in sorted(addresses):
        if length and address == start + length:
            length += 1
            continue
        if length:
            yield start, length
        start, length = address, 1
    if length:
        yield start, length


def hole_runs(holes: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """First address, length and exception of each run of holes with the same exception."""
    by_code: dict[int, dict[int, int]] = {}
    for address, code in holes.items():
        by_code.setdefault(code, {})[address] = code
    yield from sorted((start, length, code) for code, some in by_code.items() for start, length in runs(some))
