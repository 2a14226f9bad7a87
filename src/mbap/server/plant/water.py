"""The water side of the plant: a tank, the pump that fills it, and the drive that turns the pump.

The pump follows the affinity laws: flow goes with speed, head with its square, power with its cube.
"""

from __future__ import annotations

import math
from random import Random

from mbap.server.plant.noise import Switching, Wander, lag, towards

TANK_AREA = 0.3
TANK_HEIGHT = 3.0
LEVEL_LOW, LEVEL_HIGH, LEVEL_OVERFLOW = 0.5, 2.6, 2.9

LOWEST_SPEED = 25.0
"""Per cent that the level control asks for at least: below it the pump only churns."""
RATED_SPEED = 2900.0
RATED_POWER = 4000.0
_SHUT_OFF_HEAD = 32.0
_STATIC_HEAD = 3.5
"""Metres: the water enters the tank at its top, so the level in it does not matter."""
_LOSSES = 0.0313
"""Metres of head for each (m3/h) squared, in the pump and in the pipe together."""
_PIPE_SHARE = 0.55
_RAMP = 12.0
"""Per cent of the rated speed in a second."""

OFF, HOLDING, AT_LIMIT, ALARM = range(4)
STOPPED, ACCELERATING, RUNNING, DECELERATING, FAULT = range(5)
DRY_RUN = 8
"""Bit 3 of the faults."""


class Drive:
    """A frequency converter with its motor and pump.

    Attributes:
        speed: per cent of the rated speed; `reference` is where it is going.
        flow: m3/h; `head`: m; `power`: W taken from the mains; `torque`: Nm; `current`: A.
        temperature: of the heat sink, degrees Celsius; `dc_bus`: V.
        hours: running time; `starts`: how often it began to turn; `energy`: kWh.
        manual: the reference is `manual_reference` and not what the level control asks for.
    """

    def __init__(self, random: Random) -> None:
        self.speed = 62.0
        self.reference = 62.0
        self.manual = False
        self.manual_reference = 50.0
        self.flow = self.head = self.power = self.torque = self.current = 0.0
        self.temperature = 41.0
        self.dc_bus = 560.0
        self.hours = 8_412.6
        self.starts = 1_274
        self.energy = 17_306.4
        self.faults = 0
        self._ripple = Wander(random, 0.15, 0.8)
        self._mains = Wander(random, 1.5, 5.0)

    @property
    def state(self) -> int:
        """OFF, HOLDING, AT_LIMIT, ALARM = range(4)
        STOPPED, ACCELERATING, RUNNING, DECELERATING or FAULT."""
        if self.faults:
            return FAULT
        if self.speed < 0.5:
            return STOPPED
        if abs(self.reference - self.speed) < 1.0:
            return RUNNING
        return ACCELERATING if self.reference > self.speed else DECELERATING

    @property
    def rpm(self) -> float:
        """The motor's speed in revolutions a minute."""
        return self.speed / 100.0 * RATED_SPEED

    def step(self, dt: float, enabled: bool, asked: float) -> None:
        """*dt* seconds: *asked* is what the level control wants, in per cent."""
        wanted = self.manual_reference if self.manual else asked
        self.reference = wanted if enabled and not self.faults else 0.0
        before = self.speed
        self.speed = towards(self.speed, self.reference, _RAMP * dt)
        if before < 0.5 <= self.speed:
            self.starts += 1
        if self.speed >= 0.5:
            self.hours += dt / 3600.0
        self._turn()
        self.energy += self.power * dt / 3.6e6
        self.temperature = lag(self.temperature, 26.0 + 24.0 * self.power / RATED_POWER, dt, 90.0)
        self.dc_bus = 562.0 - 6.0 * self.power / RATED_POWER + self._mains.step(dt)
        self._ripple.step(dt)

    def _turn(self) -> None:
        n = self.speed / 100.0
        lift = _SHUT_OFF_HEAD * n * n - _STATIC_HEAD
        self.flow = math.sqrt(lift / _LOSSES) if lift > 0.0 else 0.0
        self.head = _STATIC_HEAD + _PIPE_SHARE * _LOSSES * self.flow * self.flow
        shaft = RATED_POWER * n**3 * (0.55 + 0.45 * self.flow / 30.0)
        self.torque = 9.549 * shaft / self.rpm if self.speed >= 0.5 else 0.0
        self.power = 45.0 + shaft / 0.91 + (4.0 * self._ripple.value if self.speed >= 0.5 else 0.0)
        rated_torque = 9.549 * RATED_POWER / RATED_SPEED
        load = self.torque / rated_torque
        self.current = 8.1 * math.sqrt(0.16 + 0.84 * load * load) if self.speed >= 0.5 else 0.0


