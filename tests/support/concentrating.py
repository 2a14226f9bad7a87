"""Concentrators in memory: devices without a network, readings made by hand, requests asked directly."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar, cast

from mbap.addresses import Table
from mbap.collect.concentrator import Concentrator, Served
from mbap.collect.concentratorcells import Otherwise
from mbap.collect.concentratorlayout import Style, extended
from mbap.collect.concentratormap import Entry
from mbap.collect.concentratorwrites import Line, WriteThrough
from mbap.collect.device import PolledDevice
from mbap.collect.readings import Quality, Readings, Value
from mbap.collect.registermap import Point, Profile
from mbap.protocol.pdu import READS, Request
from mbap.protocol.wire import Bits, Registers
from mbap.server.device import Device
from mbap.server.handler import Call, Peer
from mbap.values import Encoding
from support.fake_executor import FakeExecutor
from support.hand_clock import HandClock

R = TypeVar("R")

PEER = Peer("10.0.0.9", 50_000)
POWER = Point("power", Table.INPUT_REGISTERS, 10, Encoding("float32", "CDAB"), unit="kW")
LEVEL = Point("level", Table.HOLDING_REGISTERS, 20, Encoding("int16", scale=0.1), unit="m", writable=(0, 9))
MODE = Point("mode", Table.HOLDING_REGISTERS, 21, Encoding("uint16"), writable=(0, 5))
PUMP = Point("pump", Table.COILS, 7, writable=(0, 1))
ALARM = Point("alarm", Table.HOLDING_REGISTERS, 30, Encoding("bool", bit=3), writable=(0, 1))
POINTS = (POWER, LEVEL, MODE, PUMP, ALARM)
NAMES = tuple(point.name for point in POINTS)


def device(name: str = "a", points: Sequence[Point] = POINTS, period: float = 10.0) -> PolledDevice:
    """A device with *points*."""
    return PolledDevice(
        name, name, Profile("p", "P", tuple(points)), 3, "tcp://plc", periods={"default": period}
    )


def readings(
    *values: Value | None, of: str = "a", names: tuple[str, ...] = NAMES, bad: Quality = Quality.TIMEOUT
) -> Readings:
    """One reading of each of *names*; None is *bad*."""
    qualities = [bad if value is None else Quality.GOOD for value in values]
    return Readings(of, 0, names, values, qualities if None in values else None)


class Concentrated:
    """A concentrator with a clock that is moved by hand."""

    def __init__(
        self,
        *devices: PolledDevice,
        style: Style | None = None,
        entries: Sequence[Entry] = (),
        otherwise: Otherwise = "exception",
        refuse_holes: bool = False,
        stale: float | None = None,
        writes: WriteThrough | None = None,
        identification: Mapping[int, bytes] | None = None,
    ) -> None:
        self.clock = HandClock()
        self.devices = devices or (device(),)
        self.entries = extended(entries, self.devices, style or Style())
        served = Served(
            self.entries, self.devices, otherwise, refuse_holes, stale, writes, identification or {}
        )
        self.concentrator = Concentrator(served, clock=self.clock)

    def ask(self, request: Request[R], unit: int = 1) -> R:
        """The answer to *request*, which is given at once."""
        return cast("R", self.concentrator.handle(Call(request, unit, PEER)))

    def registers(
        self, address: int, count: int, table: Table = Table.HOLDING_REGISTERS, unit: int = 1
    ) -> list[int]:
        """What is in these registers."""
        found: Registers = self.ask(cast("Request[Registers]", READS[table](address, count)), unit)
        return list(found)

    def bits(self, address: int, count: int, table: Table = Table.COILS) -> list[bool]:
        """What is in these bits of unit 1."""
        found: Bits = self.ask(cast("Request[Bits]", READS[table](address, count)))
        return list(found)


class Writable:
    """A concentrator that writes to a device in memory."""

    def __init__(
        self,
        plc: Device | None = None,
        *,
        points: Sequence[Point] = POINTS,
        verify: bool = True,
        normal: bool = False,
        mirror: bool = False,
        values: Sequence[Value | None] = (1.5, 2.3, 4, True, False),
    ) -> None:
        self.executor = FakeExecutor(plc, latency=0)
        polled = device(points=points)
        through = WriteThrough(self._line, {"a": polled}, verify=verify)
        style = Style("mirror" if mirror else "units", normal)
        self.site = Concentrated(polled, style=style, writes=through)
        self.counts = through.counts
        self.gone = False
        names = tuple(point.name for point in points)
        self.site.concentrator.update(readings(*values, names=names))

    def _line(self, polled: PolledDevice) -> Line | None:
        return None if self.gone else Line(self.executor, polled.unit)

    async def write(self, request: Request[R]) -> R:
        """Have *request* carried out for unit 1."""
        return await cast("Awaitable[R]", self.site.concentrator.handle(Call(request, 1, PEER)))

    @property
    def sent(self) -> list[Request[object]]:
        """The writes that the device got."""
        return [asked.request for asked in self.executor.asked if asked.request.writes]
