"""Our server is read and written by clients that are not ours, and tshark finds nothing wrong with it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mbap.server.device import Device
from mbap.server.handler import Units
from mbap.server.serving import serving
from mbap.transport.endpoint import parse_endpoint
from mbap.values import Encoding
from support import peers
from support.recording import Recording, recording

pytestmark = [
    pytest.mark.peer,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pymodbus"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pyModbusTCP"),
]

COILS = [n % 3 == 0 for n in range(40)]
DISCRETE = [n % 2 == 1 for n in range(40)]


@pytest.fixture
def device() -> Device:
    float_registers = Encoding("float32").encode(230.5)
    return Device(
        coils=COILS,
        discrete_inputs=DISCRETE,
        holding_registers={0: range(100, 225), 1_000: float_registers},
        input_registers=range(500, 625),
    )


@pytest.fixture
def recorded(device: Device, tmp_path: Path) -> Iterator[Recording]:
    """The device, behind a relay; afterwards tshark has looked at all that passed."""
    peers.require("tshark")
    with serving(Units({1: device, 17: device})) as url, recording(url) as record:
        yield record
    capture = tmp_path / "traffic.pcap"
    record.write_pcap(capture)
    found = dissected(capture)
    queries = [frame for frame in found if frame["tcp.dstport"] == "502" and frame["modbus.func_code"]]
    answers = [frame for frame in found if frame["modbus.request_frame"] or frame["modbus.exception_code"]]
    assert len(queries) == len(answers) > 0
    assert len(queries) + len(answers) == len(found)
    assert not any(frame["_ws.malformed"] or frame["_ws.expert.severity"] in ERRORS for frame in found)


FIELDS = (
    "frame.number",
    "tcp.dstport",
    "modbus.func_code",
    "modbus.request_frame",
    "modbus.exception_code",
    "_ws.malformed",
    "_ws.expert.severity",
)
ERRORS = ("Error", "8388608")


def dissected(capture: Path) -> list[dict[str, str]]:
    """What tshark finds in each frame of *capture*."""
    command = [peers.require("tshark"), "-n", "-r", str(capture), "-T", "fields"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in done.stdout.splitlines()]


def port_of(record: Recording) -> int:
    return parse_endpoint(record.url).port


# --- mbpoll ---


@pytest.fixture
def mbpoll(recorded: Recording) -> Callable[..., str]:
    """Calls mbpoll with zero-based addresses, once; values to write follow `--`; gives what it prints."""
    program = peers.require("mbpoll")

    def call(*arguments: str, unit: int = 1) -> str:
        at = arguments.index("--") if "--" in arguments else len(arguments)
        where = ["-m", "tcp", "-p", str(port_of(recorded)), "-a", str(unit), "-0", "-1", "-o", "2"]
        command = [program, *where, *arguments[:at], "127.0.0.1", *arguments[at + 1 :]]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return done.stdout + done.stderr

    return call


def values_of(output: str) -> list[str]:
    """The values in what mbpoll prints: lines such as `[3]:  103`."""
    return [line.split(":", 1)[1].strip() for line in output.splitlines() if line.startswith("[")]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("0", [str(int(bit)) for bit in COILS[3:13]]),
        ("1", [str(int(bit)) for bit in DISCRETE[3:13]]),
        ("3", [str(n) for n in range(503, 513)]),
        ("4", [str(n) for n in range(103, 113)]),
    ],
)
def test_mbpoll_reads_every_table(mbpoll: Callable[..., str], table: str, expected: list[str]) -> None:
    assert values_of(mbpoll("-t", table, "-r", "3", "-c", "10")) == expected


def test_mbpoll_reads_a_float(mbpoll: Callable[..., str]) -> None:
    assert values_of(mbpoll("-t", "4:float", "-B", "-r", "1000", "-c", "1")) == ["230.5"]


def test_mbpoll_reads_as_much_as_one_request_can(mbpoll: Callable[..., str]) -> None:
    assert values_of(mbpoll("-t", "4", "-r", "0", "-c", "125")) == [str(n) for n in range(100, 225)]


def test_mbpoll_reads_another_unit(mbpoll: Callable[..., str]) -> None:
    assert values_of(mbpoll("-t", "4", "-r", "0", "-c", "1", unit=17)) == ["100"]


@pytest.mark.parametrize("values", [["4711"], ["4711", "4712", "4713"]])
def test_mbpoll_writes_registers(mbpoll: Callable[..., str], device: Device, values: list[str]) -> None:
    mbpoll("-t", "4", "-r", "5", "--", *values)
    assert [str(n) for n in device.holding_registers[5 : 5 + len(values)]] == values


@pytest.mark.parametrize("values", [["1"], ["1", "1", "0", "1"]])
def test_mbpoll_writes_coils(mbpoll: Callable[..., str], device: Device, values: list[str]) -> None:
    mbpoll("-t", "0", "-r", "7", "--", *values)
    assert [str(int(bit)) for bit in device.coils[7 : 7 + len(values)]] == values


def test_mbpoll_is_told_of_an_address_that_does_not_exist(mbpoll: Callable[..., str]) -> None:
    assert "Illegal data address" in mbpoll("-t", "4", "-r", "500", "-c", "1")


def test_mbpoll_is_told_of_a_unit_that_does_not_exist(mbpoll: Callable[..., str]) -> None:
    assert "Target device failed to respond" in mbpoll("-t", "4", "-r", "0", "-c", "1", unit=9)


# --- pymodbus ---


@pytest.fixture
def pymodbus(recorded: Recording) -> Iterator[Any]:
    """A connected client of pymodbus."""
    module = peers.require_module("pymodbus.client")
    client = module.ModbusTcpClient("127.0.0.1", port=port_of(recorded), timeout=5, retries=0)
    assert client.connect()
    yield client
    client.close()


def test_pymodbus_reads_every_table(pymodbus: Any) -> None:
    assert pymodbus.read_coils(3, count=10, device_id=1).bits[:10] == COILS[3:13]
    assert pymodbus.read_discrete_inputs(3, count=10, device_id=1).bits[:10] == DISCRETE[3:13]
    assert pymodbus.read_input_registers(0, count=125, device_id=1).registers == list(range(500, 625))
    assert pymodbus.read_holding_registers(3, count=10, device_id=17).registers == list(range(103, 113))


def test_pymodbus_writes_in_every_way_it_knows(pymodbus: Any, device: Device) -> None:
    assert not pymodbus.write_coil(1, True, device_id=1).isError()
    assert not pymodbus.write_coils(10, [True, False, True] * 3, device_id=1).isError()
    assert not pymodbus.write_register(1, 4711, device_id=1).isError()
    assert not pymodbus.write_registers(10, [1, 2, 65_535], device_id=1).isError()
    assert device.coils[0:3] == [True, True, False]
    assert device.coils[10:19] == [True, False, True] * 3
    assert device.holding_registers[1] == 4711
    assert device.holding_registers[10:13] == [1, 2, 65_535]


def test_pymodbus_writes_with_a_mask(pymodbus: Any, device: Device) -> None:
    device.holding_registers[4] = 0x12
    assert not pymodbus.mask_write_register(address=4, and_mask=0xF2, or_mask=0x25, device_id=1).isError()
    assert device.holding_registers[4] == 0x17


def test_pymodbus_writes_and_reads_in_one(pymodbus: Any, device: Device) -> None:
    answer = pymodbus.readwrite_registers(
        read_address=3, read_count=4, write_address=4, values=[7, 8], device_id=1
    )
    assert answer.registers == [103, 7, 8, 106]
    assert device.holding_registers[4:6] == [7, 8]


@pytest.mark.parametrize(("address", "unit", "code"), [(500, 1, 2), (0, 9, 0x0B)])
def test_pymodbus_is_told_what_is_wrong(pymodbus: Any, address: int, unit: int, code: int) -> None:
    assert pymodbus.read_holding_registers(address, count=1, device_id=unit).exception_code == code


# --- pyModbusTCP ---


@pytest.fixture
def pymodbustcp(recorded: Recording) -> Iterator[Any]:
    """A client of pyModbusTCP."""
    module = peers.require_module("pyModbusTCP.client")
    client = module.ModbusClient("127.0.0.1", port_of(recorded), unit_id=1, timeout=5)
    yield client
    client.close()


def test_pymodbustcp_reads_every_table(pymodbustcp: Any) -> None:
    assert pymodbustcp.read_coils(3, 10) == COILS[3:13]
    assert pymodbustcp.read_discrete_inputs(3, 10) == DISCRETE[3:13]
    assert pymodbustcp.read_input_registers(0, 125) == list(range(500, 625))
    assert pymodbustcp.read_holding_registers(3, 10) == list(range(103, 113))


def test_pymodbustcp_writes_in_every_way_it_knows(pymodbustcp: Any, device: Device) -> None:
    assert pymodbustcp.write_single_coil(1, True)
    assert pymodbustcp.write_multiple_coils(10, [True, False, True] * 3)
    assert pymodbustcp.write_single_register(1, 4711)
    assert pymodbustcp.write_multiple_registers(10, [1, 2, 65_535])
    assert device.coils[10:19] == [True, False, True] * 3
    assert device.coils[1] is True
    assert device.holding_registers[1] == 4711
    assert device.holding_registers[10:13] == [1, 2, 65_535]


def test_pymodbustcp_writes_and_reads_in_one(pymodbustcp: Any) -> None:
    assert pymodbustcp.write_read_multiple_registers(4, [7, 8], 3, 4) == [103, 7, 8, 106]


def test_pymodbustcp_is_told_what_is_wrong(pymodbustcp: Any) -> None:
    assert pymodbustcp.read_holding_registers(500, 1) is None
    assert pymodbustcp.last_except == 2


def test_pymodbustcp_is_told_of_a_function_that_is_not_there(pymodbustcp: Any) -> None:
    assert pymodbustcp.read_device_identification() is None
    assert pymodbustcp.last_except == 1