class Tank:
    """An open tank, filled by the pump and emptied by whoever uses the water; its controller sits in a PLC.

    Attributes:
        level: m; `inflow`, `outflow`: m3/h; `pressure`: bar at the pump; `temperature`: degrees Celsius.
        set_point: the level to hold; `alarm_low`, `alarm_high`: m.
        pump_enabled, valve_open: what the PLC's coils say.
        delivered: m3 that went out.
        asked: the speed, in per cent, that the level control wants.
    """

    def __init__(self, random: Random) -> None:
        self.level = 1.72
        self.inflow, self.outflow = 16.0, 15.0
        self.pressure = 0.0
        self.temperature = 11.4
        self.set_point = 1.8
        self.alarm_low, self.alarm_high = 0.7, 2.4
        self.pump_enabled = self.valve_open = True
        self.delivered = 48_210.7
        self.asked = 62.0
        self.alarm = False
        self.acknowledged = True
        self._integral = 60.0
        self._large_user = Switching(random, on_for=24.0, off_for=20.0, on=True)
        self._small_users = Wander(random, 1.6, 9.0)
        self._ripple = Wander(random, 0.004, 0.6)
        self._warmth = Wander(random, 0.4, 300.0)

    @property
    def measured_level(self) -> float:
        """The level as a sensor sees it, with the waves on the water."""
        return min(max(self.level + self._ripple.value, 0.0), TANK_HEIGHT)

    @property
    def control_state(self) -> int:
        """OFF, HOLDING, AT_LIMIT or ALARM."""
        if not self.pump_enabled:
            return OFF
        if self.alarm:
            return ALARM
        return HOLDING if LOWEST_SPEED < self.asked < 100.0 else AT_LIMIT

    def step(self, dt: float, drive: Drive, demand: float) -> None:
        """*dt* seconds: *demand* is 0 to 1 over the day, how much water people want."""
        self.inflow = drive.flow
        self.outflow = self._drawn(dt, demand)
        self.level += (self.inflow - self.outflow) / 3600.0 * dt / TANK_AREA
        self.level = min(max(self.level, 0.0), TANK_HEIGHT)
        self.delivered += self.outflow * dt / 3600.0
        self.pressure = drive.head * 0.0981 + self._ripple.step(dt)
        self.temperature = 11.4 + self._warmth.step(dt)
        self._control(dt)
        self._watch()

    def reset_alarm(self) -> None:
        """Somebody has seen the alarm; it goes when its cause is gone too."""
        self.acknowledged = True

    def _drawn(self, dt: float, demand: float) -> float:
        large = 7.0 if self._large_user.step(dt) else 0.0
        wanted = 8.0 + 5.0 * demand + large + self._small_users.step(dt)
        if not self.valve_open or self.level <= 0.02:
            wanted = 0.0
        return lag(self.outflow, max(wanted, 0.0), dt, 1.5)

    def _control(self, dt: float) -> None:
        """A PI controller; its integral stands still while the pump is off or at a limit."""
        error = self.set_point - self.level
        asked = 90.0 * error + self._integral
        if self.pump_enabled and LOWEST_SPEED < asked < 100.0:
            self._integral += 2.4 * error * dt
        self.asked = min(max(asked, LOWEST_SPEED), 100.0)

    def _watch(self) -> None:
        wrong = not self.alarm_low <= self.level <= self.alarm_high
        if wrong and not self.alarm:
            self.alarm, self.acknowledged = True, False
        elif not wrong and self.acknowledged:
            self.alarm = False
