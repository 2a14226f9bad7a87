"""From the one who measures to all who want to know: Stream, its Subscriptions, and the Latest values.

Everything here belongs to one event loop and is called from its thread only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from mbap.collect.readings import Quality, Readings, Value

T = TypeVar("T")


class Stream(Generic[T]):
    """Hands every published item to every subscription; publishing never waits for anybody."""

    def __init__(self) -> None:
        self._subscriptions: tuple[Subscription[T], ...] = ()
        self.published = 0

    def publish(self, item: T) -> None:
        """Give *item* to all who subscribed."""
        self.published += 1
        for subscription in self._subscriptions:
            subscription.put(item)

    def subscribe(self, limit: int) -> Subscription[T]:
        """A place in this stream that keeps the newest *limit* items until they are taken.

        Raises:
            ValueError: *limit* is below 1.
        """
        if limit < 1:
            raise ValueError(f"a subscription keeps at least 1 item, not {limit}")
        subscription = Subscription(self, limit)
        self._subscriptions += (subscription,)
        return subscription

    def leave(self, subscription: Subscription[T]) -> None:
        """Publish nothing more to *subscription*; `Subscription.close` does this."""
        self._subscriptions = tuple(kept for kept in self._subscriptions if kept is not subscription)

    @property
    def subscribers(self) -> int:
        """How many subscriptions are open."""
        return len(self._subscriptions)


class Subscription(Generic[T]):
    """One reader's place in a stream: keeps the newest items up to its limit and counts what it lost.

    Attributes:
        dropped: how many items were pushed out by newer ones before they were taken.
    """

    __slots__ = ("_closed", "_items", "_ready", "_stream", "dropped", "limit")

    def __init__(self, stream: Stream[T], limit: int) -> None:
        self.limit = limit
        self.dropped = 0
        self._stream = stream
        self._items: deque[T] = deque()
        self._ready = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        """True after `close`: no further items come in."""
        return self._closed

    def put(self, item: T) -> None:
        """Keep *item*; the oldest one goes when the limit is reached."""
        if len(self._items) >= self.limit:
            self._items.popleft()
            self.dropped += 1
        self._items.append(item)
        self._ready.set()

    async def take(self) -> list[T]:
        """All waiting items, oldest first; waits for one when there is none. `[]` means that it is closed."""
        while not self._items and not self._closed:
            self._ready.clear()
            await self._ready.wait()
        return self.take_now()

    def take_now(self) -> list[T]:
        """All waiting items, oldest first, without waiting: `[]` when there is none."""
        items = list(self._items)
        self._items.clear()
        return items

    def close(self) -> None:
        """Take no further items in; what waits can still be taken."""
        self._stream.leave(self)
        self._closed = True
        self._ready.set()


class Newest(NamedTuple):
    """The newest value of one point: time in UTC microseconds."""

    time: int
    value: Value | None
    quality: Quality


class _Slot:
    """The newest readings of one set of points of one device.

    Attributes:
        overlaps: another set of the device has some of these points too.
    """

    __slots__ = ("overlaps", "readings", "sequence")

    def __init__(self, readings: Readings) -> None:
        self.readings = readings
        self.sequence = 0
        self.overlaps = False


class Latest:
    """The newest value of every point of every device.

    Kept by the block: an update costs the same whether a read gave one value or a hundred, and nothing is
    kept for a point. `sequence` rises with every update, so that a reader keeps the number it saw and asks
    `since(number)` for what is new.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self._slots: dict[str, dict[tuple[str, ...], _Slot]] = {}
        self._by_age: dict[_Slot, None] = {}

    def update(self, readings: Readings) -> None:
        """Take *readings* in as the newest of their points."""
        self.sequence += 1
        slots = self._slots.get(readings.device)
        if slots is None:
            slots = self._slots[readings.device] = {}
        slot = slots.get(readings.points)
        if slot is None:
            slot = slots[readings.points] = _begin(readings, slots.values())
        else:
            del self._by_age[slot]
        slot.readings, slot.sequence = readings, self.sequence
        self._by_age[slot] = None
        if slot.overlaps:
            self._drop_outdated(slots)

    def since(self, sequence: int) -> list[Readings]:
        """What came in after *sequence* was the current one; 0 gives everything.

        Oldest first, so that whoever applies them in this order ends with the newest value of each point.
        Of several readings of the same points only the newest is here.
        """
        changed: list[Readings] = []
        for slot in reversed(self._by_age):
            if slot.sequence <= sequence:
                break
            changed.append(slot.readings)
        changed.reverse()
        return changed

    def get(self, device: str, point: str) -> Newest | None:
        """The newest value of *point*, or None when nothing of it was ever read."""
        slots = self._slots.get(device, {}).values()
        slot = max((one for one in slots if point in one.readings.points), key=_age, default=None)
        return None if slot is None else _newest(slot.readings, slot.readings.points.index(point))

    def device(self, device: str) -> dict[str, Newest]:
        """The newest value of every point of *device*, by the point's name."""
        newest: dict[str, Newest] = {}
        for slot in sorted(self._slots.get(device, {}).values(), key=_age):
            readings = slot.readings
            newest.update((point, _newest(readings, index)) for index, point in enumerate(readings.points))
        return newest

    def devices(self) -> list[str]:
        """The names of the devices of which something came in, in the order they first did."""
        return list(self._slots)

    def forget(self, device: str) -> None:
        """Drop everything of *device*, which is no longer polled or has other points now."""
        for slot in self._slots.pop(device, {}).values():
            del self._by_age[slot]

    def _drop_outdated(self, slots: dict[tuple[str, ...], _Slot]) -> None:
        """Let go of each of *slots*, all of one device, whose points all have newer values in others."""
        newer: set[str] = set()
        for points, slot in sorted(slots.items(), key=lambda item: -item[1].sequence):
            if newer.issuperset(points):
                del slots[points]
                del self._by_age[slot]
            newer.update(points)


def _begin(readings: Readings, others: Iterable[_Slot]) -> _Slot:
    """The slot of a set of points that is new beside *others*."""
    slot, points = _Slot(readings), set(readings.points)
    for other in others:
        if not points.isdisjoint(other.readings.points):
            slot.overlaps = other.overlaps = True
    return slot


def _age(slot: _Slot) -> int:
    return slot.sequence


def _newest(readings: Readings, index: int) -> Newest:
    return Newest(readings.time, readings.values[index], readings.quality(index))
