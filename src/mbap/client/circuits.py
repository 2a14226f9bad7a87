"""The breakers of one link: one a unit, and one for the endpoint itself."""

from __future__ import annotations

from mbap.client.breaker import Breaker, Circuit
from mbap.client.job import copy_of
from mbap.errors import (
    ConnectionLost,
    GatewayTargetFailedToRespond,
    ModbusError,
    NotAsked,
    ResponseTimeout,
)

_SILENCE = (ResponseTimeout, GatewayTargetFailedToRespond)


class Circuits:
    """Who is left alone now: units by *settings*, the endpoint by *backoff*; by None nobody ever is.

    With *background* nobody may ask a silent unit but a search in the background.

    Attributes:
        silent: the units that did not answer last. Always the same mapping: who looks often keeps it.
    """

    __slots__ = ("_background", "_backoff", "_before", "_endpoint", "_errors", "_settings", "silent")

    def __init__(
        self, settings: Breaker | None, backoff: Breaker | None, *, background: bool = False
    ) -> None:
        self._settings = settings
        self._backoff = backoff
        self._background = background
        self.silent: dict[int, Circuit] = {}
        self._endpoint: Circuit | None = None
        self._before: Circuit | None = None
        self._errors: dict[int | None, ModbusError] = {}

    @property
    def resting(self) -> tuple[int, ...]:
        """The units that are left alone."""
        return tuple(sorted(unit for unit, circuit in self.silent.items() if circuit.open))

    @property
    def calm(self) -> bool:
        """No unit was silent."""
        return not self.silent

    @property
    def unreachable(self) -> bool:
        """The endpoint is left alone."""
        return self._endpoint is not None and self._endpoint.open

    def unit_refusal(self, unit: int, now: float) -> NotAsked | None:
        """Why *unit* is not asked now, if it is not."""
        circuit = self.silent.get(unit)
        if circuit is None or not (circuit.blocks(now) or (self._background and circuit.open)):
            return None
        return self._refused(circuit, unit, f"unit {unit} was silent", now)

    def next_due(self) -> tuple[int, float] | None:
        """The silent unit that may be asked first, and when; None where nobody is left alone."""
        due = [(unit, circuit.until) for unit, circuit in self.silent.items() if circuit.open]
        return min(due, key=lambda one: one[1], default=None)

    def endpoint_refusal(self, now: float) -> NotAsked | None:
        """Why no connection is tried now, if none is."""
        if self._endpoint is None or not self._endpoint.blocks(now):
            return None
        return self._refused(self._endpoint, None, "no connection could be made", now)

    def admit(self, unit: int) -> bool:
        """A request goes to *unit*; tells whether it is the probe."""
        circuit = self.silent.get(unit)
        return circuit is not None and circuit.admit()

    def admit_connecting(self) -> None:
        """A connection is tried."""
        if self._endpoint is not None:
            self._endpoint.admit()

    def ended(self, unit: int, error: ModbusError | None, now: float, *, probe: bool) -> None:
        """A request to *unit* ended so: an exception response counts as being alive."""
        if isinstance(error, _SILENCE):
            self._silent(unit, error, now)
        elif not isinstance(error, ConnectionLost):
            self.silent.pop(unit, None)
            self._errors.pop(unit, None)
        elif probe:
            self.withdrawn(unit)

    def withdrawn(self, unit: int) -> None:
        """The probe of *unit* ended without telling anything."""
        if unit in self.silent:
            self.silent[unit].withdrawn()

    def connected(self) -> None:
        """A connection was made."""
        self._before, self._endpoint = self._endpoint, None
        self._errors.pop(None, None)

    def connect_failed(self, error: ModbusError, now: float) -> None:
        """No connection could be made."""
        if self._backoff is not None:
            self._endpoint = self._endpoint or Circuit(self._backoff)
            self._endpoint.silent(now)
            self._errors[None] = copy_of(error)

    def refused_late(self, error: ModbusError, now: float) -> None:
        """The connection that was made last turned out to be none: it counts as one that failed."""
        self._endpoint = self._before
        self.connect_failed(error, now)

    def backing_off(self, now: float) -> float:
        """Seconds until connecting is tried again; 0 where it may be tried now."""
        return 0.0 if self._endpoint is None else self._endpoint.wait(now)

    def connecting_withdrawn(self) -> None:
        """The attempt to connect ended without telling anything."""
        if self._endpoint is not None:
            self._endpoint.withdrawn()

    def _silent(self, unit: int, error: ModbusError, now: float) -> None:
        if self._settings is not None:
            circuit = self.silent.setdefault(unit, Circuit(self._settings))
            circuit.silent(now)
            self._errors[unit] = copy_of(error)

    def _refused(self, circuit: Circuit, unit: int | None, what: str, now: float) -> NotAsked:
        wait, cause = circuit.wait(now), self._errors.get(unit)
        last = f", at last because {cause.reason}" if unit is None and cause is not None else ""
        refusal = NotAsked(f"not asked: {what} {circuit.silences} times in a row{last}", retry_in=wait)
        refusal.advice = f"it is tried again in {wait:.1f} s" if wait else "it is being tried just now"
        if self._background and unit is not None:
            refusal.advice = "it is asked in the background whether it is back"
        refusal.__cause__ = cause
        return refusal
