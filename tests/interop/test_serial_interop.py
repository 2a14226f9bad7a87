"""Serial lines, on pseudo terminals: our client at foreign devices, foreign clients at our server.

A pseudo terminal shows that the messages are right. It has no speed, no parity and no collisions.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mbap import AsyncClient, Client, IllegalDataAddress, ModbusError, ResponseTimeout, WriteSingleRegister
from mbap.server.device import Device
from mbap.server.handler import Units
from mbap.server.serving import serving
from support import foreign, peers
from support.serialports import Pair, serial_pair

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore::DeprecationWarning:pymodbus")]

COILS = [n % 3 == 0 for n in range(40)]
TABLES = [f"holding {n} {n + 100}" for n in range(50)]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with serial_pair(tmp_path) as connected:
        yield connected


@contextmanager
def a_foreign_device(command: list[str], port: Path) -> Iterator[None]:
    """A server of another project on *port*, unit 1, with `TABLES`."""
    with subprocess.Popen(
        [*command, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write("".join(f"{line}\n" for line in TABLES))
            server.stdin.close()
            assert server.stdout.readline() == "ready\n"
            yield
        finally:
            server.kill()


@pytest.fixture(params=["libmodbus", "pymodbus"])
def foreign_device(request: pytest.FixtureRequest, pair: Pair, tmp_path: Path) -> Iterator[Pair]:
    if request.param == "libmodbus":
        command = foreign.built_with_libmodbus("libmodbus_server", tmp_path)
    else:
        peers.require_module("pymodbus")
        command = [sys.executable, str(foreign.INTEROP / "pymodbus_serial_server.py")]
    with a_foreign_device(command, pair.far):
        yield pair


def test_the_blocking_client_reads_and_writes_a_foreign_device(foreign_device: Pair) -> None:
    with Client(foreign_device.near_url, unit=1) as client:
        assert client.read_holding_registers(3, 10) == list(range(103, 113))
        client.write_single_register(3, 4711)
        client.write_multiple_registers(4, [1, 2, 3])
        assert client.read_holding_registers(3, 4) == [4711, 1, 2, 3]
        with pytest.raises(IllegalDataAddress):
            client.read_holding_registers(5000, 1)


def test_the_asynchronous_client_reads_and_writes_a_foreign_device(foreign_device: Pair) -> None:
    async def ask() -> None:
        async with AsyncClient(foreign_device.near_url, unit=1, timeout=1.0) as client:
            assert await client.read_holding_registers(0, 50) == list(range(100, 150))
            await client.write_single_register(3, 4711)
            with pytest.raises(ModbusError):  # pymodbus answers for units that it has not
                await client.unit(9).read_holding_registers(0, 1)
            assert await client.read_holding_registers(3, 1) == [4711]

    asyncio.run(ask())


def test_uvloop_does_the_same(foreign_device: Pair) -> None:
    uvloop = peers.require_module("uvloop")

    async def ask() -> None:
        async with AsyncClient(foreign_device.near_url, unit=1) as client:
            assert await client.read_holding_registers(0, 50) == list(range(100, 150))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())


@pytest.fixture
def device() -> Device:
    return Device(
        coils=COILS,
        discrete_inputs=COILS,
        holding_registers=range(100, 225),
        input_registers=range(500, 625),
    )


@pytest.fixture
def ours(pair: Pair, device: Device) -> Iterator[Pair]:
    """Our server on the far port, unit 1."""
    with serving(Units({1: device}), pair.far_url):
        yield pair


def test_minimalmodbus_reads_and_writes_our_device(ours: Pair, device: Device) -> None:
    instrument = peers.require_module("minimalmodbus").Instrument(str(ours.near), 1)
    instrument.serial.baudrate = 19200
    instrument.serial.timeout = 2
    assert instrument.read_registers(3, 10) == list(range(103, 113))
    assert instrument.read_register(0, functioncode=4) == 500
    assert instrument.read_bits(3, 10, functioncode=1) == [int(bit) for bit in COILS[3:13]]
    instrument.write_register(1, 4711, functioncode=6)
    instrument.write_registers(2, [7, 8])
    instrument.write_bit(5, 1)
    assert device.holding_registers[1:4] == [4711, 7, 8]
    assert device.coils[5] is True
    with pytest.raises(Exception, match="illegal data address"):
        instrument.read_registers(500, 1)
    instrument.serial.close()


def test_pymodbus_reads_and_writes_our_device(ours: Pair, device: Device) -> None:
    module = peers.require_module("pymodbus.client")
    client = module.ModbusSerialClient(str(ours.near), baudrate=19200, timeout=2, retries=0)
    assert client.connect()
    assert client.read_holding_registers(3, count=10, device_id=1).registers == list(range(103, 113))
    assert client.read_coils(3, count=10, device_id=1).bits[:10] == COILS[3:13]
    assert not client.write_registers(10, [1, 2, 65_535], device_id=1).isError()
    assert device.holding_registers[10:13] == [1, 2, 65_535]
    assert client.read_holding_registers(500, count=1, device_id=1).exception_code == 2
    client.close()


def test_libmodbus_reads_and_writes_our_device(ours: Pair, device: Device, tmp_path: Path) -> None:
    command = foreign.built_with_libmodbus("libmodbus_client", tmp_path)
    with subprocess.Popen(
        [*command, str(ours.near)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        call: Any = foreign.ForeignClient(process)
        assert call("read_registers", 3, 4) == [103, 104, 105, 106]
        assert call("write_bits", 10, 3, 1, 0, 1) == 3
        assert call("write_register", 20, 4711) == 1
        assert call("read_registers", 500, 1) == {"exception": 2}
        process.kill()
    assert device.holding_registers[20] == 4711


def test_our_client_and_our_server_talk_with_each_other(ours: Pair, device: Device) -> None:
    with Client(ours.near_url, unit=1, timeout=1.0) as client:
        for address in range(100):
            assert client.read_holding_registers(address, 2) == [100 + address, 101 + address]
        client.broadcast(WriteSingleRegister(1, 9))
        assert client.read_holding_registers(1, 1) == [9]
        with pytest.raises(ResponseTimeout):
            client.unit(9).read_coils(0, 1)
        assert client.read_holding_registers(1, 1) == [9]
