"""security.facets: an exchange taken apart."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu import (
    Diagnostics,
    EncapsulatedInterface,
    MaskWriteRegister,
    Opaque,
    ReadHoldingRegisters,
    ReadWriteMultipleRegisters,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.security.facets import Run, coils_of, function_of, named, registers_of, same_request
from support.watching import exchange


@pytest.mark.parametrize(
    ("request_", "function"),
    [
        (ReadHoldingRegisters(0, 1), "3"),
        (Diagnostics(1, b"\0\0"), "8/1"),
        (EncapsulatedInterface(14, b"\x01\0"), "43/14"),
        (Opaque(90, b"\0"), "90"),
    ],
)
def test_a_function_is_told_from_others(request_: Request[Any], function: str) -> None:
    assert function_of(exchange(request_)) == function


def test_what_breaks_the_standard_is_told_from_all_functions() -> None:
    broken = Exchange(0, "a", 1, "b", 2, 1, 1, None, b"\x03\x00")
    assert function_of(broken) == "malformed"
    assert (list(registers_of(broken)), list(coils_of(broken))) == ([], [])
    assert named("malformed") == "requests that break the standard"


@pytest.mark.parametrize("code", [5, 6, 15, 16, 23])
def test_a_class_of_a_user_may_make_something_else_of_a_function(code: int) -> None:
    own = exchange(Opaque(code, b"\0"))
    assert (list(registers_of(own)), list(coils_of(own))) == ([], [])


def test_of_an_answer_alone_the_function_is_known() -> None:
    assert function_of(Exchange(0, "a", 1, "b", 2, 1, 1, None, b"", b"\x83\x02")) == "3"


@pytest.mark.parametrize(
    ("request_", "registers"),
    [
        (WriteSingleRegister(5, 7), [(5, 7)]),
        (WriteMultipleRegisters(5, [7, 8]), [(5, 7), (6, 8)]),
        (ReadWriteMultipleRegisters(0, 1, 9, [3, 4]), [(9, 3), (10, 4)]),
        (MaskWriteRegister(5, 1, 2), []),
        (ReadHoldingRegisters(0, 9), []),
    ],
)
def test_registers_that_are_written(request_: Request[Any], registers: list[tuple[int, int]]) -> None:
    assert list(registers_of(exchange(request_))) == registers


@pytest.mark.parametrize("on", [True, False])
def test_one_coil(on: bool) -> None:
    assert list(coils_of(exchange(WriteSingleCoil(3, on)))) == [Run(3, 3, on)]


@given(st.integers(0, 100), st.lists(st.booleans(), min_size=1, max_size=60))
def test_many_coils(address: int, values: list[bool]) -> None:
    runs = list(coils_of(exchange(WriteMultipleCoils(address, values))))
    assert [run.on for run in runs for _ in range(run.first, run.last + 1)] == values
    assert runs[0].first == address
    assert all(one.last + 1 == other.first for one, other in itertools.pairwise(runs))


def test_the_same_request_is_that_of_one_client_to_one_unit() -> None:
    one = exchange(ReadHoldingRegisters(0, 1))
    assert same_request(one) == same_request(exchange(ReadHoldingRegisters(0, 1), time=99))
    others = [
        exchange(ReadHoldingRegisters(0, 2)),
        exchange(ReadHoldingRegisters(0, 1), unit=2),
        exchange(ReadHoldingRegisters(0, 1), client="10.0.0.6"),
        exchange(ReadHoldingRegisters(0, 1), server="plc2"),
    ]
    assert same_request(one) not in {same_request(other) for other in others}
