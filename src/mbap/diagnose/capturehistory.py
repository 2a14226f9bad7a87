"""What the values of devices were over time, as reads have shown it, and which changes no write explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mbap.addresses import Table
from mbap.diagnose.capture import Captured
from mbap.diagnose.seen import Device, Run
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
    """One register or bit: what it was first, what it should be now, and what it became by itself.

    Of a bit *now* may be a bool, as answers have it; what goes into a device file is 0 or 1.
    """

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


class _Known:
    """One table of a device: its places, and how often any of them became something else."""

    __slots__ = ("changes", "places")

    def __init__(self) -> None:
        self.places: dict[int, _Place] = {}
        self.changes = 0


class _Touched:
    """What a request reads or writes, and what its last answer says of that.

    Attributes:
        places: in order of address, with what they are by that answer, the *values*.
        whole: all of them are remembered.
        changes: those of the table when the answer had been taken in.
    """

    __slots__ = ("changes", "places", "response", "table", "values", "whole")

    def __init__(self, table: _Known, response: bytes, places: list[_Place], values: Sequence[int]) -> None:
        self.table, self.response, self.places, self.values = table, response, places, values
        self.changes, self.whole = table.changes, True


class Histories:
    """The first known value of everything, and each change that was not a client's.

    Attributes:
        left_out: registers and bits beyond `MOST_PLACES`, and changes beyond `MOST_STEPS`.
    """

    def __init__(self) -> None:
        self._tables: dict[tuple[Device, Table], _Known] = {}
        self._same: dict[tuple[Device, bytes], _Touched] = {}
        self._same_places = self._count = self._steps = 0
        self.left_out = 0

    def take(self, exchange: Captured, of: Device) -> bool:
        """Remember what *exchange* read from the device *of*, and wrote there.

        Gives whether request and answer were those of a read or write before: there is nothing else in it.
        """
        request, response = exchange.request, exchange.response
        if request is None or response is None:
            return False
        same = self._same.get((of, exchange.pdu))
        if same is not None and same.response == response:
            # It says nothing either, as long as nothing in its table has changed.
            if same.changes != same.table.changes:
                self._again(same, exchange)
            return True
        if exchange.exception is None:
            self._new(exchange, of, response, same)
        return False

    def _again(self, same: _Touched, exchange: Captured) -> None:
        assert exchange.request is not None
        if exchange.request.writes:
            self._put(same)
        else:
            self._compare(same, exchange.time)

    def _new(self, exchange: Captured, of: Device, response: bytes, same: _Touched | None) -> None:
        assert exchange.request is not None
        if not exchange.request.writes:
            self._read(exchange, of, response, same)
            return
        if _is_done(exchange):
            self._write(exchange, of, response)
        if exchange.function_code == _READ_AND_WRITE:
            self._read(exchange, of, response, None)

    def _read(self, exchange: Captured, of: Device, response: bytes, same: _Touched | None) -> None:
        found = values_read(exchange)
        if found is None:
            return
        if same is None:
            same = self._touched(of, response, found)
            if same.whole and exchange.function_code != _READ_AND_WRITE:
                self._keep(of, exchange.pdu, same)
        else:
            same.response, same.values = response, found.values
        self._compare(same, exchange.time)

    def _compare(self, read: _Touched, time: int) -> None:
        """What is not as it was known to be has changed by itself."""
        moved = []
        for place, value in zip(read.places, read.values, strict=True):
            if place.now != value:
                place.now = value
                moved.append(place)
        if moved:
            read.table.changes += 1
            self._step(moved, time)
        read.changes = read.table.changes

    def _step(self, moved: list[_Place], time: int) -> None:
        kept = moved[: max(MOST_STEPS - self._steps, 0)]
        for place in kept:
            place.steps.append((time, int(place.now)))
        self._steps += len(kept)
        self.left_out += len(moved) - len(kept)

    def _write(self, exchange: Captured, of: Device, response: bytes) -> None:
        written = values_written(exchange)
        # A mask depends on what was there, and what function 23 reads behind its write may differ from it.
        alike = written is not None and exchange.function_code != _READ_AND_WRITE
        written = written or self._masked(exchange, of)
        if written is None:
            return
        touched = self._touched(of, response, written)
        self._put(touched)
        if alike and touched.whole:
            self._keep(of, exchange.pdu, touched)

    @staticmethod
    def _put(written: _Touched) -> None:
        """What is not as it was known to be is a client's doing."""
        for place, value in zip(written.places, written.values, strict=True):
            if place.now != value:
                place.now = value
                written.table.changes += 1
            place.written = True
        written.changes = written.table.changes

    def _masked(self, exchange: Captured, of: Device) -> Values | None:
        request = exchange.request
        if not isinstance(request, MaskWriteRegister):
            return None
        table = self._tables.get((of, Table.HOLDING_REGISTERS))
        place = None if table is None else table.places.get(request.address)
        # It is there, even where nobody has read it: what the mask left as it was is taken for 0.
        old = 0 if place is None else place.now
        new = old & request.and_mask | request.or_mask & ~request.and_mask & 0xFFFF
        return Values(Table.HOLDING_REGISTERS, request.address, (new,))

    def _touched(self, of: Device, response: bytes, values: Values) -> _Touched:
        """The places that *values* are of; those that are new are what they are now."""
        table = self._tables.get((of, values.table))
        if table is None:
            table = self._tables[of, values.table] = _Known()
        touched = _Touched(table, response, [], values.values)
        known, add = table.places, touched.places.append
        for address, value in enumerate(touched.values, values.address):
            place = known.get(address)
            if place is None:
                place = _Place(int(value), value)
                if self._count < MOST_PLACES:
                    self._count += 1
                    known[address] = place
                else:
                    self.left_out += 1
                    touched.whole = False
            add(place)
        return touched

    def _keep(self, of: Device, pdu: bytes, touched: _Touched) -> None:
        """For the next request that is the same."""
        if len(self._same) >= _MOST_SAME or self._same_places >= MOST_PLACES:
            self._same.clear()
            self._same_places = 0
        self._same[of, pdu] = touched
        self._same_places += len(touched.places)

    def devices(self) -> list[Device]:
        """Of which devices anything is known."""
        return sorted({of for of, _ in self._tables})

    def runs(self, of: Device) -> list[Run]:
        """What did not move by itself, as it was first, by table and in order of address."""
        runs: list[Run] = []
        for table in Table:
            for address, place in self._sorted(of, table):
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
            for address, place in self._sorted(of, table)
            if place.steps
        ]

    def _sorted(self, of: Device, table: Table) -> list[tuple[int, _Place]]:
        known = self._tables.get((of, table))
        return [] if known is None else sorted(known.places.items())
