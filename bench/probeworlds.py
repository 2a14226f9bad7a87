"""The device that `bench.probe` simulates: values such as a device of a profile shows, and its registers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from mbap.collect.registermap import Point, Profile
from mbap.values import Encoding, Value

BRIDGED = 16
LARGEST = 125


def worlds(profile: Profile, source: random.Random, samples: int) -> list[dict[str, Value]]:
    """The values of all points in each of *samples*, a second apart."""
    starts = {point.name: _start(point, source) for point in profile.points if point.encoding is not None}
    points = [point for point in profile.points if point.name in starts]
    worlds = [starts]
    for _ in range(samples):
        before = worlds[-1]
        worlds.append({one.name: _moved(one, starts[one.name], before[one.name], source) for one in points})
    return worlds[1:]


VOLTS = (
    ("battery", 52.4),
    ("pv", 385.0),
    ("_l1_l2", 400.0),
    ("_l2_l3", 400.0),
    ("_l3_l1", 400.0),
    ("line", 400.0),
)
STARTS = {"Hz": (49.97, 50.03), "A": (0.3, 16.0), "°C": (18.0, 46.0), "°": (3.0, 40.0), "%": (2.0, 98.0)}
POWERS = {"W": 1.0, "VA": 1.0, "var": 0.2, "kW": 0.001, "kVA": 0.001, "kvar": 0.0002}
ENERGIES = {"kWh": 1.0, "Wh": 1000.0, "kvarh": 0.1, "kVAh": 1.0, "Ah": 4.0}


def _start(point: Point, source: random.Random) -> Value:
    """A value such as a device in a house shows."""
    unit = point.unit
    assert point.encoding is not None
    if point.encoding.length:
        return "SUN2000-10KTL-M1" if "model" in point.name else "HV2140123456"
    if unit == "V":
        return next((volts for word, volts in VOLTS if word in point.name), 230.0) + source.gauss(0, 2.0)
    if unit in POWERS:
        return source.uniform(60.0, 6000.0) * POWERS[unit]
    if unit in ENERGIES:
        most = 40.0 if "today" in point.name else 42_000.0
        return (
            0.0
            if "export" in point.name and source.random() < 0.3
            else source.uniform(1.0, most) * ENERGIES[unit]
        )
    if unit in STARTS:
        return source.uniform(*STARTS[unit])
    if "power_factor" in point.name:
        return source.uniform(0.75, 0.999)
    return float(source.randint(1, 6))


def _moved(point: Point, start: Value, before: Value, source: random.Random) -> Value:
    """What follows *before*, a second later, in a value that is about *start*; what counts never falls."""
    if isinstance(start, str) or isinstance(before, str):
        return start
    unit = point.unit
    if unit in ENERGIES:
        return before + source.uniform(0.0008, 0.0012) * ENERGIES[unit] * (start > 0)
    if unit == "V":
        return start + source.gauss(0, 0.2)
    if unit in POWERS or unit == "A":
        return start * (1 + source.gauss(0, 0.01))
    if unit == "Hz":
        return start + source.gauss(0, 0.005)
    if "power_factor" in point.name:
        return min(start + source.gauss(0, 0.002), 1.0)
    return start


def blocks(profile: Profile) -> Iterator[list[Point]]:
    """Points of one table that lie close together."""
    ordered = sorted(
        (point for point in profile.points if point.encoding is not None and point.encoding.bit is None),
        key=lambda point: (point.table.value, point.address),
    )
    block: list[Point] = []
    for point in ordered:
        if block and not _fits(block, point):
            yield block
            block = []
        block.append(point)
    if block:
        yield block


def _fits(block: Sequence[Point], point: Point) -> bool:
    first, last = block[0], block[-1]
    assert last.encoding is not None
    assert point.encoding is not None
    near = point.address - last.address - last.encoding.count <= BRIDGED
    room = point.address + point.encoding.count - first.address <= LARGEST
    return point.table is last.table and near and room


def in_order(point: Point, order: str) -> Encoding:
    """How the point lies in a device of that order, without what means no value."""
    assert point.encoding is not None
    plain = point.encoding
    return Encoding(plain.type, order, plain.scale, plain.offset, plain.length)


def registers(
    block: Sequence[Point], encodings: dict[str, Encoding], world: dict[str, Value], start: int
) -> list[int]:
    last = max(point.address + encodings[point.name].count for point in block)
    words = [0] * (last - start)
    for point in block:
        at = point.address - start
        encoded = encodings[point.name].encode(world[point.name])
        words[at : at + len(encoded)] = encoded
    return words


def known_value(
    block: Sequence[Point], encodings: dict[str, Encoding], words: Sequence[int], start: int
) -> dict[int, float]:
    """What a person can read from the device's display: the first number of the block that is not 0."""
    for point in block:
        encoding = encodings[point.name]
        value = encoding.decode(words[point.address - start : point.address - start + encoding.count])
        if isinstance(value, (int, float)) and value:
            return {point.address: float(value)}
    return {}
