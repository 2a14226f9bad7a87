"""What other programs print of their frames is read as it is, out of the programs themselves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mbap import Device, serving
from mbap.protocol.explain import explain
from mbap.protocol.hextext import parse_pasted
from support.packets import Talk, pcap

PYMODBUS = """\
import logging, sys, pymodbus
from pymodbus.client import ModbusTcpClient
pymodbus.pymodbus_apply_logging_config(logging.DEBUG)
client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]))
client.connect()
client.read_holding_registers(0, count=3, device_id=1)
client.close()
"""
PYMODBUSTCP = """\
import logging, sys
from pyModbusTCP.client import ModbusClient
logging.basicConfig(level=logging.DEBUG)
ModbusClient("127.0.0.1", int(sys.argv[1]), unit_id=1).read_holding_registers(0, 3)
"""
VALUES = bytes.fromhex("03 06 0007 0008 0009")


def printed(*command: str, given: bytes = b"") -> str:
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode(errors="replace")


def port_of(url: str) -> str:
    return url.rpartition(":")[2]


@pytest.mark.parametrize("script", [PYMODBUS, PYMODBUSTCP], ids=["pymodbus", "pyModbusTCP"])
def test_the_log_of_a_python_client_is_read(script: str) -> None:
    with serving(Device(holding_registers=[7, 8, 9])) as url:
        text = printed(sys.executable, "-c", script, port_of(url))
    assert VALUES in parse_pasted(text)


@pytest.mark.peer
def test_what_mbpoll_says_of_itself_is_read(peer: Callable[..., str]) -> None:
    options = ["-v", "-m", "tcp", "-a", "1", "-t", "4", "-r", "1", "-c", "3", "-1"]
    with serving(Device(holding_registers=[7, 8, 9])) as url:
        text = printed(peer("mbpoll"), *options, "-p", port_of(url), "127.0.0.1")
    asked, answered = explain(parse_pasted(text))
    assert answered.answers == 0
    assert asked.readings[0].summary == "request, read holding registers (function 3)"


@pytest.mark.peer
def test_packets_that_tshark_prints_are_read_without_their_headers(
    peer: Callable[..., str], tmp_path: Path
) -> None:
    ask, answer = "0001 0000 0006 01 03 0000 0003", "0001 0000 0009 01 03 06 0007 0008 0009"
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(Talk().open().asks(ask).answers(answer).packets))
    assert parse_pasted(printed(peer("tshark"), "-n", "-x", "-r", str(path))) == bytes.fromhex(ask + answer)


@pytest.mark.peer
@pytest.mark.parametrize(
    "command",
    [
        "xxd",
        "xxd -p",
        "xxd -i",
        "xxd -g1",
        "hexdump",
        "hexdump -C",
        "od -x",
        "od -An -tx1",
        "od -Ad -tx1",
        "base64",
    ],
)
@pytest.mark.parametrize("count", [1, 4])
def test_dumps_are_read(peer: Callable[..., str], command: str, count: int) -> None:
    program, *options = command.split()
    data = b"".join(
        bytes.fromhex(f"{number:04x} 0000 0006 01 03 0000 0003") for number in range(1, count + 1)
    )
    assert parse_pasted(printed(peer(program), *options, given=data)) == data
