"""The whole plant as one physical model: pure, seeded, moved on by seconds."""

from __future__ import annotations

import math
from random import Random

from mbap.server.plant.electricity import Consumers, Grid, Load, Meter
from mbap.server.plant.heat import HeatPump
from mbap.server.plant.water import Drive, Tank

STEP = 0.1
MOST_STEPS = 600
DAY = 1_800.0
"""Seconds that a day of the plant takes, so that its course can be seen."""


class Model:
    """Water, heat and electricity of the plant, which hang together.

    The level control sets the pump's speed, flow and power follow it; whatever takes power is added up by
    the main meter.

    Attributes:
        age: seconds since it began.
    """

    def __init__(self, seed: int = 1) -> None:
        random = Random(seed)  # nosec B311 # noqa: S311 - not a secret
        self.age = 0.0
        self.drive = Drive(random)
        self.tank = Tank(random)
        self.heat_pump = HeatPump(random)
        self.consumers = Consumers(random)
        self.grid = Grid(random)
        self.main = Meter(3, 8_420.73)
        self.workshop = Meter(1, 961.14)
        self.cold_store = Meter(1, 1_487.09)
        self.advance(0.5)
        self._settle()

    def advance(self, seconds: float) -> float:
        """Move on by *seconds*, in whole steps of 0.1; gives how far it moved.

        After a long pause only the last minute is lived through: the rest is skipped.
        """
        steps = int(seconds / STEP + 1e-6)
        for _ in range(min(steps, MOST_STEPS)):
            self._step(STEP)
        return steps * STEP

    @property
    def sun(self) -> float:
        """-1 at night to 1 at noon; it begins in the morning."""
        return math.sin(2.0 * math.pi * (self.age / DAY - 0.05))

    def _step(self, dt: float) -> None:
        self.age += dt
        busy = 0.5 + 0.5 * self.sun
        self.drive.step(dt, self.tank.pump_enabled, self.tank.asked)
        self.tank.step(dt, self.drive, busy)
        self.heat_pump.step(dt, self.sun)
        self.consumers.step(dt, busy)
        self.grid.step(dt, [phase.current for phase in self.main.phases])
        self._measure(dt)

    def _measure(self, dt: float) -> None:
        consumers, voltages = self.consumers, self.grid.voltages
        pump = Load(self.drive.power / 3.0, 0.93)
        heating = Load(self.heat_pump.power / 3.0, 0.97)
        single: list[list[Load]] = [[consumers.workshop], [consumers.cold_store], []]
        loads = [
            [building, pump, heating, *others]
            for building, others in zip(consumers.building, single, strict=True)
        ]
        self.main.measure(dt, voltages, loads)
        self.workshop.measure(dt, voltages[:1], single[:1])
        self.cold_store.measure(dt, voltages[1:2], single[1:2])

    def _settle(self) -> None:
        """Begin with averages that fit what flows: a meter that was just connected would show a jump."""
        for meter in (self.main, self.workshop, self.cold_store):
            meter.power_demand = meter.maximum_power_demand = meter.power
            meter.apparent_demand = meter.maximum_apparent_demand = meter.apparent
            meter.neutral_demand = meter.maximum_neutral_demand = meter.neutral_current
            for phase in meter.phases:
                phase.current_demand = phase.maximum_current_demand = phase.current
