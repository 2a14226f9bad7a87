"""Simulated devices: values move with the clock, all of one read for one moment, and writes stay."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest

from mbap.addresses import Table
from mbap.errors import (
    GatewayPathUnavailable,
    IllegalDataAddress,
    IllegalDataValue,
    NoAnswer,
    ServerDeviceFailure,
)
from mbap.protocol.pdu import (
    FileRecord,
    ReadCoils,
    ReadDeviceIdentification,
    ReadExceptionStatus,
    ReadFifoQueue,
    ReadFileRecord,
    ReadHoldingRegisters,
    ReportServerId,
    Request,
    WriteMultipleRegisters,
    WriteSingleCoil,
)
from mbap.server.admission import Admission
from mbap.server.devicefile import parse_device_file
from mbap.server.handler import Call, Peer
from mbap.server.simulator import SimulatedDevice, Simulation, load_device_file
from support.hand_clock import HandClock

HOLDING = Table.HOLDING_REGISTERS
R = TypeVar("R")

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


@pytest.mark.parametrize(
    ("written", "after"),
    [("", [99, 99, 99]), (', written = "stays"', [99, 99, 99]), (', written = "passes"', [99, 8, 5])],
)
def test_what_is_written_into_steps_stays_or_passes(clock: HandClock, written: str, after: list[int]) -> None:
    steps = f"{{ steps = [['0s', 5], ['10s', 8]], period = '20s'{written} }}"
    device = simulated(f"[units.1.holding]\n0 = {steps}", clock)
    clock.now += 3.0
    write(device, 0, 99)
    found = []
    for seconds in (6.0, 2.0, 10.0):
        clock.now += seconds
        found += read(device, 0)
    assert found == after


def test_a_formula_sees_what_a_client_wrote_until_the_next_step(clock: HandClock) -> None:
    steps = "{ steps = [['0s', 5], ['10s', 8]], written = 'passes' }"
    device = simulated(f"[units.1.holding]\n0 = {steps}\n1 = {{ formula = 'hr0 + 1' }}", clock)
    write(device, 0, 99)
    assert read(device, 0, 2) == [99, 100]
    clock.now += 10.0
    assert read(device, 0, 2) == [8, 9]


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


def simulated(text: str, clock: HandClock) -> SimulatedDevice:
    return Simulation(parse_device_file(text), clock).units[1]


FORMULAS = """\
[units.1.holding]
0 = { value = 2.5, type = "float32" }
2 = { formula = "hr0 * 2 + hr4", type = "float32" }
4 = { wave = "ramp", low = 0, high = 100, period = "100s" }
5 = { formula = "hr2 / 5" }
6 = { formula = "1 / hr7" }
7 = 0
[units.1.coil]
0 = { formula = "hr4 - 50" }
"""


def test_a_formula_sees_values_as_they_are_typed_and_of_the_same_moment(clock: HandClock) -> None:
    device = simulated(FORMULAS, clock)
    clock.now += 40.0
    assert read(device, 2, 2) == [0x4234, 0]  # 2.5 * 2 + 40 as float32
    assert read(device, 5) == [9]


def test_a_formula_sees_what_a_client_wrote(clock: HandClock) -> None:
    device = simulated(FORMULAS, clock)
    write(device, 4, 10)
    assert read(device, 5) == [3]


def test_a_coil_can_follow_a_formula(clock: HandClock) -> None:
    device = simulated(FORMULAS, clock)
    assert coil(device) is False
    clock.now += 60.0
    assert coil(device) is True


def test_a_formula_that_cannot_be_computed_is_answered_with_04(clock: HandClock) -> None:
    device = simulated(FORMULAS, clock)
    with pytest.raises(ServerDeviceFailure):
        read(device, 6)
    write(device, 7, 1)
    assert read(device, 6) == [1]


def test_a_torn_value_is_of_two_moments(clock: HandClock) -> None:
    device = simulated(
        "[units.1.holding]\n0 = { counter = 65530, type = 'uint32', per_second = 1 }\n"
        "[units.1.faults]\ntorn = { times = 1, by = '8s' }",
        clock,
    )
    clock.now += 10.0
    assert read(device, 0, 2) == [1, 0xFFFC]  # the upper half of 65540, the lower of 65532
    assert read(device, 0, 2) == [1, 4]


def test_reads_that_were_torn_are_counted_with_the_other_faults(clock: HandClock) -> None:
    text = "[units.1.holding]\n0 = { counter = 1, type = 'uint32' }\n[units.1.faults]\ntorn = { times = 2 }"
    simulation = Simulation(parse_device_file(text), clock)
    for _ in range(3):
        read(simulation.units[1], 0, 2)
    assert simulation.faults is not None
    assert simulation.faults.happened == {"torn": 2}


@pytest.mark.parametrize(("holes", "error"), [("refused", IllegalDataAddress), ("silent", NoAnswer)])
def test_a_read_over_a_hole_is_refused_or_not_answered(
    clock: HandClock, holes: str, error: type[Exception]
) -> None:
    device = simulated(f"[units.1]\nholes = '{holes}'\nholding.0 = [1]\nholding.2 = [3]", clock)
    with pytest.raises(error):
        read(device, 0, 3)
    assert read(device, 2) == [3]


def test_a_hole_can_read_as_zero(clock: HandClock) -> None:
    device = simulated("[units.1]\nholes = 'zero'\nholding.0 = [1]\nholding.2 = [3]\ncoil.1 = true", clock)
    assert read(device, 0, 4) == [1, 0, 3, 0]
    assert device.handle(Call(ReadCoils(0, 3), 1, Peer())) == [False, True, False]


def test_a_device_can_refuse_long_reads(clock: HandClock) -> None:
    device = simulated("[units.1]\nlargest_read = 2\nholding.0 = [1, 2, 3]", clock)
    assert read(device, 0, 2) == [1, 2]
    with pytest.raises(IllegalDataValue):
        read(device, 0, 3)


def test_files_queues_and_identification_are_answered(clock: HandClock) -> None:
    device = simulated(
        "[units.1]\nserver_id = '07ff'\nexception_status = 5\nidentification.vendor_name = 'ACME'\n"
        "files.4 = [1, 2, 3]\nfifos.1246 = [440, 4740]\nholding.0 = 1",
        clock,
    )

    def ask(request: Request[R]) -> R:
        return device.handle(Call(request, 1, Peer()))

    assert ask(ReadFifoQueue(1246)) == [440, 4740]
    (records,) = ask(ReadFileRecord([FileRecord(4, 1, 2)]))
    assert records == [2, 3]
    assert ask(ReadDeviceIdentification()).objects[0] == b"ACME"
    assert ask(ReportServerId()) == b"\x07\xff"
    assert ask(ReadExceptionStatus()) == 5


def test_the_connections_of_a_preset_are_handed_to_the_server(clock: HandClock) -> None:
    simulation = Simulation(parse_device_file("[device]\npreset = 'meter'\n[units.1.coil]\n0 = true"), clock)
    assert simulation.faults is not None
    assert simulation.faults.admission == Admission(2, "refuse")
