"""Clients that are not ours, through our gateway, to devices that are not ours, on a pseudo terminal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import foreign, peers
from support.program import running
from support.serialports import serial_pair

pytestmark = [
    pytest.mark.peer,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pymodbus"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pyModbusTCP"),
]

TABLES = [f"holding {n} {n + 100}" for n in range(50)]


@pytest.fixture(params=["libmodbus", "pymodbus"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """The port of a gateway to a foreign device, which is unit 1 on a line and 101 for clients."""
    if request.param == "libmodbus":
        command = foreign.built_with_libmodbus("libmodbus_server", tmp_path)
    else:
        peers.require_module("pymodbus")
        command = [sys.executable, str(foreign.INTEROP / "pymodbus_serial_server.py")]
    with serial_pair(tmp_path) as pair, Served(command, pair.far):
        line = f"101={pair.near_url}#1"
        with running("gateway", "--listen", "tcp://127.0.0.1:0", "--route", line) as gateway:
            assert gateway.process.stdout is not None
            said = gateway.process.stdout.readline()
            yield int(said.split(": ")[0].rpartition(":")[2])


class Served:
    """The foreign device while the block runs."""

    def __init__(self, command: list[str], port: Path) -> None:
        self._process = subprocess.Popen(
            [*command, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("".join(f"{line}\n" for line in TABLES))
        self._process.stdin.close()
        assert self._process.stdout.readline() == "ready\n"

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def test_pymodbus_reads_and_writes_and_gets_the_exceptions(port: int) -> None:
    client_module: Any = peers.require_module("pymodbus.client")
    client = client_module.ModbusTcpClient("127.0.0.1", port=port, timeout=5)
    assert client.connect()
    try:
        found = client.read_holding_registers(3, count=10, device_id=101)
        assert found.registers == list(range(103, 113))
        assert not client.write_registers(3, [7, 8], device_id=101).isError()
        assert client.read_holding_registers(3, count=2, device_id=101).registers == [7, 8]
        assert client.read_holding_registers(5000, count=1, device_id=101).exception_code == 2
        assert not client.mask_write_register(
            address=4, and_mask=0xFF00, or_mask=0x00AA, device_id=101
        ).isError()
        assert client.read_holding_registers(4, count=1, device_id=101).registers == [0xAA]
        assert client.read_holding_registers(0, count=1, device_id=5).exception_code == 0x0A
    finally:
        client.close()


def test_pymodbustcp_reads_and_writes_and_gets_the_exceptions(port: int) -> None:
    module: Any = peers.require_module("pyModbusTCP.client")
    client = module.ModbusClient("127.0.0.1", port=port, unit_id=101, timeout=5)
    try:
        assert client.read_holding_registers(3, 10) == list(range(103, 113))
        assert client.write_single_register(3, 4711)
        assert client.read_holding_registers(3, 1) == [4711]
        client.unit_id = 5
        assert client.read_holding_registers(0, 1) is None
        assert client.last_except == 0x0A
    finally:
        client.close()


def mbpoll(port: int, *options: str) -> subprocess.CompletedProcess[str]:
    """One call of it, for holding registers; it counts from 1."""
    command = [peers.require("mbpoll"), "-m", "tcp", "-p", str(port), "-t", "4", "-1", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_mbpoll_reads_and_writes_and_gets_the_exceptions(port: int) -> None:
    found = mbpoll(port, "-a", "101", "-r", "4", "-c", "2", "127.0.0.1").stdout
    assert "[4]: \t103" in found
    assert "[5]: \t104" in found
    assert "Written 2 references" in mbpoll(port, "-a", "101", "-r", "4", "127.0.0.1", "7", "8").stdout
    assert "[5]: \t8" in mbpoll(port, "-a", "101", "-r", "5", "-c", "1", "127.0.0.1").stdout
    assert "Illegal data address" in mbpoll(port, "-a", "101", "-r", "5001", "-c", "1", "127.0.0.1").stderr
    assert "Gateway path unavailable" in mbpoll(port, "-a", "5", "-r", "1", "-c", "1", "127.0.0.1").stderr
