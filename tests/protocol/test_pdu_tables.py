"""The function codes of the four tables: what they do to a device, what they touch, wrong arguments."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mbap.addresses import Table
from mbap.errors import IllegalDataAddress, ProtocolError
from mbap.protocol.pdu import (
    MaskWriteRegister,
    ReadCoils,
    ReadDiscreteInputs,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.protocol.wire import Bits, Registers
from mbap.server.device import Device

COILS, INPUTS, HOLDING, INPUT = (
    Table.COILS,
    Table.DISCRETE_INPUTS,
    Table.HOLDING_REGISTERS,
    Table.INPUT_REGISTERS,
)


def device() -> Device:
    return Device(
        coils=[True, False] * 4,
        discrete_inputs=[False, True] * 4,
        holding_registers=range(8),
        input_registers=range(100, 108),
    )


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        (ReadCoils(0, 3), [True, False, True]),
        (ReadDiscreteInputs(0, 3), [False, True, False]),
        (ReadHoldingRegisters(5, 3), [5, 6, 7]),
        (ReadInputRegisters(5, 3), [105, 106, 107]),
    ],
)
def test_a_read_gives_what_is_there(request_: Request[object], result: object) -> None:
    assert request_.apply(device()) == result


@pytest.mark.parametrize(
    ("request_", "coils"),
    [
        (WriteSingleCoil(1, True), [True, True, True, False]),
        (WriteMultipleCoils(1, [True, False, True]), [True, True, False, True]),
    ],
)
def test_coils_are_switched(request_: Request[None], coils: list[bool]) -> None:
    made = device()
    request_.apply(made)
    assert made.coils[:4] == coils


@pytest.mark.parametrize(
    ("request_", "registers"),
    [
        (WriteSingleRegister(1, 9), [0, 9, 2, 3]),
        (WriteMultipleRegisters(1, [9, 8]), [0, 9, 8, 3]),
        (MaskWriteRegister(3, 0xFFFE, 0x0010), [0, 1, 2, 2]),
        (MaskWriteRegister(3, 0xFFFC, 0x0001), [0, 1, 2, 1]),
    ],
)
def test_registers_are_written(request_: Request[None], registers: list[int]) -> None:
    made = device()
    request_.apply(made)
    assert made.holding_registers[:4] == registers


def test_read_write_writes_first() -> None:
    """H065"""
    assert ReadWriteMultipleRegisters(0, 3, 1, [9, 8]).apply(device()) == [0, 9, 8]


@pytest.mark.parametrize(
    "request_", [ReadWriteMultipleRegisters(7, 2, 1, [9]), ReadWriteMultipleRegisters(0, 1, 7, [9, 9])]
)
def test_read_write_outside_writes_nothing(request_: ReadWriteMultipleRegisters) -> None:
    """H064"""
    made = device()
    with pytest.raises(IllegalDataAddress):
        request_.apply(made)
    assert made.holding_registers[:8] == list(range(8))


@pytest.mark.parametrize(
    ("request_", "spans"),
    [
        (ReadCoils(1, 2), ((COILS, 1, 2, False),)),
        (ReadDiscreteInputs(1, 2), ((INPUTS, 1, 2, False),)),
        (ReadHoldingRegisters(1, 2), ((HOLDING, 1, 2, False),)),
        (ReadInputRegisters(1, 2), ((INPUT, 1, 2, False),)),
        (WriteSingleCoil(1, True), ((COILS, 1, 1, True),)),
        (WriteSingleRegister(1, 2), ((HOLDING, 1, 1, True),)),
        (WriteMultipleCoils(1, [True] * 9), ((COILS, 1, 9, True),)),
        (WriteMultipleRegisters(1, [2, 3]), ((HOLDING, 1, 2, True),)),
        (MaskWriteRegister(1, 0, 0), ((HOLDING, 1, 1, True),)),
        (ReadWriteMultipleRegisters(1, 2, 3, [4]), ((HOLDING, 3, 1, True), (HOLDING, 1, 2, False))),
    ],
)
def test_spans_are_what_is_touched_in_order(request_: Request[object], spans: object) -> None:
    assert request_.spans() == spans


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ReadCoils(-1, 1), "address is 0 to 65535, not -1"),
        (lambda: ReadCoils(0, 2001), "count is 1 to 2000, not 2001"),
        (lambda: ReadHoldingRegisters(0, 0), "count is 1 to 125, not 0"),
        (lambda: ReadInputRegisters(65535, 2), "2 from address 65535 go beyond address 65535"),
        (lambda: WriteSingleRegister(0, 65536), "value is 0 to 65535, not 65536"),
        (lambda: WriteMultipleCoils(0, []), "count is 1 to 1968, not 0"),
        (lambda: WriteMultipleRegisters(0, [0] * 124), "count is 1 to 123, not 124"),
        (lambda: WriteMultipleRegisters(0, [70000]), "a register is an int from 0 to 65535, not 70000"),
        (lambda: MaskWriteRegister(0, 65536, 0), "and_mask is 0 to 65535"),
        (lambda: ReadWriteMultipleRegisters(0, 1, 0, [0] * 122), "count is 1 to 121, not 122"),
    ],
)
def test_wrong_arguments_are_named(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_a_result_of_another_count_is_never_packed() -> None:
    with pytest.raises(ValueError, match="3 bits were asked for, not 2"):
        ReadCoils(0, 3).encode_response(Bits.of([True, False]))
    with pytest.raises(ValueError, match="3 registers were asked for, not 2"):
        ReadHoldingRegisters(0, 3).encode_response(Registers.of([1, 2]))


@pytest.mark.parametrize("request_", [WriteMultipleCoils(1, [True] * 9), WriteMultipleRegisters(1, [1] * 9)])
def test_the_count_of_a_write_is_that_of_its_values(
    request_: WriteMultipleCoils | WriteMultipleRegisters,
) -> None:
    assert request_.count == 9


def test_an_answer_without_a_byte_count_says_so() -> None:
    with pytest.raises(ProtocolError, match="the answer is without a byte count"):
        ReadHoldingRegisters(0, 3).decode_response(b"\x03")
