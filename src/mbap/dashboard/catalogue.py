"""Every point of every device, with the number under which the live connection speaks of it."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mbap.addresses import reference
from mbap.collect.counters import POINTS as COUNTERS
from mbap.collect.device import PolledDevice
from mbap.collect.registermap import Point
from mbap.dashboard.plant import Plant

Json = dict[str, object]

_WHOLE = ("int", "uint", "bcd")


@dataclass(frozen=True, slots=True)
class Entry:
    """One point of one device; `id` is `device.point`."""

    id: str
    device: PolledDevice
    point: Point

    @property
    def period(self) -> float:
        """Seconds between two readings."""
        return self.device.period(self.point.group)

    def as_json(self) -> Json:
        """What does not change while the site runs."""
        point = self.point
        return {
            "id": self.id,
            "device": self.device.name,
            "name": point.name,
            "description": point.description,
            "unit": point.unit,
            "kind": point.kind.value,
            "type": "bool" if point.encoding is None else point.encoding.type,
            "states": {str(value): name for value, name in point.states.items()},
            "table": point.table.value,
            "address": point.address,
            "reference": reference(point.table, point.address),
            "group": point.group,
            "period": self.period,
            "low": point.low,
            "high": point.high,
            "decimals": _decimals(point),
            "key": point.key,
        }


class Catalogue:
    """The points of *devices* in a fixed order; another set of points has another `revision`."""

    def __init__(self, devices: Sequence[PolledDevice]) -> None:
        self.devices = devices
        self.entries = [
            Entry(f"{device.name}.{point.name}", device, point)
            for device in devices
            for point in device.profile.points
        ]
        self.numbers = {entry.id: number for number, entry in enumerate(self.entries)}
        self.revision = _revision(self.entries)

    @property
    def key_ids(self) -> list[str]:
        """The points that an overview shows."""
        return [entry.id for entry in self.entries if entry.point.key]

    def knows(self, series: str) -> bool:
        """True for a point, and for a communication counter of a known device."""
        device, _, name = series.partition(".")
        counter = name in COUNTERS and any(one.name == device for one in self.devices)
        return counter or series in self.numbers

    def unit(self, series: str) -> str:
        """The engineering unit of *series*, or empty."""
        number = self.numbers.get(series)
        if number is None and series.endswith("_ms"):
            return "ms"
        return "" if number is None else self.entries[number].point.unit

    def nearest(self, series: str) -> str | None:
        """The id that was probably meant."""
        return next(iter(difflib.get_close_matches(series, self.numbers, 1)), None)


def _decimals(point: Point) -> int | None:
    """How many decimals the device gives, where that is known: by the scale of a whole number."""
    encoding = point.encoding
    if encoding is None or not encoding.type.startswith(_WHOLE):
        return None
    places = (
        Decimal(str(part)).normalize().as_tuple().exponent for part in (encoding.scale, encoding.offset)
    )
    return max(-place if isinstance(place, int) and place < 0 else 0 for place in places)


def _revision(entries: Sequence[Entry]) -> str:
    text = "\n".join(f"{entry.id} {entry.point!r} {entry.period}" for entry in entries)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class CurrentCatalogue:
    """The catalogue of the plant's devices of this moment; made anew only when they were replaced."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._catalogue = Catalogue(plant.devices)

    def __call__(self) -> Catalogue:
        """The catalogue."""
        if self._plant.devices is not self._catalogue.devices:
            self._catalogue = Catalogue(self._plant.devices)
        return self._catalogue
