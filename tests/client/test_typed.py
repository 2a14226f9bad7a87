"""mbap.client.typed: nothing is sent here."""

from __future__ import annotations

import pytest

from mbap import (
    Bits,
    MaskWriteRegister,
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
from mbap.client.typed import Given, Reading, reading, writing


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
    assert reading("40108:float32", "CDAB").answer([Registers.of([0, 0x3FC0])]) == 1.5


def test_the_order_of_an_item_wins_over_the_order_for_all() -> None:
    assert reading("40108:float32,ABCD", "CDAB").answer([Registers.of([0x3FC0, 0])]) == 1.5


def test_a_span_is_a_list_and_a_single_value_is_not() -> None:
    assert reading("hr0..1").answer([Registers.of([1, 2])]) == [1, 2]
    assert reading("hr0..0").answer([Registers.of([1])]) == [1]
    assert reading("hr0").answer([Registers.of([1])]) == 1


def test_bits_and_bits_of_registers_are_bools() -> None:
    assert reading("co0..2").answer([Bits.of([True, False, True])]) == [True, False, True]
    assert reading("hr0.15").answer([Registers.of([0x8000])]) is True


def test_a_long_span_is_cut_between_values() -> None:
    plan = reading("hr0..299:int32")
    assert spans(plan) == [(0, 124), (124, 124), (248, 52)]
    answers = [Registers(bytes(2 * count)) for _, count in spans(plan)]
    assert plan.answer(answers) == [0] * 150


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
