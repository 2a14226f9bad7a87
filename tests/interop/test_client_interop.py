"""Our client reads and writes servers that are not ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import mbap
from mbap.errors import ExceptionResponse, IllegalFunction, ModbusError, ProtocolError
from mbap.protocol.pdu import ReadDeviceIdCode, ReadDeviceIdentification, ReportServerId
from support import foreign, npm

pytestmark = pytest.mark.peer

COILS = [n % 3 == 0 for n in range(40)]
DISCRETE = [n % 2 == 1 for n in range(40)]
HOLDING = list(range(100, 225))
INPUT = list(range(500, 625))
TABLES = [
    *(f"coil {n} {int(value)}" for n, value in enumerate(COILS)),
    *(f"discrete {n} {int(value)}" for n, value in enumerate(DISCRETE)),
    *(f"holding {n} {value}" for n, value in enumerate(HOLDING)),
    *(f"input {n} {value}" for n, value in enumerate(INPUT)),
]
SERVERS = ("libmodbus", "pymodbus", "pyModbusTCP", "umodbus", "modbus_serial", "jsmodbus")
ON_NODE = ("modbus_serial", "jsmodbus")
NO_MASK_WRITE = {"umodbus", "modbus_serial", "jsmodbus", "pyModbusTCP"}
NO_READ_WRITE = {"umodbus", "modbus_serial", "jsmodbus"}
HAS_EVERY_ADDRESS = {"pyModbusTCP"}
MUTE_AT_UNKNOWN = {"jsmodbus"}
"""A function it does not know is never answered, nor is anything else on that connection then."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is compiled."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    """The name of each server in turn."""
    return str(request.param)


@pytest.fixture
def client(server: str, programs: Path, free_port: Callable[[], int]) -> Iterator[mbap.Client]:
    """Our client, connected to that server."""
    with started(server, programs, free_port()) as connected:
        yield connected


@contextmanager
def started(server: str, programs: Path, port: int) -> Iterator[mbap.Client]:
    """Our client, connected to *server*, which listens at *port*."""
    environment = npm.environment() if server in ON_NODE else None
    with (
        foreign.serving(command_of(server, programs), port, TABLES, environment) as url,
        mbap.Client(url, unit=1, timeout=10.0) as connected,
    ):
        yield connected


def command_of(server: str, programs: Path) -> list[str]:
    if server in ON_NODE:
        return foreign.node_program(f"{server}_server")
    if server == "libmodbus":
        return foreign.built_with_libmodbus("libmodbus_server", programs)
    return foreign.python_server(server)


def test_every_table_is_read(client: mbap.Client) -> None:
    assert client.read_coils(3, 10) == COILS[3:13]
    assert client.read_discrete_inputs(3, 10) == DISCRETE[3:13]
    assert client.read_holding_registers(3, 10) == HOLDING[3:13]
    assert client.read_input_registers(3, 10) == INPUT[3:13]


def test_as_many_as_one_request_can_are_read(client: mbap.Client) -> None:
    assert client.read_holding_registers(0, 125) == HOLDING
    assert client.read_input_registers(0, 125) == INPUT
    assert client.read_coils(0, 800)[:40] == COILS


def test_everything_is_written(client: mbap.Client) -> None:
    client.write_single_coil(1, True)
    client.write_multiple_coils(10, [True, False, True] * 3)
    client.write_single_register(1, 4711)
    client.write_multiple_registers(10, [1, 2, 65_535])
    assert client.read_coils(0, 2) == [True, True]
    assert client.read_coils(10, 9) == [True, False, True] * 3
    assert client.read_holding_registers(1, 1) == [4711]
    assert client.read_holding_registers(10, 3) == [1, 2, 65_535]


@pytest.mark.parametrize("server", sorted(set(SERVERS) - NO_MASK_WRITE), indirect=True)
def test_bits_are_changed_by_a_mask(client: mbap.Client) -> None:
    client.write_single_register(4, 0x12)
    client.mask_write_register(4, 0xF2, 0x25)
    assert client.read_holding_registers(4, 1) == [0x17]


@pytest.mark.parametrize("server", sorted(NO_MASK_WRITE - MUTE_AT_UNKNOWN), indirect=True)
def test_a_function_that_a_server_does_not_have_is_an_error_and_changes_nothing(client: mbap.Client) -> None:
    with pytest.raises(ModbusError):
        client.mask_write_register(4, 0xF2, 0x25)
    assert client.read_holding_registers(4, 1) == [104]


@pytest.mark.parametrize("server", sorted(set(SERVERS) - NO_READ_WRITE), indirect=True)
def test_one_request_writes_and_reads(client: mbap.Client) -> None:
    assert client.read_write_multiple_registers(3, 4, 4, [7, 8]) == [103, 7, 8, 106]


@pytest.mark.parametrize("server", sorted(set(SERVERS) - HAS_EVERY_ADDRESS), indirect=True)
def test_an_address_that_does_not_exist_is_an_error_and_the_next_read_is_right(
    client: mbap.Client, server: str
) -> None:
    # jsmodbus answers with no registers instead of an exception.
    with pytest.raises(ProtocolError if server == "jsmodbus" else ExceptionResponse):
        client.read_holding_registers(60_000, 1)
    assert client.read_holding_registers(0, 1) == [100]


def test_modbus_serial_is_identified(programs: Path, free_port: Callable[[], int]) -> None:
    with started("modbus_serial", programs, free_port()) as client:
        found = client.execute(ReadDeviceIdentification(ReadDeviceIdCode.INDIVIDUAL, 0))
        assert (found.objects, found.more_follows) == ({0: b"Pump works"}, False)
        extended = client.execute(ReadDeviceIdentification(ReadDeviceIdCode.EXTENDED))
        assert extended.objects == {0: b"Pump works", 1: b"P7", 2: b"1.4", 5: b"Model 7", 0x90: b"own"}


def test_pymodbus_that_was_told_nothing_is_identified_by_nothing(
    programs: Path, free_port: Callable[[], int]
) -> None:
    with started("pymodbus", programs, free_port()) as client:
        assert client.execute(ReadDeviceIdentification()).objects == {}


def test_libmodbus_tells_its_server_id(programs: Path, free_port: Callable[[], int]) -> None:
    with started("libmodbus", programs, free_port()) as client:
        assert client.execute(ReportServerId()).startswith(b"\xb4\xffLMB")


def test_a_device_without_identification_says_so(programs: Path, free_port: Callable[[], int]) -> None:
    with started("libmodbus", programs, free_port()) as client, pytest.raises(IllegalFunction):
        client.execute(ReadDeviceIdentification())
