"""A device whose registers lie as a profile says; its values are set and read by the names of points.

It reads only what it needs of the file, and trusts it: checking profiles is done where they are collected.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from mbap.addresses import Table, parse_reference
from mbap.errors import IllegalDataAddress, IllegalDataValue
from mbap.protocol.wire import Bits, Registers
from mbap.server.device import Device
from mbap.values import Encoding, Value


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a point lies; without an encoding it is a coil or a discrete input."""

    table: Table
    address: int
    encoding: Encoding | None = None
    writable: tuple[float, float] | None = None

    @property
    def span(self) -> range:
        """The addresses it takes."""
        return range(self.address, self.address + (1 if self.encoding is None else self.encoding.count))


def built_in_places(profile: str) -> dict[str, Place]:
    """The places of the built-in *profile*, by the names of its points."""
    text = files("mbap").joinpath("profiles", f"{profile}.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    order = document["profile"].get("word_order", "")
    return {name: _place(point, order) for name, point in document["points"].items()}


def _place(point: Mapping[str, Any], order: str) -> Place:
    if "reference" in point:
        location = parse_reference(point["reference"])
        table, address = location.table, location.address
    else:
        table, address = Table(point["table"]), point["address"]
    writable = tuple(point["writable"]) if "writable" in point else None
    return Place(table, address, None if table.holds_bits else _encoding(point, order), writable)


def _encoding(point: Mapping[str, Any], order: str) -> Encoding:
    given = {key: point[key] for key in ("scale", "offset", "length", "bit") if key in point}
    kind = point.get("type", "bool" if "bit" in point else "uint16")
    sentinels = tuple(point.get("sentinels", ()))
    return Encoding(kind, point.get("word_order", order), sentinels=sentinels, **given)


class ProfiledDevice(Device):
    """A device with the points of a profile; what no point takes, between the first and the last, reads as 0.

    Writes are taken only where a writable point is, whole points only, and within their ranges; others are
    answered with exception 02 or 03.
    """

    __slots__ = ("_places", "_writable")

    def __init__(self, places: Mapping[str, Place]) -> None:
        spans = {
            table: _around(place.span for place in places.values() if place.table is table) for table in Table
        }
        zeros = {table: {span.start: [0] * len(span)} for table, span in spans.items()}
        super().__init__(
            coils=zeros[Table.COILS],
            discrete_inputs=zeros[Table.DISCRETE_INPUTS],
            holding_registers=zeros[Table.HOLDING_REGISTERS],
            input_registers=zeros[Table.INPUT_REGISTERS],
        )
        self._places = dict(places)
        self._writable = {(place.table, place.address): place for place in places.values() if place.writable}

    def put(self, values: Mapping[str, Value | None]) -> None:
        """Set points by name; None writes what the point uses for "no value".

        Raises:
            KeyError: there is no such point.
            ValueError: a value does not fit its encoding.
        """
        for name, value in values.items():
            place = self._places[name]
            if place.encoding is None:
                super().write_bits(place.table, place.address, Bits.of((bool(value),)))
            else:
                super().write_registers(
                    place.table, place.address, Registers.of(place.encoding.encode(value))
                )

    def value(self, name: str) -> Value | None:
        """The value of the point *name*, as a client would read it.

        Raises:
            KeyError: there is no such point.
        """
        place = self._places[name]
        if place.encoding is None:
            return super().read_bits(place.table, place.address, 1)[0]
        return place.encoding.decode(super().read_registers(place.table, place.address, len(place.span)).wire)

    def write_bits(self, table: Table, address: int, values: Bits) -> None:
        self._check(table, address, values)
        super().write_bits(table, address, values)

    def write_registers(self, table: Table, address: int, values: Registers) -> None:
        self._check(table, address, values)
        super().write_registers(table, address, values)

    def _check(self, table: Table, address: int, values: Registers | Bits) -> None:
        """Raises unless *values* are whole writable points, one behind the other, in their ranges."""
        at, end = address, address + len(values)
        checked: list[tuple[Place, Registers | Bits]] = []
        while at < end:
            place = self._writable.get((table, at))
            if place is None or place.span.stop > end:
                raise IllegalDataAddress
            checked.append((place, values[at - address : place.span.stop - address]))
            at = place.span.stop
        if not all(_in_range(place, part) for place, part in checked):
            raise IllegalDataValue


def _around(spans: Iterable[range]) -> range:
    """The addresses from the first to the last of *spans*."""
    known = list(spans)
    if not known:
        return range(0)
    return range(min(span.start for span in known), max(span.stop for span in known))


def _in_range(place: Place, part: Registers | Bits) -> bool:
    value = part[0] if place.encoding is None else place.encoding.decode(part.wire)
    low, high = place.writable or (0.0, 0.0)
    return isinstance(value, (bool, int, float)) and low <= value <= high
