"""Finding places for points: what has one keeps it for ever, what is new comes behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from mbap.addresses import Table
from mbap.collect.concentratormap import STATUS_REGISTERS, Entry
from mbap.collect.concentratorunits import normal
from mbap.collect.device import PolledDevice
from mbap.collect.registermap import Point
from mbap.values import Encoding

Arrangement = Literal["units", "packed", "mirror", "map"]
LAST_UNIT: Final = 247
BITS: Final = 10_000
"""So many bits a unit has at most, before the next one is begun."""


@dataclass(frozen=True, slots=True)
class Style:
    """How places are found for what has none yet.

    Attributes:
        arrangement: `units` gives each device a unit of its own, `packed` fills one unit after the other,
            `mirror` gives each device a unit and leaves its points at the addresses that they have in the
            device, `map` finds no places: only what is in the map is served.
        normal: ABCD, units without prefix, few types; otherwise type, order and scale of the device.
        status_from: the first input register of qualities and ages; values come below.
    """

    arrangement: Arrangement = "units"
    normal: bool = False
    status_from: int = 40_000


def extended(entries: Sequence[Entry], devices: Iterable[PolledDevice], style: Style) -> list[Entry]:
    """*entries* as they are, and behind them the points of *devices* that have none yet.

    Places that were ever given are never given again, also when their points are gone.

    Raises:
        ValueError: there is no room; one sentence with what to do.
    """
    found = list(entries)
    if style.arrangement == "map":
        return found
    places = _Places(found, style)
    for device in devices:
        missing = [point for point in device.profile.points if (device.name, point.name) not in places.known]
        if missing:
            found += places.of(device, missing)
    return found


def served_as(point: Point, style: Style) -> tuple[Encoding | None, str]:
    """How *point* is served, and in which engineering unit."""
    if style.normal:
        return normal(point)
    if point.encoding is not None and point.encoding.type == "bool" and style.arrangement != "mirror":
        return None, ""
    encoding = point.encoding
    if encoding is not None and len(encoding.sentinels) > 1:
        encoding = replace(encoding, sentinels=encoding.sentinels[:1])  # one is enough to say "no value"
    return encoding, point.unit


class _Unit:
    """How far the places of one unit are given."""

    __slots__ = ("bits", "registers", "status")

    def __init__(self, status_from: int) -> None:
        self.registers = self.bits = 0
        self.status = status_from

    def note(self, entry: Entry) -> None:
        if entry.table.holds_bits:
            self.bits = max(self.bits, entry.end)
        else:
            self.registers = max(self.registers, entry.end)
        if entry.status is not None:
            self.status = max(self.status, entry.status + STATUS_REGISTERS)


class _Places:
    """The places given so far."""

    def __init__(self, entries: Iterable[Entry], style: Style) -> None:
        self.known: set[tuple[str, str]] = set()
        self._style = style
        self._units: dict[int, _Unit] = {}
        self._home: dict[str, int] = {}
        for entry in entries:
            self._note(entry)

    def of(self, device: PolledDevice, points: Sequence[Point]) -> list[Entry]:
        """Places for *points* of *device*, all of them in one unit."""
        number = self._unit_for(device, points)
        found = []
        for point in points:
            entry = self._place(number, device, point)
            self._note(entry)
            found.append(entry)
        self._check(device, self._units[number])
        return found

    def _note(self, entry: Entry) -> None:
        unit = self._units.get(entry.unit)
        if unit is None:
            unit = self._units[entry.unit] = _Unit(self._style.status_from)
        unit.note(entry)
        self._home[entry.device] = entry.unit
        self.known.add((entry.device, entry.point))

    def _unit_for(self, device: PolledDevice, points: Sequence[Point]) -> int:
        last = max(self._units, default=0)
        home = self._home.get(device.name)
        if home is not None and (self._style.arrangement != "packed" or self._fits(home, points)):
            return home
        if self._style.arrangement == "packed" and last and self._fits(last, points):
            return last
        if last >= LAST_UNIT:
            advice = (
                'write layout = "packed", which puts many devices into one unit'
                if self._style.arrangement != "packed"
                else "serve fewer points, by a map of your own"
            )
            raise ValueError(f"there is no unit left for {device.name}, {LAST_UNIT} are taken: {advice}")
        return last + 1

    def _fits(self, number: int, points: Sequence[Point]) -> bool:
        unit = self._units[number]
        encodings = [served_as(point, self._style)[0] for point in points]
        registers = sum(
            encoding.count + (encoding.count > 1) for encoding in encodings if encoding is not None
        )
        bits = sum(encoding is None for encoding in encodings)
        room = registers + unit.registers <= self._style.status_from and bits + unit.bits <= BITS
        return room and unit.status + STATUS_REGISTERS * len(points) <= 0x10000

    def _place(self, number: int, device: PolledDevice, point: Point) -> Entry:
        unit = self._units.get(number) or _Unit(self._style.status_from)
        encoding, measured_in = served_as(point, self._style)
        if self._style.arrangement == "mirror":
            table, address = point.table, point.address
            encoding = encoding if not table.holds_bits else None
        elif encoding is None:
            table, address = Table.COILS, unit.bits
        else:
            # Some clients take numbers of 32 bits from even addresses only.
            odd = unit.registers % 2 if encoding.count > 1 else 0
            table, address = Table.HOLDING_REGISTERS, unit.registers + odd
        return Entry(number, table, address, encoding, device.name, point.name, measured_in, unit.status)

    def _check(self, device: PolledDevice, unit: _Unit) -> None:
        if self._style.arrangement != "mirror" and unit.registers > self._style.status_from:
            raise ValueError(f"{device.name} has too many points for one unit of {self._style.status_from}")
        if unit.status > 0x10000:
            raise ValueError(
                f"{device.name} has too many points: there is no room for their status registers"
            )
