"""Reading a device through: all tables, and what it says of itself, within the requests that are allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.client.dialogue import carry_out
from mbap.diagnose.readthrough import Contents, read_through
from mbap.diagnose.scan.survey import Survey
from mbap.diagnose.scan.walk import Walk
from mbap.errors import ExceptionResponse, ResponseTimeout, Target
from mbap.protocol.pdu import ReadHoldingRegisters, ReportServerId, Request

Execute = Callable[[Request[Any]], Any]
Reach = tuple[Table, int, int]
HOLDING: Reach = (Table.HOLDING_REGISTERS, 0, 999)


class Fake:
    """A unit with holding registers only; *largest* registers in a read, and what a hole gives."""

    def __init__(self, values: dict[int, int], largest: int = 125, hole: Exception | None = None) -> None:
        self.values, self.largest = values, largest
        self.hole = hole or ExceptionResponse(2)
        self.asked: list[Request[Any]] = []

    def __call__(self, request: Request[Any]) -> Any:
        self.asked.append(request)
        if isinstance(request, ReportServerId):
            return b"\x07\xff"
        if not isinstance(request, ReadHoldingRegisters):
            raise ExceptionResponse(1)
        if request.count > self.largest:
            raise ExceptionResponse(3)
        wanted = range(request.address, request.address + request.count)
        if not all(address in self.values for address in wanted):
            raise self.hole
        return [self.values[address] for address in wanted]


def found(execute: Execute, *reaches: Reach, most: int = 100_000) -> Contents:
    walks = [Walk(*reach) for reach in reaches or (HOLDING,)]
    return carry_out(read_through(Survey(walks, most)), execute)


@given(st.sets(st.integers(0, 300), max_size=60), st.integers(1, 125))
def test_whatever_is_there_is_in_the_unit(addresses: set[int], largest: int) -> None:
    values = {address: address + 1 for address in addresses}
    unit = found(Fake(values, largest), (Table.HOLDING_REGISTERS, 0, 300)).unit()
    assert {run.address + at: value for run in unit.runs for at, value in enumerate(run.values)} == values
    assert unit.server_id == b"\x07\xff"
    assert unit.exception_status is None


@pytest.mark.parametrize("largest", [1, 16, 63, 124])
def test_the_largest_read_is_found(largest: int) -> None:
    assert found(Fake(dict.fromkeys(range(1000), 5), largest)).unit().largest_read == largest


def test_a_device_that_reads_all_has_no_limit() -> None:
    assert found(Fake(dict.fromkeys(range(1000), 5))).unit().largest_read is None


def test_what_it_says_of_itself_counts_among_the_requests() -> None:
    device = Fake({})
    contents = found(device, most=20)
    assert contents.survey.requests == len(device.asked) == 20


@pytest.mark.parametrize("begin", [0, 10, 40, 1000, 5000])
def test_a_few_registers_where_maps_begin_are_found_within_the_usual_bound(begin: int) -> None:
    values = dict.fromkeys(range(begin, begin + 4), 7)
    device = Fake(values)
    contents = found(device, *((table, 0, 9999) for table in Table), most=2000)
    assert [walk.values for walk in contents.survey.walks if walk.values] == [values]
    assert len(device.asked) <= 2000


def test_a_silent_device_ends_it() -> None:
    with pytest.raises(ResponseTimeout):
        found(Fake({}, hole=ResponseTimeout("no answer", Target())))


def test_a_unit_behind_a_gateway_that_is_gone_ends_it() -> None:
    with pytest.raises(ExceptionResponse, match="0B"):
        found(Fake({}, hole=ExceptionResponse(11)))
