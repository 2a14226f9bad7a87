"""Devices laid out as a profile says."""

from __future__ import annotations

from typing import TypeVar

import pytest

from mbap.addresses import Table
from mbap.collect.profiles import load_profile
from mbap.errors import IllegalDataAddress, IllegalDataValue
from mbap.protocol.pdu import (
    ReadHoldingRegisters,
    Request,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.server.handler import Call, Peer
from mbap.server.profiled import Place, ProfiledDevice, built_in_places
from mbap.values import Encoding

R = TypeVar("R")
HOLDING = Table.HOLDING_REGISTERS
PLACES = {
    "speed": Place(HOLDING, 10, Encoding("uint16", scale=0.01), writable=(0.0, 100.0)),
    "limit": Place(HOLDING, 11, Encoding("float32"), writable=(0.0, 5.0)),
    "energy": Place(HOLDING, 15, Encoding("uint32")),
    "on": Place(Table.COILS, 3, writable=(0.0, 1.0)),
    "locked": Place(Table.COILS, 4),
}


@pytest.fixture
def device() -> ProfiledDevice:
    return ProfiledDevice(PLACES)


def ask(device: ProfiledDevice, request: Request[R]) -> R:
    return device.handle(Call(request, 1, Peer()))


@pytest.mark.parametrize("name", ["sdm630", "sdm120", "demo_pump_drive", "demo_tank", "demo_heat_pump"])
def test_places_are_those_of_the_profile(name: str) -> None:
    places = built_in_places(name)
    expected = {
        point.name: Place(point.table, point.address, point.encoding, point.writable)
        for point in load_profile(name).points
    }
    assert places == expected


def test_a_value_that_was_put_is_read_by_its_name(device: ProfiledDevice) -> None:
    device.put({"speed": 45.5, "on": True})
    assert (device.value("speed"), device.value("on")) == (45.5, True)


def test_a_value_that_was_put_is_read_from_its_registers(device: ProfiledDevice) -> None:
    device.put({"speed": 45.5})
    assert ask(device, ReadHoldingRegisters(10, 1)) == [4550]


def test_what_no_point_takes_reads_as_0(device: ProfiledDevice) -> None:
    assert ask(device, ReadHoldingRegisters(13, 2)) == [0, 0]


def test_an_unknown_name_is_a_key_error(device: ProfiledDevice) -> None:
    with pytest.raises(KeyError):
        device.put({"sped": 1})


def test_a_writable_point_is_written(device: ProfiledDevice) -> None:
    ask(device, WriteMultipleRegisters(10, [1_000, *Encoding("float32").encode(2.5)]))
    assert (device.value("speed"), device.value("limit")) == (10.0, 2.5)


@pytest.mark.parametrize(
    "request_",
    [
        WriteMultipleRegisters(15, [0, 1]),  # not writable
        WriteSingleRegister(11, 1),  # half of a value
        WriteSingleRegister(12, 1),  # the other half
        WriteMultipleRegisters(10, [1, 2, 3, 4]),  # and one that no point takes
        WriteSingleCoil(4, True),
    ],
)
def test_what_is_not_a_whole_writable_point_is_refused_with_02(
    device: ProfiledDevice, request_: Request[None]
) -> None:
    with pytest.raises(IllegalDataAddress):
        ask(device, request_)


def test_a_value_out_of_its_range_is_refused_with_03_and_nothing_is_written(device: ProfiledDevice) -> None:
    with pytest.raises(IllegalDataValue):
        ask(device, WriteMultipleRegisters(10, [1_000, *Encoding("float32").encode(6.0)]))
    assert device.value("speed") == 0.0
