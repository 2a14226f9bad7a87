"""The heat side of the plant: a heat pump, the building it warms and its hot water."""

from __future__ import annotations

from random import Random

from mbap.server.plant.noise import Switching, Wander, lag, towards

STANDBY, HEATING, HOT_WATER, DEFROSTING = 1, 2, 3, 4
_MOST_HEAT = 9.0
_WATER = 4.19 / 60.0
"""kW that warm one litre a minute by one degree."""


class HeatPump:
    """An air-to-water heat pump with a compressor that follows what is needed.

    Attributes:
        outside, supply, returned, hot_water, hot_water_set_point: degrees Celsius.
        compressor: per cent; `fan`: revolutions a minute; `circulation`: l/min.
        heat: kW given; `power`: W taken; `cop`: heat over power, None while it gives none.
        heat_energy, energy: kWh; `hours`, `starts` of the compressor.
    """

    def __init__(self, random: Random) -> None:
        self.outside = 5.0
        self.supply, self.returned, self.hot_water = 36.5, 31.8, 49.2
        self.hot_water_set_point = 50.0
        self.enabled = True
        self.compressor = 46.0
        self.fan = 520.0
        self.circulation = 21.0
        self.heat, self.power = 4.1, 1_150.0
        self.heat_energy, self.energy = 31_846.2, 8_903.7
        self.hours, self.starts = 6_120.4, 2_981
        self.state = HEATING
        self._ice = 0.4
        self._house = self.returned
        self._load = Wander(random, 0.35, 25.0)
        self._taps = Switching(random, on_for=14.0, off_for=55.0)
        self._air = Wander(random, 0.5, 120.0)
        self._flow_noise = Wander(random, 0.12, 2.0)

    @property
    def set_point(self) -> float:
        """The supply temperature to reach: the colder outside, the warmer."""
        return 35.0 + 0.45 * (10.0 - self.outside)

    @property
    def cop(self) -> float | None:
        """Heat given over power taken; None while no heat is given."""
        return self.heat * 1000.0 / self.power if self.heat > 0.1 else None

    def step(self, dt: float, sun: float) -> None:
        """*dt* seconds: *sun* is -1 at night to 1 at noon."""
        self.outside = 4.5 + 5.0 * sun + self._air.step(dt)
        self._choose(dt)
        self._compress(dt)
        self._warm(dt)
        self.heat_energy += max(self.heat, 0.0) * dt / 3600.0
        self.energy += self.power * dt / 3.6e6
        if self.compressor > 1.0:
            self.hours += dt / 3600.0

    def _choose(self, dt: float) -> None:
        """The next state; ice grows on the evaporator while it heats and the air is cold."""
        if self.state == HEATING and self.outside < 7.0:
            self._ice += dt / 170.0
        if not self.enabled:
            self.state = STANDBY
        elif self.state == DEFROSTING:
            self._ice -= dt / 16.0
            if self._ice <= 0.0:
                self.state = HEATING
        elif self._ice >= 1.0:
            self.state = DEFROSTING
        elif self.state == HOT_WATER:
            if self.hot_water >= self.hot_water_set_point:
                self.state = HEATING
        elif self.hot_water < self.hot_water_set_point - 3.0:
            self.state = HOT_WATER
        else:
            self.state = HEATING

    def _compress(self, dt: float) -> None:
        wanted = {
            STANDBY: 0.0,
            HEATING: min(max(50.0 + 14.0 * (self.set_point - self.supply), 28.0), 100.0),
            HOT_WATER: 90.0,
            DEFROSTING: 60.0,
        }[self.state]
        before = self.compressor
        self.compressor = towards(self.compressor, wanted, 7.0 * dt)
        if before < 1.0 <= self.compressor:
            self.starts += 1
        self.fan = towards(
            self.fan, 0.0 if self.state == DEFROSTING else 8.5 * self.compressor + 130.0, 90.0 * dt
        )
        self.circulation = lag(self.circulation, 21.0 + self._flow_noise.step(dt), dt, 1.0)

    def _warm(self, dt: float) -> None:
        share = self.compressor / 100.0
        self.power = 85.0 + 3_050.0 * share
        if self.state == DEFROSTING:
            self.heat = lag(self.heat, -1.8 * share, dt, 3.0)
        else:
            lift = max(self.supply + 4.0 - self.outside, 12.0)
            efficiency = min(0.42 * (self.supply + 277.15) / lift, 5.6)
            self.heat = lag(self.heat, min(3.05 * share * efficiency, _MOST_HEAT), dt, 3.0)
        self._share_out(dt)

    def _share_out(self, dt: float) -> None:
        """Where the heat goes: into the hot water, or into the house."""
        drawn = 5.5 if self._taps.step(dt) else 0.15
        heating_water = self.state == HOT_WATER
        into_water, into_house = (self.heat, 0.0) if heating_water else (0.0, self.heat)
        self.hot_water += (into_water * 0.035 - drawn * 0.012) * dt
        lost = 0.19 * (self._house - 20.0) + 0.09 * (20.0 - self.outside) + self._load.step(dt)
        self._house += (into_house - lost) * 0.028 * dt
        self.returned = lag(self.returned, self.hot_water + 2.0 if heating_water else self._house, dt, 4.0)
        self.supply = lag(self.supply, self.returned + self.heat / (_WATER * self.circulation), dt, 3.0)
