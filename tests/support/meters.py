"""Small profiles and devices for tests of the collector."""

from __future__ import annotations

from collections.abc import Sequence

from mbap.addresses import Table
from mbap.collect.device import PolledDevice
from mbap.collect.registermap import Point, Profile
from mbap.values import Encoding


def register(name: str, address: int, group: str = "default") -> Point:
    """A holding register as a point."""
    return Point(name, Table.HOLDING_REGISTERS, address, Encoding(), group=group)


def profile(*points: Point, largest: int = 125) -> Profile:
    """A profile of *points*; without any, of three neighbouring registers."""
    return Profile("test", "Test", points or registers(3), largest=largest)


def registers(count: int, start: int = 0, group: str = "default") -> tuple[Point, ...]:
    """*count* neighbouring holding registers: r0, r1, ..."""
    return tuple(register(f"r{start + n}", start + n, group) for n in range(count))


def apart(count: int, step: int = 200) -> tuple[Point, ...]:
    """*count* registers so far apart that each needs a read of its own: r0, r200, ..."""
    return tuple(register(f"r{n * step}", n * step) for n in range(count))


def device(
    name: str = "main",
    points: Sequence[Point] = (),
    period: float = 1.0,
    unit: int = 1,
    **periods: float,
) -> PolledDevice:
    """A device with *points*, read every *period* seconds; other groups by keyword."""
    return PolledDevice(name, name, profile(*points), unit, periods={"default": period, **periods})
