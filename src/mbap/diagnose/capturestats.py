"""Counts of a capture: who talks to whom, functions, blocks and their periods, what was slow or wrong."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any, Final, TypeVar

from mbap.diagnose.capture import Captured
from mbap.diagnose.wording import WRITING
from mbap.protocol.pdu.base import Request

MOST_ROWS: Final = 20_000
"""Blocks that are counted by themselves; what comes beyond them is counted by its function only."""
MOST_SLOW: Final = 10
_EVEN: Final = 1.5
"""By such a factor median and mean may differ, where requests come evenly."""
_PAUSE: Final = 5
"""So many times the upper quartile is no interval, but a pause."""
_MOST_INTERVALS: Final = 64
_SAME: Final = {1: 5, 2: 5, 3: 5, 4: 5, 5: 3, 6: 3, 8: 3, 15: 5, 16: 5, 22: 3, 23: 9, 24: 3, 43: 4}
"""How many bytes of a PDU say what is asked; the rest is values."""

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Row:
    """The same request of the same client to the same unit, however often.

    Attributes:
        request: the first of them; None where it is malformed, or was not seen.
        longest, total: of the delays of answers, in microseconds.
        exceptions: answers, by exception code.
        unasked: answers without a request.
        repeated: requests that came again before they were answered.
        first, last: UTC microseconds.
    """

    client: str
    server: str
    server_port: int
    unit: int
    function: int
    request: Request[Any] | None
    requests: int = 0
    answers: int = 0
    unanswered: int = 0
    unasked: int = 0
    repeated: int = 0
    slow: int = 0
    longest: int = 0
    total: int = 0
    first: int = 0
    last: int = 0
    exceptions: Counter[int] = field(default_factory=Counter)
    intervals: list[int] = field(default_factory=list)

    @property
    def mean(self) -> float | None:
        """Of the delays, in microseconds; None without answers to requests."""
        answered = self.answers - self.unasked
        return self.total / answered if answered else None

    @property
    def period(self) -> float | None:
        """How often it is asked, in microseconds, by the last 64 intervals; None for few.

        The median, which no pause changes. Where requests come in bursts that would be how far they are apart
        in one, or two of them: then it is the mean without pauses, so often the device has to answer.
        """
        if len(self.intervals) < 2:
            return None
        ordered = sorted(self.intervals)
        usual, pause = median(ordered), _PAUSE * ordered[len(ordered) * 3 // 4]
        mean = fmean(one for one in ordered if one <= pause)
        return usual if mean <= usual * _EVEN and usual <= mean * _EVEN else mean

    @property
    def writes(self) -> bool:
        """Whether it writes."""
        return self.function in WRITING if self.request is None else self.request.writes

    def add(self, other: Row) -> None:
        """Count what *other* counted, too."""
        self.first = other.first if not self.requests + self.answers else min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.longest = max(self.longest, other.longest)
        for name in ("requests", "answers", "unanswered", "unasked", "repeated", "slow", "total"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.exceptions.update(other.exceptions)


class Statistics:
    """What is counted of exchanges, in memory that does not grow with their number.

    Args:
        slow: seconds from which on an answer is slow.

    Attributes:
        slowest: the ten answers that took longest, longest first, as (microseconds, exchange).
        together: exchanges of blocks beyond `MOST_ROWS`.
    """

    def __init__(self, slow: float = 1.0) -> None:
        self._slow = int(slow * 1e6)
        self._rows: dict[tuple[str, str, int, int, bytes], Row] = {}
        self._heap: list[tuple[int, int, Captured]] = []
        self._number = 0
        self.together = 0

    def take(self, exchange: Captured) -> None:
        """Count *exchange*."""
        pdu, time = exchange.pdu, exchange.time
        head = pdu[: _SAME.get(pdu[0], 1)] if pdu else b"\xff" + (exchange.response or b"")[:1]
        key = exchange.client, exchange.server, exchange.server_port, exchange.unit, head
        row = self._rows.get(key)
        if row is None:
            row = self._new(key, exchange)
        if pdu:
            if row.requests and len(row.intervals) < _MOST_INTERVALS:
                row.intervals.append(time - row.last)
            elif row.requests:
                row.intervals[row.requests % _MOST_INTERVALS] = time - row.last
            row.requests += 1
            row.repeated += exchange.repeated
        row.last = time
        response = exchange.response
        if response is None:
            row.unanswered += not is_broadcast(exchange)
        else:
            self._answered(row, exchange, response)

    def _answered(self, row: Row, exchange: Captured, response: bytes) -> None:
        row.answers += 1
        if response[:1] >= b"\x80":
            row.exceptions[exchange.exception or 0] += 1
        if not exchange.pdu or exchange.response_time is None:
            row.unasked += not exchange.pdu
            return
        delay = exchange.response_time - exchange.time
        row.total += delay
        if delay > row.longest:
            row.longest = delay
        if delay >= self._slow:
            row.slow += 1
        if len(self._heap) < MOST_SLOW or delay > self._heap[0][0]:
            self._number += 1
            push = heapq.heappush if len(self._heap) < MOST_SLOW else heapq.heapreplace
            push(self._heap, (delay, -self._number, exchange))

    def _new(self, key: tuple[str, str, int, int, bytes], exchange: Captured) -> Row:
        client, server, port, unit, head = key
        if len(self._rows) >= MOST_ROWS:
            self.together += 1
            key = client, server, port, unit, head = "", "", 0, -1, head[:1]
            if key in self._rows:
                return self._rows[key]
        request = exchange.request if unit >= 0 else None
        row = Row(client, server, port, unit, exchange.function_code, request, first=exchange.time)
        self._rows[key] = row
        return row

    @property
    def slowest(self) -> list[tuple[int, Captured]]:
        """The ten answers that took longest, as (microseconds, exchange)."""
        return [(delay, exchange) for delay, _, exchange in sorted(self._heap, reverse=True)]

    @property
    def rows(self) -> list[Row]:
        """Each block, those that are asked most often first."""
        return sorted(self._rows.values(), key=lambda row: -row.requests)

    def talks(self) -> list[Row]:
        """The same by client, server and unit."""
        return self._grouped(lambda row: (row.client, row.server, row.server_port, row.unit))

    def functions(self) -> list[Row]:
        """The same by function, in its order."""
        return sorted(self._grouped(lambda row: row.function), key=lambda row: row.function)

    def whole(self) -> Row:
        """Everything in one row."""
        return next(iter(_summed(self._rows.values())), Row("", "", 0, -1, 0, None))

    def writes(self) -> int:
        """How many requests wrote."""
        return sum(row.requests for row in self._rows.values() if row.writes)

    def _grouped(self, key: Callable[[Row], K]) -> list[Row]:
        groups: dict[K, list[Row]] = {}
        for row in self._rows.values():
            groups.setdefault(key(row), []).append(row)
        sums = [one for group in groups.values() for one in _summed(group)]
        return sorted(sums, key=lambda row: (-row.requests, row.client, row.server, row.unit))


def _summed(rows: Iterable[Row]) -> Iterator[Row]:
    total: Row | None = None
    for row in rows:
        if total is None:
            total = Row(row.client, row.server, row.server_port, row.unit, row.function, None)
        total.add(row)
    if total is not None:
        yield total


def is_broadcast(exchange: Captured) -> bool:
    """Whether nobody answers it, and rightly so: unit 0 of a serial line."""
    return exchange.unit == 0 and exchange.server_port == 0
