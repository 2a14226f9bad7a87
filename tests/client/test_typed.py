"""mbap.client.typed: nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mbap import (
    Bits,
    IllegalDataAddress,
    MaskWriteRegister,
    ProtocolError,
    Quirks,
    ReadCoils,
    ReadHoldingRegisters,
    ReadInputRegisters,
    Registers,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.client.dialogue import carry_out
from mbap.client.leeway import Leeway
from mbap.client.typed import Answer, Given, Reading, Wire, reading, writing

STRICT = Leeway(Quirks(), "plc")


def answer(plan: Reading, answers: Sequence[Wire], leeway: Leeway = STRICT) -> Answer:
    """What *plan* makes of *answers*, one for each of its requests."""
    given = iter(answers)
    return carry_out(plan.dialogue(leeway), lambda request: next(given))


def spans(plan: Reading) -> list[tuple[int, int]]:
    """Address and count of each request."""
    return [request.spans()[0][1:3] for request in plan.requests]


@pytest.mark.parametrize(
    ("item", "request_"),
    [
        ("40108", ReadHoldingRegisters(107, 1)),
        ("40108:float32", ReadHoldingRegisters(107, 2)),
        ("ir0..9:int32", ReadInputRegisters(0, 10)),
        ("hr10.3", ReadHoldingRegisters(10, 1)),
        ("co0..9", ReadCoils(0, 10)),
        ("hr20:string/16", ReadHoldingRegisters(20, 16)),
        ("hr20..27:string", ReadHoldingRegisters(20, 8)),
    ],
)
def test_an_item_is_one_read(item: str, request_: Request[object]) -> None:
    assert reading(item).requests == (request_,)


def test_a_value_is_decoded_in_the_order_that_is_asked_for() -> None:
    assert answer(reading("40108:float32", "CDAB"), [Registers.of([0, 0x3FC0])]) == 1.5


def test_the_order_of_an_item_wins_over_the_order_for_all() -> None:
    assert answer(reading("40108:float32,ABCD", "CDAB"), [Registers.of([0x3FC0, 0])]) == 1.5


def test_a_span_is_a_list_and_a_single_value_is_not() -> None:
    assert answer(reading("hr0..1"), [Registers.of([1, 2])]) == [1, 2]
    assert answer(reading("hr0..0"), [Registers.of([1])]) == [1]
    assert answer(reading("hr0"), [Registers.of([1])]) == 1


def test_bits_and_bits_of_registers_are_bools() -> None:
    assert answer(reading("co0..2"), [Bits.of([True, False, True])]) == [True, False, True]
    assert answer(reading("hr0.15"), [Registers.of([0x8000])]) is True


def test_a_long_span_is_cut_between_values() -> None:
    plan = reading("hr0..299:int32")
    assert spans(plan) == [(0, 124), (124, 124), (248, 52)]
    answers = [Registers(bytes(2 * count)) for _, count in spans(plan)]
    assert answer(plan, answers) == [0] * 150


def holes(*undefined: int) -> Callable[[Any], Registers]:
    """A device that refuses a read which touches one of *undefined*; registers hold their address."""

    def execute(request: Any) -> Registers:
        asked = range(request.address, request.address + request.count)
        if set(asked) & set(undefined):
            raise IllegalDataAddress
        return Registers.of(list(asked))

    return execute


def test_undefined_registers_are_found_where_the_device_refuses_them_and_are_none() -> None:
    leeway = Leeway(Quirks(no_gaps=True), "plc")
    found = carry_out(reading("hr0..6").dialogue(leeway), holes(2, 5))
    assert found == [0, 1, None, 3, 4, None, 6]
    assert leeway.counts == {"no_gaps": 1}


def test_values_of_several_registers_are_never_divided() -> None:
    leeway = Leeway(Quirks(no_gaps=True), "plc")
    found = carry_out(reading("hr0..7:uint32").dialogue(leeway), holes(3))
    assert found == [0x00000001, None, 0x00040005, 0x00060007]


@pytest.mark.parametrize(
    ("item", "undefined", "quirks"),
    [
        ("hr0..6", (2,), Quirks()),
        ("hr2", (2,), Quirks(no_gaps=True)),
        ("hr0..2", (0, 1, 2), Quirks(no_gaps=True)),
    ],
    ids=["without the quirk", "one value", "all undefined"],
)
def test_a_refusal_is_raised_where_there_is_nothing_to_find(
    item: str, undefined: tuple[int, ...], quirks: Quirks
) -> None:
    with pytest.raises(IllegalDataAddress):
        carry_out(reading(item).dialogue(Leeway(quirks, "plc")), holes(*undefined))


def test_fewer_registers_than_a_value_takes_are_an_error_even_where_short_answers_are_allowed() -> None:
    with pytest.raises(ProtocolError, match="1 of 2 registers came"):
        answer(reading("hr0:float32"), [Registers.of([1])])


def test_of_a_short_answer_to_a_span_the_values_that_came_whole_are_given() -> None:
    assert answer(reading("hr0..5:uint32"), [Registers.of([0, 7, 0])]) == [7, None, None]


def test_a_long_span_of_coils_is_cut_at_2000() -> None:
    assert [count for _, count in spans(reading("co0..4999"))] == [2000, 2000, 1000]


def test_each_value_has_its_address() -> None:
    assert list(reading("hr10..15:float32").addresses) == [10, 12, 14]


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ("hr0..2:float32", "hr0..2:float32: 3 registers are no whole number of float32"),
        ("hr0:flot32", "hr0:flot32: .*did you mean float32"),
        ("hr65535:float32", "beyond address 65535"),
        ("40000", "40000"),
        ("hr0:float32,XYZ", "no order"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(item: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        reading(item)


@pytest.mark.parametrize(
    ("item", "given", "request_"),
    [
        ("hr10", 42, WriteSingleRegister(10, 42)),
        ("hr10:int16", -1, WriteSingleRegister(10, 0xFFFF)),
        ("40108:float32", 1.5, WriteMultipleRegisters(107, [0x3FC0, 0])),
        ("co3", True, WriteSingleCoil(3, True)),
        ("co0..2", [True, False, True], WriteMultipleCoils(0, [True, False, True])),
        ("hr0..2", [1, 2, 3], WriteMultipleRegisters(0, [1, 2, 3])),
        ("hr10.3", True, MaskWriteRegister(10, 0xFFF7, 0x0008)),
        ("hr10.3", False, MaskWriteRegister(10, 0xFFF7, 0x0000)),
        ("hr0..1:string", ["ab"], WriteMultipleRegisters(0, [0x6162, 0])),
    ],
)
def test_a_value_is_written_by_one_request(item: str, given: Given, request_: Request[None]) -> None:
    assert writing(item, given).request == request_


@pytest.mark.parametrize(
    ("item", "given", "complaint"),
    [
        ("ir0", 1, r"ir0: input register 0 \(reference 30001\) can only be read"),
        ("di0", True, "can only be read"),
        ("hr0", 65536, "65536"),
        ("hr0", [1], "one value is needed"),
        ("hr0", None, "one value is needed"),
        ("hr0..1", 1, "a span takes a list"),
        ("hr0..1", "ab", "a span takes a list"),
        ("hr0..1", [1, 2, 3], "2 values are needed, not 3"),
        ("co0", 2, "true or false"),
        ("hr0..129", [0] * 130, "123"),
    ],
)
def test_what_cannot_be_written_is_a_sentence(item: str, given: Given, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        writing(item, given)


def test_reading_back_compares_what_is_in_the_registers() -> None:
    plan = writing("40108:float32", 0.1)
    assert plan.read_back == ReadHoldingRegisters(107, 2)
    assert plan.agrees(Registers.of([0x3DCC, 0xCCCD]))
    assert not plan.agrees(Registers.of([0x3DCC, 0xCCCC]))


def test_reading_back_one_bit_looks_at_that_bit_alone() -> None:
    plan = writing("hr10.3", True)
    assert plan.agrees(Registers.of([0xFFFF]))
    assert not plan.agrees(Registers.of([0xFFF7]))
    assert plan.values(Registers.of([0x0008])) == [True]
