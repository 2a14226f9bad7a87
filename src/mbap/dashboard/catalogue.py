"""Every point of every device, with the number under which the live connection speaks of it.

A large site has a million points and few profiles: what is kept is a number for each device and a table for
each profile. An entry is made when somebody asks for it.
"""

from __future__ import annotations

import difflib
import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import overload

from mbap.addresses import reference
from mbap.collect.counters import POINTS as COUNTERS
from mbap.collect.device import PolledDevice
from mbap.collect.registermap import Point, Profile
from mbap.dashboard.plant import Plant

Json = dict[str, object]

_WHOLE = ("int", "uint", "bcd")
_NEAR_DEVICES = 3
_MOST_SEARCHED = 100
"""Where no device has a similar name, the points of so many are compared: comparing takes its time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One point of one device."""

    device: PolledDevice
    point: Point

    @property
    def id(self) -> str:
        """`device.point`."""
        return f"{self.device.name}.{self.point.name}"

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


class Entries(Sequence[Entry]):
    """The points of *devices*, by number."""

    def __init__(self, devices: Sequence[PolledDevice]) -> None:
        self._devices = devices
        self._ends = array("q")
        end = 0
        for device in devices:
            end += len(device.profile.points)
            self._ends.append(end)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, number: int) -> Entry: ...

    @overload
    def __getitem__(self, number: slice) -> list[Entry]: ...

    def __getitem__(self, number: int | slice) -> Entry | list[Entry]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(f"there is no point number {number}")
        index = bisect_right(self._ends, number)
        device = self._devices[index]
        return Entry(device, device.profile.points[number - self.first(index)])

    def __iter__(self) -> Iterator[Entry]:
        for device in self._devices:
            yield from entries_of(device)

    def first(self, index: int) -> int:
        """The number of the first point of the device at *index*."""
        return self._ends[index] - len(self._devices[index].profile.points)


class Numbers(Mapping[str, int]):
    """The number of each point by its id."""

    def __init__(self, entries: Entries, devices: Sequence[PolledDevice]) -> None:
        self._entries = entries
        self._devices = devices
        self._indexes = {device.name: index for index, device in enumerate(devices)}
        profiles = {id(device.profile): device.profile for device in devices}
        self._within = {key: _positions(profile) for key, profile in profiles.items()}

    def __getitem__(self, series: str) -> int:
        name, _, point = series.partition(".")
        index = self._indexes[name]
        return self._entries.first(index) + self._within[id(self._devices[index].profile)][point]

    def __iter__(self) -> Iterator[str]:
        return (entry.id for entry in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def device(self, name: str) -> PolledDevice | None:
        """The device of that name."""
        index = self._indexes.get(name)
        return None if index is None else self._devices[index]

    def nearest_devices(self, name: str) -> list[PolledDevice]:
        """The device of that name, else those with similar ones, the most similar first."""
        if name in self._indexes:
            return [self._devices[self._indexes[name]]]
        found = difflib.get_close_matches(name, self._indexes, _NEAR_DEVICES)
        return [self._devices[self._indexes[one]] for one in found]


class Catalogue:
    """The points of *devices* in a fixed order; another set of points has another `revision`."""

    def __init__(self, devices: Sequence[PolledDevice]) -> None:
        self.devices = devices
        self.entries = Entries(devices)
        self.numbers = Numbers(self.entries, devices)
        self.revision = _revision(devices)

    @property
    def key_ids(self) -> list[str]:
        """The points that an overview shows."""
        return [entry.id for entry in self.entries if entry.point.key]

    def device(self, name: str) -> PolledDevice | None:
        """The device of that name."""
        return self.numbers.device(name)

    def knows(self, series: str) -> bool:
        """True for a point, and for a communication counter of a known device."""
        name, _, point = series.partition(".")
        return (point in COUNTERS and self.device(name) is not None) or series in self.numbers

    def unit(self, series: str) -> str:
        """The engineering unit of *series*, or empty."""
        number = self.numbers.get(series)
        if number is None and series.endswith("_ms"):
            return "ms"
        return "" if number is None else self.entries[number].point.unit

    def nearest(self, series: str) -> str | None:
        """The id that was probably meant."""
        devices = self.numbers.nearest_devices(series.partition(".")[0])
        near = devices or self.devices[:_MOST_SEARCHED]
        ids = [entry.id for device in near for entry in entries_of(device)]
        return next(iter(difflib.get_close_matches(series, ids, 1)), None)


def entries_of(device: PolledDevice) -> Iterator[Entry]:
    """The points of *device*, in the order of their numbers."""
    return (Entry(device, point) for point in device.profile.points)


def _positions(profile: Profile) -> dict[str, int]:
    return {point.name: position for position, point in enumerate(profile.points)}


def _decimals(point: Point) -> int | None:
    """How many decimals the device gives, where that is known: by the scale of a whole number."""
    encoding = point.encoding
    if encoding is None or not encoding.type.startswith(_WHOLE):
        return None
    places = (
        Decimal(str(part)).normalize().as_tuple().exponent for part in (encoding.scale, encoding.offset)
    )
    return max(-place if isinstance(place, int) and place < 0 else 0 for place in places)


def _revision(devices: Sequence[PolledDevice]) -> str:
    digest = hashlib.sha256()
    profiles: dict[int, tuple[str, list[str]]] = {}
    for device in devices:
        profile = device.profile
        if id(profile) not in profiles:
            groups = dict.fromkeys(point.group for point in profile.points)
            text = hashlib.sha256(repr(profile.points).encode()).hexdigest()
            profiles[id(profile)] = text, list(groups)
        text, names = profiles[id(profile)]
        digest.update(f"{device.name} {text} {[device.period(group) for group in names]}\n".encode())
    return digest.hexdigest()[:16]


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
