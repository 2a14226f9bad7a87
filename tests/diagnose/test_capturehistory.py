"""What is remembered of exchanges that are alike is what a plain look at each of them finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from unittest import mock

from hypothesis import example, given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.diagnose import capturehistory
from mbap.diagnose.capture import Captured
from mbap.diagnose.capturehistory import Histories
from mbap.diagnose.seen import Device, device
from mbap.diagnose.wording import Values, values_read, values_written
from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.pdu import MaskWriteRegister
from support.exchanging import exchange, exchanges

Place = tuple[Device, Table, int]
Moves = tuple[int, list[tuple[int, int]], bool]
"""What it was first, what it became when, and whether somebody wrote it."""


@dataclass
class Plain:
    """The same without anything kept for what is alike."""

    first: dict[Place, int] = field(default_factory=dict)
    now: dict[Place, int] = field(default_factory=dict)
    written: set[Place] = field(default_factory=set)
    steps: dict[Place, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, exchange: Captured) -> None:
        if exchange.request is None or exchange.response is None or exchange.exception is not None:
            return
        if exchange.request.writes and done(exchange):
            for place, value in self._values(exchange, values_written(exchange) or self._masked(exchange)):
                self.first.setdefault(place, value)
                self.now[place] = value
                self.written.add(place)
        for place, value in self._values(exchange, values_read(exchange)):
            self.first.setdefault(place, value)
            if self.now.setdefault(place, value) != value:
                self.now[place] = value
                self.steps[place].append((exchange.time, value))

    def _values(self, exchange: Captured, values: Values | None) -> list[tuple[Place, int]]:
        if values is None:
            return []
        table, address, items = values
        return [((device(exchange), table, at), int(value)) for at, value in enumerate(items, address)]

    def _masked(self, exchange: Captured) -> Values | None:
        request, table = exchange.request, Table.HOLDING_REGISTERS
        if not isinstance(request, MaskWriteRegister):
            return None
        old = self.now.get((device(exchange), table, request.address), 0)
        new = old & request.and_mask | request.or_mask & ~request.and_mask & 0xFFFF
        return Values(table, request.address, (new,))


def done(exchange: Captured) -> bool:
    try:
        assert exchange.request is not None
        exchange.request.decode_response(exchange.response or b"")
    except (ProtocolError, ExceptionResponse):
        return False
    return True


def found(captured: Sequence[Captured]) -> tuple[dict[Place, int], dict[Place, Moves]]:
    """What did not move, and what did, as `Histories` has it."""
    histories = Histories()
    for one in captured:
        histories.take(one, device(one))
    still, moved = {}, {}
    for of in histories.devices():
        for run in histories.runs(of):
            still.update({(of, run.table, at): value for at, value in enumerate(run.values, run.address)})
        for place in histories.moved(of):
            moved[of, place.table, place.address] = place.first, place.steps, place.written
    return still, moved


def expected(captured: Sequence[Captured]) -> tuple[dict[Place, int], dict[Place, Moves]]:
    plain = Plain()
    for one in captured:
        plain.take(one)
    still = {place: first for place, first in plain.first.items() if not plain.steps[place]}
    moved = {
        place: (plain.first[place], steps, place in plain.written)
        for place, steps in plain.steps.items()
        if steps
    }
    return still, moved


READ, READ_TWO, WRITE, MASK = "03 0000 0001", "03 0000 0002", "06 0000 0002", "16 0000 00f2 0025"
BOTH = "17 0000 0001 0000 0001 02 0001"


@given(exchanges(), st.sampled_from([1, 3, 4096]))
@example([exchange(at, BOTH, "17 02 0002") for at in range(3)], 4096)
@example([exchange(0, READ, "03 02 0001"), exchange(1, WRITE, WRITE), exchange(2, READ, "03 02 0001")], 4096)
@example(
    [
        exchange(0, READ, "03 02 0001"),
        exchange(1, READ_TWO, "03 04 00020000"),
        exchange(2, READ, "03 02 0001"),
    ],
    4096,
)
@example(
    [
        exchange(0, MASK, MASK),
        exchange(1, READ, "03 02 0010"),
        exchange(2, MASK, MASK),
        exchange(3, READ, "03 02 0015"),
    ],
    4096,
)
def test_histories_are_those_of_a_plain_look_at_each_exchange(captured: list[Captured], most: int) -> None:
    with mock.patch.object(capturehistory, "_MOST_SAME", most):
        assert found(captured) == expected(captured)


@given(exchanges(), st.integers(1, 6))
def test_steps_beyond_the_limit_are_left_out_and_the_values_are_known_all_the_same(
    captured: list[Captured], most: int
) -> None:
    histories, plain = Histories(), Plain()
    with mock.patch.object(capturehistory, "MOST_STEPS", most):
        for one in captured:
            histories.take(one, device(one))
            plain.take(one)
    steps = sum(len(moved.steps) for of in histories.devices() for moved in histories.moved(of))
    every = sum(map(len, plain.steps.values()))
    assert (steps, histories.left_out) == (min(every, most), max(every - most, 0))
