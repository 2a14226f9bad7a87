"""Reading a device through: all that is there is found, around holes, limits and silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.client.dialogue import carry_out
from mbap.diagnose.readthrough import Contents, Journal, Reach, read_through
from mbap.errors import ExceptionResponse, ResponseTimeout, Target
from mbap.protocol.pdu import ReadHoldingRegisters, Request

Execute = Callable[[Request[Any]], Any]
HOLDING = Reach(Table.HOLDING_REGISTERS, 0, 999)


class Fake:
    """A unit with holding registers only; *largest* registers in a read, and what a hole gives."""

    def __init__(self, values: dict[int, int], largest: int = 125, hole: Exception | None = None) -> None:
        self.values, self.largest = values, largest
        self.hole = hole or ExceptionResponse(2)
        self.asked: list[Request[Any]] = []

    def __call__(self, request: Request[Any]) -> Any:
        self.asked.append(request)
        if not isinstance(request, ReadHoldingRegisters):
            raise ExceptionResponse(1)
        if request.count > self.largest:
            raise ExceptionResponse(3)
        wanted = range(request.address, request.address + request.count)
        if not all(address in self.values for address in wanted):
            raise self.hole
        return [self.values[address] for address in wanted]


def found(execute: Execute, *reaches: Reach, most: int = 100_000) -> Contents:
    return carry_out(read_through(reaches or (HOLDING,), most), execute)


@given(st.sets(st.integers(0, 300), max_size=60), st.integers(1, 125))
def test_whatever_is_there_is_found(addresses: set[int], largest: int) -> None:
    values = {address: address + 1 for address in addresses}
    contents = found(Fake(values, largest), Reach(Table.HOLDING_REGISTERS, 0, 300))
    assert contents.values[Table.HOLDING_REGISTERS] == values
    assert sorted(contents.missing[Table.HOLDING_REGISTERS]) == sorted(set(range(301)) - addresses)
    assert contents.unknown == []


def test_what_is_there_as_a_whole_takes_few_requests() -> None:
    device = Fake(dict.fromkeys(range(1000), 5))
    found(device)
    assert sum(isinstance(one, ReadHoldingRegisters) for one in device.asked) == 8


def test_the_end_of_a_block_is_found_in_few_requests() -> None:
    device = Fake(dict.fromkeys(range(130), 5))
    contents = found(device, most=60)
    assert len(contents.values[Table.HOLDING_REGISTERS]) == 130


@pytest.mark.parametrize("largest", [1, 2, 16, 50, 63, 100, 124])
def test_the_largest_read_is_found(largest: int) -> None:
    device = Fake(dict.fromkeys(range(1000), 5), largest)
    contents = found(device)
    assert (contents.largest_read, len(contents.values[Table.HOLDING_REGISTERS])) == (largest, 1000)


def test_a_device_that_reads_all_has_no_limit() -> None:
    assert found(Fake(dict.fromkeys(range(1000), 5))).largest_read is None


def test_a_table_that_is_not_there_takes_one_request() -> None:
    device = Fake({})
    contents = found(device, Reach(Table.COILS, 0, 9999))
    assert contents.absent == [Table.COILS]
    assert sum(one.function_code == 1 for one in device.asked) == 1


def test_requests_are_bounded_and_the_rest_is_said() -> None:
    contents = found(Fake({}), most=20)
    assert contents.requests == 20
    missing = len(contents.missing[HOLDING.table])
    assert sum(one.last - one.first + 1 for one in contents.unknown) == 1000 - missing


@pytest.mark.parametrize("begin", [0, 10, 40, 1000, 5000])
def test_a_few_registers_where_maps_begin_are_found_within_the_usual_bound(begin: int) -> None:
    values = dict.fromkeys(range(begin, begin + 4), 7)
    reaches = [Reach(table, 0, 9999) for table in Table]
    device = Fake(values)
    contents = found(device, *reaches, most=2000)
    assert contents.values[Table.HOLDING_REGISTERS] == values


def test_a_silent_device_ends_it() -> None:
    device = Fake({}, hole=ResponseTimeout("no answer", Target()))
    with pytest.raises(ResponseTimeout):
        found(device)
    assert sum(isinstance(one, ReadHoldingRegisters) for one in device.asked) == 4


def test_a_unit_behind_a_gateway_that_is_gone_ends_it() -> None:
    with pytest.raises(ExceptionResponse, match="0B"):
        found(Fake({}, hole=ExceptionResponse(11)))


def test_the_share_that_is_done_rises_to_all_of_it() -> None:
    shares: list[float] = []
    carry_out(read_through([HOLDING], 9999, shares.append), Fake(dict.fromkeys(range(0, 1000, 3), 1)))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@given(st.integers(0, 60))
def test_broken_off_it_goes_on_where_it_was(at: int) -> None:
    device = Registers({address: address for address in range(0, 200, 7)})
    reach = Reach(Table.HOLDING_REGISTERS, 0, 199)
    lines: list[str] = []

    def once(request: Request[Any]) -> Any:
        if len(lines) >= at:
            raise KeyboardInterrupt
        return Journal([], lines.append).execute(request, device)

    with pytest.raises(KeyboardInterrupt):
        found(once, reach)
    before = len(device.asked)
    journal = Journal([*lines, "0300"], lines.append)
    contents = found(lambda request: journal.execute(request, device), reach)
    assert contents.values[Table.HOLDING_REGISTERS] == device.values
    asked = [request.encode() for request in device.asked]
    assert len(set(asked)) == len(asked) >= before == at


class Registers(Fake):
    """The same, whose answers are as a client gives them."""

    def __call__(self, request: Request[Any]) -> Any:
        from mbap import Registers as Answer

        return Answer.of(super().__call__(request))
