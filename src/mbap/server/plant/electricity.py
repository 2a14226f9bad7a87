"""The electric side of the plant: consumers, the grid, and meters that add up what flows through them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mbap.server.plant.noise import Switching, Wander, lag

_DEMAND_PERIOD = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """What a consumer takes from one phase: active power in W and its power factor, inductive."""

    power: float
    power_factor: float

    @property
    def reactive(self) -> float:
        """var."""
        return self.power * math.tan(math.acos(self.power_factor))


NOTHING = Load(0.0, 1.0)


class Consumers:
    """Other users of the mains: a workshop on phase 1, a cold store on phase 2, the building on all."""

    def __init__(self, random: Random) -> None:
        self._machine = Switching(random, on_for=13.0, off_for=9.0, on=True)
        self._saw = Switching(random, on_for=3.0, off_for=21.0)
        self._lights = Wander(random, 18.0, 20.0)
        self._compressor = Switching(random, on_for=35.0, off_for=25.0, on=True)
        self._inrush = 0.0
        self._building = [Wander(random, 45.0, 12.0) for _ in range(3)]
        self.workshop = self.cold_store = NOTHING
        self.building: tuple[Load, ...] = (NOTHING,) * 3

    def step(self, dt: float, busy: float) -> None:
        """*dt* seconds: *busy* is 0 at night to 1 by day."""
        machine = 620.0 if self._machine.step(dt) else 0.0
        saw = 1_350.0 if self._saw.step(dt) else 0.0
        lights = 160.0 + 90.0 * busy + self._lights.step(dt)
        total = machine + saw + lights
        self.workshop = Load(total, (0.97 * lights + 0.83 * (machine + saw)) / total)
        was_on = self._compressor.on
        if self._compressor.step(dt) and not was_on:
            self._inrush = 900.0
        self._inrush = lag(self._inrush, 0.0, dt, 0.6)
        running = 780.0 + self._inrush if self._compressor.on else 0.0
        self.cold_store = Load(55.0 + running, 0.86 if self._compressor.on else 0.95)
        self.building = tuple(
            Load(max(60.0, base * (0.45 + 0.55 * busy) + wander.step(dt)), 0.96)
            for base, wander in zip((420.0, 510.0, 660.0), self._building, strict=True)
        )


class Grid:
    """Voltage and frequency; the voltage sags a little under load."""

    def __init__(self, random: Random) -> None:
        self.frequency = 50.0
        self.voltages = (231.0, 230.2, 230.7)
        self._common = Wander(random, 1.1, 40.0)
        self._phases = [Wander(random, 0.25, 3.0) for _ in range(3)]
        self._swing = Wander(random, 0.012, 6.0)

    def step(self, dt: float, currents: Sequence[float]) -> None:
        """*dt* seconds, with *currents* flowing in the three phases."""
        common = 231.5 + self._common.step(dt)
        self.voltages = (
            common + 0.4 + self._phases[0].step(dt) - 0.11 * currents[0],
            common - 0.5 + self._phases[1].step(dt) - 0.11 * currents[1],
            common + 0.1 + self._phases[2].step(dt) - 0.11 * currents[2],
        )
        self.frequency = 50.0 + self._swing.step(dt)


class Phase:
    """One phase of a meter: what it measures now, and the largest it has seen averaged.

    Attributes:
        voltage, current, power (W), reactive (var), apparent (VA), power_factor, angle (degrees).
        energy: kWh; `reactive_energy`: kvarh.
        current_demand: the current averaged over a minute; `maximum_current_demand` the highest of it.
    """

    def __init__(self, energy: float) -> None:
        self.energy, self.reactive_energy = energy, energy * 0.37
        self.voltage, self.current = 230.0, 0.0
        self.power = self.reactive = self.apparent = 0.0
        self.power_factor, self.angle = 1.0, 0.0
        self.current_demand = self.maximum_current_demand = 0.0

    def measure(self, dt: float, voltage: float, loads: Sequence[Load]) -> None:
        """*dt* seconds with these loads behind it."""
        self.voltage = voltage
        self.power = sum(load.power for load in loads)
        self.reactive = sum(load.reactive for load in loads)
        self.apparent = math.hypot(self.power, self.reactive)
        self.current = self.apparent / voltage
        self.power_factor = self.power / self.apparent if self.apparent else 1.0
        self.angle = math.degrees(math.acos(min(self.power_factor, 1.0)))
        self.energy += self.power / 1000.0 * dt / 3600.0
        self.reactive_energy += self.reactive / 1000.0 * dt / 3600.0
        self.current_demand = lag(self.current_demand, self.current, dt, _DEMAND_PERIOD)
        self.maximum_current_demand = max(self.maximum_current_demand, self.current_demand)


class Meter:
    """An energy meter with one or three phases.

    Attributes:
        apparent_energy: kVAh; `charge`: Ah.
        power_demand, apparent_demand, neutral_demand: averages over a minute, with their `maximum_...`.
    """

    def __init__(self, phases: int, energy: float) -> None:
        self.phases = tuple(Phase(energy / phases) for _ in range(phases))
        self.apparent_energy = energy * 1.08
        self.charge = energy * 1.7
        self.power_demand = self.maximum_power_demand = 0.0
        self.apparent_demand = self.maximum_apparent_demand = 0.0
        self.neutral_demand = self.maximum_neutral_demand = 0.0

    @property
    def power(self) -> float:
        """W, of all phases."""
        return sum(phase.power for phase in self.phases)

    @property
    def reactive(self) -> float:
        """var, of all phases."""
        return sum(phase.reactive for phase in self.phases)

    @property
    def apparent(self) -> float:
        """VA, of all phases."""
        return math.hypot(self.power, self.reactive)

    @property
    def energy(self) -> float:
        """kWh, of all phases."""
        return sum(phase.energy for phase in self.phases)

    @property
    def reactive_energy(self) -> float:
        """kvarh, of all phases."""
        return sum(phase.reactive_energy for phase in self.phases)

    @property
    def neutral_current(self) -> float:
        """A: the vector sum of three phases that are 120 degrees apart, load angles left aside."""
        if len(self.phases) == 1:
            return self.phases[0].current
        a, b, c = (phase.current for phase in self.phases)
        return math.sqrt(max(a * a + b * b + c * c - a * b - b * c - c * a, 0.0))

    def measure(self, dt: float, voltages: Sequence[float], loads: Sequence[Sequence[Load]]) -> None:
        """*dt* seconds, with each phase's voltage and the loads behind it."""
        for phase, voltage, behind in zip(self.phases, voltages, loads, strict=True):
            phase.measure(dt, voltage, behind)
        hours = dt / 3600.0
        self.apparent_energy += self.apparent / 1000.0 * hours
        self.charge += sum(phase.current for phase in self.phases) * hours
        self._average(dt)

    def _average(self, dt: float) -> None:
        self.power_demand = lag(self.power_demand, self.power, dt, _DEMAND_PERIOD)
        self.apparent_demand = lag(self.apparent_demand, self.apparent, dt, _DEMAND_PERIOD)
        self.neutral_demand = lag(self.neutral_demand, self.neutral_current, dt, _DEMAND_PERIOD)
        self.maximum_power_demand = max(self.maximum_power_demand, self.power_demand)
        self.maximum_apparent_demand = max(self.maximum_apparent_demand, self.apparent_demand)
        self.maximum_neutral_demand = max(self.maximum_neutral_demand, self.neutral_demand)
