"""What a firewall keeps from one request to the next: rates used, last values, hits, armed windows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mbap.protocol.pdu.base import Request
from mbap.protocol.wire import Registers
from mbap.records import Record
from mbap.security.points import Last, Point, Written, written_by
from mbap.security.policy import Bucket, Moment, Policy, Verdict
from mbap.security.rates import Rate

MOST_BUCKETS: Final = 10_000
_MOST_POSSIBLE: Final = 8
"""Values that one place may have, while writes are not answered."""
_LOOKED_AT: Final = 8
"""Buckets that are looked at for one to throw away."""

_Place = tuple[int, str, int]


class Hits(Record, frozen=False):
    """How often a rule decided, and when last.

    Attributes:
        count: how often.
        last: UTC microseconds.
    """

    count: int = 0
    last: int = 0


class Ledger:
    """The memory of one firewall; the `Memory` that `Policy.judge` looks at.

    All of it is bounded: by the rules and points of the policy, and by *most_buckets* rates in use. Where no
    more fit, clients that are new are refused for their rate until one of the others has been idle.

    Attributes:
        hits: by rule; under "" what no rule was about.
        refused_buckets: how often there was no room to count another client's rate.
    """

    def __init__(self, policy: Policy, *, most_buckets: int = MOST_BUCKETS) -> None:
        self._most = most_buckets
        self._buckets: OrderedDict[Bucket, tuple[float, float, Rate]] = OrderedDict()
        self._last: dict[_Place, tuple[bytes, ...]] = {}
        self._open: dict[_Place, dict[int, tuple[bytes, ...]]] = {}
        self._writes: dict[_Place, int] = {}
        self._count = 0
        self._armed: dict[str, float] = {}
        self.hits: dict[str, Hits] = {}
        self.refused_buckets = 0
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        """Go on with *policy*: what belongs to what it does not have is forgotten."""
        self._points = policy.remembered
        rules = {rule.id: rule for rule in policy.rules}
        self.hits = {name: hits for name, hits in self.hits.items() if name in rules or not name}
        names = {point.name for point in self._points}
        self._last = {place: value for place, value in self._last.items() if place[1] in names}
        self._open = {place: values for place, values in self._open.items() if place[1] in names}
        self._writes = {place: count for place, count in self._writes.items() if place[1] in names}
        self._armed = {name: end for name, end in self._armed.items() if name in policy.windows}
        for bucket in [one for one in self._buckets if one[0] not in rules]:
            del self._buckets[bucket]

    # --- what judging looks at ---

    @property
    def last(self) -> Last:
        """The last values of points."""
        return self._last

    def concerns(self, request: Request[Any]) -> bool:
        """Whether *request* touches a point whose last value matters."""
        if not self._points:
            return False
        for table, address, count, _ in request.spans():
            for point in self._points:
                if point.table is table and point.first < address + count and address <= point.last:
                    return True
        return False

    @property
    def buckets(self) -> int:
        """How many rates are in use."""
        return len(self._buckets)

    def armed(self, name: str, now: Moment) -> bool:
        """Whether the maintenance window *name* is open."""
        return now.monotonic < self._armed.get(name, now.monotonic)

    def has_token(self, bucket: Bucket, rate: Rate, now: Moment) -> bool:
        """Whether the rate of *bucket* allows one more."""
        if bucket not in self._buckets:
            return len(self._buckets) < self._most or self._idle(now) is not None
        return self._tokens(bucket, rate, now) >= 1

    # --- what a firewall notes ---

    def note(self, verdict: Verdict, now: Moment) -> None:
        """Count *verdict*, and take what it takes."""
        self.count(verdict.rules or (verdict.rule,), now)
        for bucket, rate in verdict.takes:
            self._take(bucket, rate, now)

    def count(self, rules: tuple[str, ...], now: Moment) -> None:
        """*rules* were about a request."""
        for rule in rules:
            hits = self.hits.get(rule)
            if hits is None:
                hits = self.hits[rule] = Hits()
            hits.count += 1
            hits.last = now.wall

    def arm(self, name: str, seconds: float, now: Moment) -> None:
        """Open the maintenance window *name* for so long."""
        self._armed[name] = now.monotonic + seconds

    def disarm(self, name: str) -> None:
        """Close it."""
        self._armed.pop(name, None)

    def windows(self, now: Moment) -> Mapping[str, float]:
        """The open windows, and for how many seconds they still are."""
        left = {name: end - now.monotonic for name, end in self._armed.items()}
        return {name: seconds for name, seconds in left.items() if seconds > 0}

    def sent(self, unit: int, request: Request[Any]) -> int:
        """*request* goes to the device: what it writes may be there from now on. Gives its number."""
        self._count += 1
        for place, values in self._written(unit, request):
            self._writes[place] = self._count
            self._open.setdefault(place, {})[self._count] = values
            self._may_be(place, self._last.get(place, ()), values)
        return self._count

    def answered(self, unit: int, request: Request[Any], result: object, sent: int) -> None:
        """*request* was carried out: what it wrote is there, and what it read, but for what came after."""
        for place, values in self._written(unit, request):
            values = self._open.get(place, {}).pop(sent, values)
            self._may_be(place, values, *self._open.get(place, {}).values())
        for table, address, count, writes in request.spans():
            if writes or not isinstance(result, Registers) or len(result) != count:
                continue
            for place, values in self._values(unit, Written(table, address, result)):
                if values and self._writes.get(place, 0) <= sent:
                    self._may_be(place, values, *self._open.get(place, {}).values())

    def failed(self, unit: int, request: Request[Any], sent: int) -> None:
        """Nobody knows whether *request* was carried out: what it writes is not known any more."""
        for place, _ in self._written(unit, request):
            self._open.get(place, {}).pop(sent, None)
            self._last.pop(place, None)

    def _may_be(self, place: _Place, *possible: tuple[bytes, ...]) -> None:
        """Any of *possible* is at *place*; one that is empty, or too many: nobody knows what."""
        values = tuple(dict.fromkeys(value for some in possible for value in some))
        if all(possible) and len(values) <= _MOST_POSSIBLE:
            self._last[place] = values
        else:
            self._last.pop(place, None)

    def _written(self, unit: int, request: Request[Any]) -> list[tuple[_Place, tuple[bytes, ...]]]:
        written = written_by(request)
        return [] if written is None else list(self._values(unit, written))

    def _values(self, unit: int, written: Written) -> Iterator[tuple[_Place, tuple[bytes, ...]]]:
        """What each value that *written* touches may become; nothing where that is not known."""
        for point in self._points:
            if point.table is not written.table:
                continue
            for begin in point.begins(written.first, written.last):
                place = unit, point.name, begin
                yield place, self._becomes(point, begin, written, self._last.get(place, ()))

    @staticmethod
    def _becomes(point: Point, begin: int, written: Written, old: tuple[bytes, ...]) -> tuple[bytes, ...]:
        at = begin - written.first
        if at < 0 or at + point.width > len(written.values):
            return ()
        words: Sequence[int] = written.values[at : at + point.width]
        if not written.and_mask:
            return (Registers.of(tuple(words)).wire,)
        left = [int.from_bytes(one, "big") & written.and_mask for one in old]
        return tuple((one | words[0]).to_bytes(2, "big") for one in left)

    # --- rates ---

    def _tokens(self, bucket: Bucket, rate: Rate, now: Moment) -> float:
        tokens, since, known = self._buckets.get(bucket, (float(rate.burst), now.monotonic, rate))
        if known != rate:
            return min(tokens, float(rate.burst))
        return min(float(rate.burst), tokens + max(0.0, now.monotonic - since) * rate.per_second)

    def _take(self, bucket: Bucket, rate: Rate, now: Moment) -> None:
        left = self._tokens(bucket, rate, now) - 1
        if bucket not in self._buckets and len(self._buckets) >= self._most:
            idle = self._idle(now)
            if idle is None:
                self.refused_buckets += 1
                return
            del self._buckets[idle]
        self._buckets[bucket] = left, now.monotonic, rate
        self._buckets.move_to_end(bucket)

    def _idle(self, now: Moment) -> Bucket | None:
        """A bucket that is full again: forgetting it changes nothing."""
        for bucket, _ in zip(self._buckets, range(_LOOKED_AT), strict=False):
            _, _, rate = self._buckets[bucket]
            if self._tokens(bucket, rate, now) >= rate.burst:
                return bucket
        return None
