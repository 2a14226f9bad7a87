"""What `Writes` finds by what it knows of exchanges that are alike is what a plain look at each finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from unittest import mock

from hypothesis import example, given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.diagnose import seen
from mbap.diagnose.capture import Captured
from mbap.diagnose.capturewrites import Write, Writes
from mbap.diagnose.seen import Device, device
from mbap.diagnose.wording import Values, values_read, values_written
from mbap.protocol.pdu import MaskWriteRegister
from support.exchanging import exchange, exchanges

Place = tuple[Device, Table, int]
Found = tuple[Table, int, tuple[int | None, ...], tuple[int, ...] | None]
"""Table, address, what was there, what is to be."""


@dataclass
class Plain:
    """The same without pages, and without anything kept for what is alike."""

    known: dict[Place, int] = field(default_factory=dict)

    def take(self, exchange: Captured) -> Found | None:
        request = exchange.request
        if request is None:
            return None
        read = values_read(exchange)
        if not request.writes:
            self._put(exchange, read)
            return None
        table, address, count, _ = next(span for span in request.spans() if span[3])
        old = tuple(self.known.get((device(exchange), table, at)) for at in range(address, address + count))
        written = values_written(exchange) or self._masked(exchange, old[0])
        if exchange.response is not None and exchange.exception is None:
            self._put(exchange, written)
            self._put(exchange, read)
        return table, address, old, None if written is None else tuple(map(int, written.values))

    def _put(self, exchange: Captured, values: Values | None) -> None:
        if values is not None:
            for at, value in enumerate(values.values, values.address):
                self.known[device(exchange), values.table, at] = int(value)

    @staticmethod
    def _masked(exchange: Captured, old: int | None) -> Values | None:
        request = exchange.request
        if not isinstance(request, MaskWriteRegister) or old is None:
            return None
        new = old & request.and_mask | request.or_mask & ~request.and_mask & 0xFFFF
        return Values(Table.HOLDING_REGISTERS, request.address, (new,))


def parts(write: Write | None) -> Found | None:
    if write is None:
        return None
    assert write.table is not None
    return write.table, write.address, write.old, write.new


READ, WRITE, OTHER = "03 0000 0001", ("06 0000 0002",) * 2, ("06 0000 0013",) * 2
MASK, BOTH = ("16 0000 00f2 0025",) * 2, ("17 0000 0001 0001 0001 02 0001", "17 02 0002")
COILS = "0f 0000 0003 01 02", "0f 0000 0003"
ON_TWO_PAGES, BEHIND = ("10 00ff 0002 04 0001 0002", "10 00ff 0002"), ("06 0100 0003",) * 2


def in_turn(*asked: tuple[str, str]) -> list[Captured]:
    return [exchange(time, *one) for time, one in enumerate(asked)]


@given(exchanges(), st.sampled_from([1, 3, 4096]))
@example(in_turn(COILS, COILS), 4096)
@example(in_turn(WRITE, OTHER, WRITE, OTHER), 4096)
@example(in_turn(WRITE, (READ, "03 02 0001"), WRITE), 4096)
@example(in_turn((READ, "03 02 0001"), WRITE, (READ, "03 02 0001"), OTHER), 4096)
@example(in_turn((READ, "03 02 0001"), WRITE, (READ, "03 02 0005"), OTHER), 4096)
@example(in_turn(WRITE, (READ, "03 02 0001"), (WRITE[0], "86 02"), OTHER), 4096)
@example(in_turn(WRITE, MASK, OTHER, MASK), 4096)
@example(in_turn(BOTH, BOTH, OTHER), 4096)
@example(in_turn(ON_TWO_PAGES, BEHIND, ON_TWO_PAGES, BEHIND), 4096)
def test_old_and_new_values_are_those_of_a_plain_look_at_each_exchange(
    captured: list[Captured], most: int
) -> None:
    writes, plain = Writes(), Plain()
    with mock.patch.object(seen, "_MOST_PLACES", most):
        assert [parts(writes.take(one)) for one in captured] == [plain.take(one) for one in captured]
