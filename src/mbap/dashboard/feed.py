"""What goes to the open pages: encoded once, however many pages ask for the same.

Nothing is queued for a page. It has one message on its way and the number up to which it knows everything;
when it is ready for the next one, it gets the newest value of all that changed since. So a slow page misses
values in between and costs nobody else anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from mbap.collect.readings import Quality, Readings, Value
from mbap.dashboard.catalogue import Catalogue, CurrentCatalogue
from mbap.dashboard.plant import Plant
from mbap.dashboard.problems import dump
from mbap.dashboard.status import communication_json, status_json

_KEPT_CHANNELS = 200
LARGEST_INTEREST = 2000


@dataclass(frozen=True, slots=True)
class Interest:
    """What one page wants to be told: points by id, or everything; and the counters of communication."""

    points: frozenset[str] | None = field(default_factory=frozenset)
    communication: bool = False


def parse_interest(text: str, catalogue: Catalogue) -> Interest:
    """The interest that a page's message states.

    Raises:
        ValueError: it is not such a message; the sentence says what is wrong.
    """
    try:
        message = json.loads(text)
    except ValueError:
        raise ValueError("a message is one JSON object.") from None
    if not isinstance(message, dict) or message.get("type") != "subscribe":
        raise ValueError("a message has the type 'subscribe'.")
    return Interest(_points(message.get("points", []), catalogue), message.get("communication") is True)


def _points(wanted: object, catalogue: Catalogue) -> frozenset[str] | None:
    if wanted == "all":
        return None
    if wanted == "key":
        return frozenset(catalogue.key_ids)
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise ValueError("'points' is 'all', 'key' or a list of ids.")
    if len(wanted) > LARGEST_INTEREST:
        raise ValueError(f"'points' lists at most {LARGEST_INTEREST} ids; ask for 'all'.")
    return frozenset(wanted)


class Channel:
    """The values of one interest as text, for all pages that share it."""

    def __init__(self, points: frozenset[str] | None, catalogue: Catalogue) -> None:
        self._points = points
        self._numbers = catalogue.numbers
        self._selections: dict[tuple[str, tuple[str, ...]], _Selection] = {}

    def blocks(self, changed: Sequence[Readings]) -> str:
        """The wanted part of *changed* as the inside of a JSON list."""
        texts = ((self._selection(readings), readings) for readings in changed)
        return ",".join(selection.encode(readings) for selection, readings in texts if selection.wanted)

    def _selection(self, readings: Readings) -> _Selection:
        key = (readings.device, readings.points)
        selection = self._selections.get(key)
        if selection is None:
            selection = self._selections[key] = self._select(readings)
        return selection

    def _select(self, readings: Readings) -> _Selection:
        pairs = []
        for index, name in enumerate(readings.points):
            series = f"{readings.device}.{name}"
            if series in self._numbers and (self._points is None or series in self._points):
                pairs.append((index, self._numbers[series]))
        return _Selection(
            [index for index, _ in pairs], [number for _, number in pairs], len(readings.points)
        )


class _Selection:
    """Which values of a block a channel wants, and under which numbers; `wanted` is False for none."""

    __slots__ = ("_indexes", "_numbers_text", "wanted")

    def __init__(self, indexes: list[int], numbers: list[int], width: int) -> None:
        self.wanted = bool(numbers)
        self._indexes = None if len(indexes) == width else indexes
        self._numbers_text = dump(numbers)

    def encode(self, readings: Readings) -> str:
        """`[time, [number, ...], [value, ...], [quality, ...] or null]`."""
        values = self._pick(readings.values)
        qualities = None if readings.qualities is None else self._pick(readings.qualities)
        words = None if qualities is None or not any(qualities) else [_word(one) for one in qualities]
        return f"[{readings.time},{self._numbers_text},{_dump_values(values)},{dump(words)}]"

    def _pick(self, column: Sequence[object]) -> list[object]:
        return list(column) if self._indexes is None else [column[index] for index in self._indexes]


def _word(quality: object) -> str:
    return quality.reason if isinstance(quality, Quality) else "good"


def _dump_values(values: list[object]) -> str:
    try:
        return dump(values)
    except ValueError:  # not-a-number or an infinity, which JSON cannot say
        return dump([finite(value) for value in values])


def finite(value: object) -> Value | None:
    """*value*, or None where it is a number that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str) else None


class Feed:
    """The texts of the present tick."""

    def __init__(self, plant: Plant, current: CurrentCatalogue) -> None:
        self._plant = plant
        self._current = current
        self._catalogue = current()
        self._channels: dict[frozenset[str] | None, Channel] = {}
        self._texts: dict[tuple[frozenset[str] | None, int], str | None] = {}
        self._status: dict[bool, str] = {}
        self.sequence = plant.latest.sequence
        self.encoded = 0

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue that the texts' numbers belong to."""
        return self._catalogue

    @property
    def channels(self) -> int:
        """How many different interests are remembered."""
        return len(self._channels)

    def advance(self, *, status: bool) -> None:
        """Begin the next tick; with *status* the counters are read anew."""
        self._texts.clear()
        self.sequence = self._plant.latest.sequence
        if status:
            self._status.clear()
        if self._current() is not self._catalogue or len(self._channels) > _KEPT_CHANNELS:
            self._catalogue = self._current()
            self._channels.clear()

    def values(self, points: frozenset[str] | None, since: int) -> str | None:
        """The message with all of *points* that changed after *since*; None when nothing did."""
        key = (points, since)
        if key not in self._texts:
            self._texts[key] = self._encode_values(points, since)
        return self._texts[key]

    def status(self, *, communication: bool) -> str:
        """The message with the state of every device, or with all of its counters."""
        if communication not in self._status:
            make = communication_json if communication else status_json
            self._status[communication] = dump(make(self._plant))
        return self._status[communication]

    def hello(self) -> str:
        """The first message, and the one after the devices were replaced."""
        message = {"type": "hello", "now": self._plant.now(), "revision": self._catalogue.revision}
        return dump({**message, "name": self._plant.name})

    def _encode_values(self, points: frozenset[str] | None, since: int) -> str | None:
        channel = self._channels.get(points)
        if channel is None:
            channel = self._channels[points] = Channel(points, self._catalogue)
        blocks = channel.blocks(self._plant.latest.since(since))
        self.encoded += 1
        return f'{{"type":"values","now":{self._plant.now()},"blocks":[{blocks}]}}' if blocks else None
