"""Simulated devices: values move with the clock, all of one read for one moment, and writes stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbap.addresses import Table
from mbap.errors import GatewayPathUnavailable
from mbap.protocol.pdu import ReadCoils, ReadHoldingRegisters, WriteMultipleRegisters, WriteSingleCoil
from mbap.server.devicefile import parse_device_file
from mbap.server.handler import Call, Peer
from mbap.server.simulator import SimulatedDevice, Simulation, load_device_file
from support.hand_clock import HandClock

HOLDING = Table.HOLDING_REGISTERS

FILE = """\
[units.1.holding]
0 = 7
10 = { wave = "ramp", low = 0, high = 100, period = "100s" }
12 = { counter = 65534, type = "uint32" }
[units.1.coil]
0 = { wave = "square", period = "10s" }
1 = true
"""


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def device(clock: HandClock) -> SimulatedDevice:
    return Simulation(parse_device_file(FILE), clock).units[1]


def read(device: SimulatedDevice, address: int, count: int = 1) -> list[int]:
    answer = device.handle(Call(ReadHoldingRegisters(address, count), 1, Peer()))
    return list(answer)


def coil(device: SimulatedDevice) -> bool:
    return device.handle(Call(ReadCoils(0, 1), 1, Peer()))[0]


def write(device: SimulatedDevice, address: int, *values: int) -> None:
    device.handle(Call(WriteMultipleRegisters(address, values), 1, Peer()))


def test_a_value_moves_with_the_clock(device: SimulatedDevice, clock: HandClock) -> None:
    assert read(device, 10) == [0]
    clock.now += 40.0
    assert read(device, 10) == [40]


def test_a_coil_moves_with_the_clock(device: SimulatedDevice, clock: HandClock) -> None:
    assert coil(device) is True
    clock.now += 6.0
    assert coil(device) is False


def test_a_value_of_several_registers_is_never_half_new(device: SimulatedDevice, clock: HandClock) -> None:
    clock.now += 5.0
    assert read(device, 12, 2) == [1, 3]


def test_a_read_that_touches_one_register_of_a_value_gets_its_newest(
    device: SimulatedDevice, clock: HandClock
) -> None:
    clock.now += 5.0
    assert read(device, 13) == [3]


def test_what_does_not_move_stays(device: SimulatedDevice, clock: HandClock) -> None:
    clock.now += 40.0
    assert read(device, 0) == [7]


def test_a_written_value_stays(device: SimulatedDevice, clock: HandClock) -> None:
    write(device, 10, 99)
    clock.now += 40.0
    assert read(device, 10) == [99]


def test_a_write_into_half_of_a_value_stops_it(device: SimulatedDevice, clock: HandClock) -> None:
    clock.now += 5.0
    read(device, 12, 2)
    write(device, 13, 77)
    clock.now += 5.0
    assert read(device, 12, 2) == [1, 77]


def test_a_write_leaves_its_neighbours_moving(device: SimulatedDevice, clock: HandClock) -> None:
    write(device, 10, 99)
    clock.now += 5.0
    assert read(device, 13) == [3]


def test_a_written_coil_stays(device: SimulatedDevice, clock: HandClock) -> None:
    device.handle(Call(WriteSingleCoil(0, True), 1, Peer()))
    clock.now += 6.0
    assert coil(device) is True


def test_python_sees_moving_values_after_a_refresh(device: SimulatedDevice, clock: HandClock) -> None:
    clock.now += 40.0
    device.refresh(HOLDING)
    assert device.holding_registers[10] == 40


def test_a_file_becomes_a_handler_with_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text(
        "[device]\nname = 'Pump'\nunknown_units = '0A'\n[units.1.holding]\n0 = 5\n"
        "[faults]\nsilent = { probability = 1 }",
        encoding="utf-8",
    )
    simulation = load_device_file(path)
    assert simulation.name == "Pump"
    assert simulation.faults is not None
    assert simulation.handle(Call(ReadHoldingRegisters(0, 1), 1, Peer())) == [5]
    with pytest.raises(GatewayPathUnavailable):
        simulation.handle(Call(ReadHoldingRegisters(0, 1), 2, Peer()))


def test_units_that_are_not_named_are_answered_by_any() -> None:
    simulation = Simulation(parse_device_file("[units.any.holding]\n0 = 5"))
    assert simulation.handle(Call(ReadHoldingRegisters(0, 1), 77, Peer())) == [5]


def test_a_file_without_faults_has_none() -> None:
    assert Simulation(parse_device_file(FILE)).faults is None
