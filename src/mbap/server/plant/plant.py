"""The demo plant: six devices over one physical model, and the servers that let them be read over TCP."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType

from mbap.addresses import Table
from mbap.errors import ExceptionCode
from mbap.protocol.wire import Bits, Registers
from mbap.server.faults import Fault, Faults, Rule
from mbap.server.handler import Units
from mbap.server.plant import readout
from mbap.server.plant.model import Model
from mbap.server.plant.readout import Setting, Values
from mbap.server.profiled import ProfiledDevice, built_in_places
from mbap.server.server import Server

FAILING = "gateway"
"""The connection that fails now and then."""
FAULT_RULES = (
    Rule(Fault("silent"), every=45.0, lasting=8.0, first=6.0),
    Rule(Fault("exception", code=ExceptionCode.SERVER_DEVICE_BUSY), probability=0.04),
    Rule(Fault("late", delay=0.25), probability=0.05),
)
"""Silent for 8 s out of every 45, first after 6 s; busy once in 25 requests; a little late once in 20."""


def _ignore(model: Model, value: Setting) -> None:
    """There is nothing that a client could set."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A device of the plant, before it is made: who it is, what it shows of the model, what may be set."""

    name: str
    title: str
    connection: str
    unit: int
    profile: str
    area: str
    read: Callable[[Model], Values]
    apply: Callable[[Model, Setting], None] = _ignore


_SOURCES = (
    _Source(
        "main_meter", "Main meter", "switchboard", 1, "sdm630", "switch room",
        lambda model: readout.three_phase_meter(model.main, model.grid.frequency),
    ),
    _Source(
        "workshop_meter", "Workshop meter", "submeters", 1, "sdm120", "workshop",
        lambda model: readout.single_phase_meter(model.workshop, model.grid.frequency),
    ),
    _Source(
        "cold_store_meter", "Cold store meter", "submeters", 2, "sdm120", "cold store",
        lambda model: readout.single_phase_meter(model.cold_store, model.grid.frequency),
    ),
    _Source(
        "pump", "Pump drive", "drive", 1, "demo_pump_drive", "pump room",
        lambda model: readout.drive(model.drive),
        lambda model, value: readout.set_drive(model.drive, value),
    ),
    _Source(
        "tank", "Water tank", "plc", 1, "demo_tank", "pump room",
        lambda model: readout.tank(model.tank, model.drive, model.age),
        lambda model, value: readout.set_tank(model.tank, value),
    ),
    _Source(
        "heat_pump", "Heat pump", FAILING, 10, "demo_heat_pump", "roof",
        lambda model: readout.heat_pump(model.heat_pump),
        lambda model, value: readout.set_heat_pump(model.heat_pump, value),
    ),
)  # fmt: skip


class _Shown(ProfiledDevice):
    """A device that shows the model as it is at the moment of a read."""

    __slots__ = ("_plant", "_shown_at", "_source")

    def __init__(self, source: _Source, plant: Plant) -> None:
        super().__init__(built_in_places(source.profile))
        self._source, self._plant = source, plant
        self._shown_at = -1.0

    def read_bits(self, table: Table, address: int, count: int) -> Bits:
        self._show()
        return super().read_bits(table, address, count)

    def read_registers(self, table: Table, address: int, count: int) -> Registers:
        self._show()
        return super().read_registers(table, address, count)

    def write_bits(self, table: Table, address: int, values: Bits) -> None:
        self._show()
        super().write_bits(table, address, values)
        self._take_over()

    def write_registers(self, table: Table, address: int, values: Registers) -> None:
        self._show()
        super().write_registers(table, address, values)
        self._take_over()

    def _show(self) -> None:
        age = self._plant.advance()
        if age != self._shown_at:
            self._shown_at = age
            self.put(self._source.read(self._plant.model))

    def _take_over(self) -> None:
        self._source.apply(self._plant.model, self._setting)
        self._shown_at = -1.0

    def _setting(self, name: str) -> float:
        value = self.value(name)
        return float(value) if isinstance(value, (int, float)) else 0.0


@dataclass(frozen=True, slots=True)
class PlantDevice:
    """One device of the plant.

    Attributes:
        name: what a site calls it; `title` is for people.
        connection: devices of one connection share an address and a port.
        profile: the built-in profile that describes its registers.
        labels: where it stands: `site`, `area`, `installation`.
    """

    name: str
    title: str
    connection: str
    unit: int
    profile: str
    labels: Mapping[str, str]
    handler: ProfiledDevice


class Plant:
    """A pumping station with its meters and its heating, simulated; values move as such plants do.

    It moves on when it is read, by the time that has passed on *clock*; the same seed, and reads at the same
    times, give the same values.

    Attributes:
        model: what is behind the values.
        devices: what can be read, in the order in which a site would list them.
        connections: the names of their connections, in the same order.
    """

    def __init__(self, seed: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self.model = Model(seed)
        self.seed, self.clock = seed, clock
        self._last = clock()
        self.devices: Sequence[PlantDevice] = tuple(
            PlantDevice(
                source.name,
                source.title,
                source.connection,
                source.unit,
                source.profile,
                {"site": "Pumping station", "area": source.area, "installation": source.title},
                _Shown(source, self),
            )
            for source in _SOURCES
        )
        self.connections: Sequence[str] = tuple(dict.fromkeys(device.connection for device in self.devices))

    def advance(self) -> float:
        """Let the model catch up with the clock; gives the model's age."""
        missing = self.clock() - self._last
        stepped = self.model.advance(missing)
        self._last += stepped
        return self.model.age


class PlantServers:
    """Serves a plant on ports of this machine while an `async with` block runs.

    The connection `FAILING` fails now and then, as `FAULT_RULES` say.

    Args:
        host: where to listen.
        port: of the first connection; each of the others has the next one. 0 gives each a free one.
        faults: False for a plant that never fails.

    Attributes:
        plant: what is served; its `devices` say which connection each is on.
        urls: where each connection is reached, by its name.
    """

    def __init__(self, plant: Plant, *, host: str = "127.0.0.1", port: int = 0, faults: bool = True) -> None:
        self.plant = plant
        self.urls: dict[str, str] = {}
        self._host, self._port, self._faults = host, port, faults
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> PlantServers:
        try:
            await self._listen()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _listen(self) -> None:
        for number, connection in enumerate(self.plant.connections):
            url = f"tcp://{self._host}:{self._port and self._port + number}"
            server = Server(url, self._units(connection), faults=self._stage(connection))
            self.urls[connection] = (await self._stack.enter_async_context(server)).url

    def _units(self, connection: str) -> Units:
        devices = [device for device in self.plant.devices if device.connection == connection]
        return Units({device.unit: device.handler for device in devices})

    def _stage(self, connection: str) -> Faults | None:
        if not self._faults or connection != FAILING:
            return None
        return Faults(FAULT_RULES, seed=self.plant.seed, clock=self.plant.clock)
