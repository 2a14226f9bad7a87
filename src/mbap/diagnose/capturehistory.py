"""What the values of devices were over time, as reads have shown it, and which changes no write explains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mbap.addresses import Table
from mbap.diagnose.capture import Captured
from mbap.diagnose.seen import Device, Run, device
from mbap.diagnose.wording import Values, values_read, values_written
from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.pdu import MaskWriteRegister

MOST_PLACES: Final = 500_000
"""Registers and bits that are remembered; those beyond them are counted."""
MOST_STEPS: Final = 100_000
"""Changes that are remembered; those beyond them are counted."""
_READ_AND_WRITE: Final = 23
_MOST_SAME: Final = 4096

Steps = list[tuple[int, int]]
"""When, in UTC microseconds, a value became which."""


@dataclass(slots=True)
class _Place:
    """One register or bit: what it was first, what it should be now, and what it became by itself."""

    first: int
    now: int
    written: bool = False
    steps: Steps = field(default_factory=list)


class Moved(NamedTuple):
    """A value that changed without being written.

    Attributes:
        steps: what it became when; before the first of them it was *first*.
        written: somebody wrote it, too.
    """

    table: Table
    address: int
    first: int
    steps: Steps
    written: bool


def _is_done(exchange: Captured) -> bool:
    """Whether the answer to a write is one."""
    try:
        assert exchange.request is not None
        exchange.request.decode_response(exchange.response or b"")
    except (ProtocolError, ExceptionResponse):
        return False
    return True


class Histories:
    """The first known value of everything, and each change that was not a client's.

    Attributes:
        left_out: registers and bits beyond `MOST_PLACES`, and changes beyond `MOST_STEPS`.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[Device, Table], dict[int, _Place]] = {}
        self._same: dict[tuple[Device, bytes], tuple[bytes, int | None]] = {}
        self._changes: dict[Device, int] = {}
        self._count = self._steps = 0
        self.left_out = 0

    def take(self, exchange: Captured) -> None:
        """Remember what *exchange* read and wrote."""
        request, response = exchange.request, exchange.response
        if request is None or response is None or exchange.exception is not None:
            return
        of = device(exchange)
        if request.writes:
            if _is_done(exchange):
                self._write(exchange)
            if exchange.function_code == _READ_AND_WRITE:
                self._read(exchange, of)
        elif self._same.get((of, exchange.pdu)) != (response, self._changes.get(of)):
            self._read(exchange, of)
            if len(self._same) >= _MOST_SAME:
                self._same.clear()
            # The same answer again says nothing, as long as nothing else was said of the device.
            self._same[of, exchange.pdu] = response, self._changes.get(of)

    def _read(self, exchange: Captured, of: Device) -> None:
        found = values_read(exchange)
        if found is None:
            return
        places = self._places.setdefault((of, found.table), {})
        known, changed = places.get, False
        for address, value in enumerate(found.values, found.address):
            place = known(address)
            if place is None:
                self._new(exchange, found, address, _Place(int(value), int(value)))
            elif place.now != value:
                place.now, changed = int(value), True
                self._step(place, exchange.time)
        if changed:
            self._changes[of] = self._changes.get(of, 0) + 1

    def _step(self, place: _Place, time: int) -> None:
        if self._steps >= MOST_STEPS:
            self.left_out += 1
            return
        self._steps += 1
        place.steps.append((time, place.now))

    def _write(self, exchange: Captured) -> None:
        written = values_written(exchange) or self._masked(exchange)
        of = device(exchange)
        self._changes[of] = self._changes.get(of, 0) + 1
        for address, value, place in self._of(exchange, written):
            if place is None:
                self._new(exchange, written, address, _Place(value, value, written=True))
            else:
                place.now, place.written = value, True

    def _masked(self, exchange: Captured) -> Values | None:
        request = exchange.request
        if not isinstance(request, MaskWriteRegister):
            return None
        table = Table.HOLDING_REGISTERS
        place = self._places.get((device(exchange), table), {}).get(request.address)
        # It is there, even where nobody has read it: what the mask left as it was is taken for 0.
        old = 0 if place is None else place.now
        new = old & request.and_mask | request.or_mask & ~request.and_mask & 0xFFFF
        return Values(table, request.address, (new,))

    def _of(self, exchange: Captured, values: Values | None) -> list[tuple[int, int, _Place | None]]:
        if values is None:
            return []
        places = self._places.setdefault((device(exchange), values.table), {})
        return [(at, int(value), places.get(at)) for at, value in enumerate(values.values, values.address)]

    def _new(self, exchange: Captured, values: Values | None, address: int, place: _Place) -> None:
        assert values is not None
        if self._count >= MOST_PLACES:
            self.left_out += 1
            return
        self._count += 1
        self._places[device(exchange), values.table][address] = place

    def devices(self) -> list[Device]:
        """Of which devices anything is known."""
        return sorted({of for of, _ in self._places})

    def runs(self, of: Device) -> list[Run]:
        """What did not move by itself, as it was first, by table and in order of address."""
        runs: list[Run] = []
        for table in Table:
            for address, place in sorted(self._places.get((of, table), {}).items()):
                if place.steps:
                    continue
                last = runs[-1] if runs else None
                if last is None or last.table is not table or last.address + len(last.values) != address:
                    last = Run(table, address, [])
                    runs.append(last)
                last.values.append(place.first)
        return runs

    def moved(self, of: Device) -> list[Moved]:
        """What did move, by table and in order of address."""
        return [
            Moved(table, address, place.first, sorted(place.steps, key=lambda step: step[0]), place.written)
            for table in Table
            for address, place in sorted(self._places.get((of, table), {}).items())
            if place.steps
        ]
