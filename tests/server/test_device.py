"""Device: requests act on its tables, as the standard's own examples say."""

from __future__ import annotations

from typing import TypeVar

import pytest

from mbap.addresses import Table
from mbap.errors import IllegalDataAddress
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
from mbap.server.device import Device
from mbap.server.handler import Call, Peer

R = TypeVar("R")


def ask(device: Device, request: Request[R]) -> R:
    return device.handle(Call(request, 1, Peer()))


def device() -> Device:
    return Device(
        coils=[False] * 32,
        discrete_inputs={196: [False, False, True, True]},
        holding_registers={107: [555, 0, 100]},
        input_registers=[10],
    )


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (ReadCoils(0, 2), [False, False]),
        (ReadDiscreteInputs(197, 3), [False, True, True]),
        (ReadHoldingRegisters(107, 3), [555, 0, 100]),
        (ReadInputRegisters(0, 1), [10]),
    ],
)
def test_reads_give_what_is_in_the_table(request_: Request[object], answer: list[int]) -> None:
    assert ask(device(), request_) == answer


def test_a_coil_is_written() -> None:
    plc = device()
    ask(plc, WriteSingleCoil(3, True))
    assert plc.coils[2:5] == [False, True, False]


def test_coils_are_written_as_in_the_standards_example() -> None:
    plc = device()
    ask(plc, WriteMultipleCoils(19, [True, False, True, True, False, False, True, True, True, False]))
    assert plc.coils[19:29] == [True, False, True, True, False, False, True, True, True, False]


def test_registers_are_written() -> None:
    plc = device()
    ask(plc, WriteMultipleRegisters(108, [1, 2]))
    ask(plc, WriteSingleRegister(107, 9))
    assert plc.holding_registers[107:110] == [9, 1, 2]


def test_a_mask_changes_bits_as_in_the_standards_example() -> None:
    plc = Device(holding_registers={4: [0x12]})
    ask(plc, MaskWriteRegister(4, 0xF2, 0x25))
    assert plc.holding_registers[4] == 0x17


def test_a_write_and_read_in_one_writes_first() -> None:
    plc = Device(holding_registers=[1, 2, 3])
    assert ask(plc, ReadWriteMultipleRegisters(0, 3, 1, [9])) == [1, 9, 3]


def test_a_write_and_read_in_one_writes_nothing_when_the_read_would_fail() -> None:
    plc = Device(holding_registers=[1, 2, 3])
    with pytest.raises(IllegalDataAddress):
        ask(plc, ReadWriteMultipleRegisters(2, 2, 0, [9]))
    assert plc.holding_registers[0] == 1


def test_a_table_that_is_not_given_has_no_address() -> None:
    with pytest.raises(IllegalDataAddress):
        ask(Device(coils=[True]), ReadInputRegisters(0, 1))


def test_the_memory_of_a_table_can_be_asked_for() -> None:
    plc = device()
    assert plc.memory(Table.COILS) is plc.coils
    assert plc.memory(Table.INPUT_REGISTERS) is plc.input_registers
