"""mbap.server.serialline: answering on a line where others are, and a port that goes and comes."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from mbap import AsyncClient, ResponseTimeout, WriteSingleRegister
from mbap.protocol.adu import Adu
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from mbap.server.device import Device
from mbap.server.handler import Call, Units
from mbap.server.server import Server
from support.serialports import PATIENCE, bus, serial_pair

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pseudo terminals")

QUICK = "?baudrate=115200&parity=N"


def a_device() -> Device:
    return Device(holding_registers=range(100), coils=[False] * 16)


def request(pdu: str, unit: int = 3) -> bytes:
    return RtuFraming(echo=False).pack(Adu(unit, bytes.fromhex(pdu)))


def answers(data: bytes) -> list[Adu]:
    return RtuFraming(Side.CLIENT, echo=False).unpack(data)


class Port:
    """The other end of the line: raw bytes."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def write(self, data: bytes) -> None:
        os.write(self._descriptor, data)

    async def read(self, seconds: float = 0.3) -> bytes:
        """What comes within *seconds*."""
        data, end = b"", asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)
            try:
                data += os.read(self._descriptor, 4096)
            except BlockingIOError:
                continue
        return data

    def close(self) -> None:
        os.close(self._descriptor)


def test_a_device_alone_would_answer_for_the_units_of_others() -> None:
    with pytest.raises(
        ValueError, match="it would answer for every unit, also for other devices on the line"
    ):
        Server("rtu:///dev/x", a_device())


def test_so_would_units_with_a_handler_for_all_the_others() -> None:
    with pytest.raises(ValueError, match="it would answer for every unit"):
        Server("rtu:///dev/x", Units({1: a_device()}, unknown=a_device()))


def test_the_url_may_say_which_unit_a_device_is() -> None:
    server = Server("rtu:///dev/x#5", a_device())
    assert isinstance(server.handler, Units)


async def test_a_port_that_is_not_there_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        OSError, match=r"^cannot listen on rtu:///.*: there is no such port; this machine has"
    ):
        await Server(f"rtu://{tmp_path}/none#1", a_device()).start()


async def test_only_the_own_units_are_answered(tmp_path: Path) -> None:
    with bus(tmp_path, "ours", "client") as (ours, other):
        async with Server(f"rtu://{ours}{QUICK}", Units({3: a_device()})) as server:
            port = Port(other)
            port.write(request("0300010001", unit=9))
            assert await port.read() == b""
            port.write(request("0300010001"))
            assert [adu.unit for adu in answers(await port.read())] == [3]
            assert server.bus.messages == 2
            port.close()


async def test_a_message_with_a_wrong_check_is_not_answered_and_counted(tmp_path: Path) -> None:
    with bus(tmp_path, "ours", "client") as (ours, other):
        async with Server(f"rtu://{ours}{QUICK}", Units({3: a_device()})) as server:
            port = Port(other)
            port.write(request("0300010001")[:-1] + b"\0")
            assert await port.read() == b""
            assert server.statistics().check_errors == 1
            port.write(request("0300010001"))
            assert len(answers(await port.read())) == 1
            port.close()


async def test_a_broadcast_is_carried_out_and_not_answered(tmp_path: Path) -> None:
    device = a_device()
    with bus(tmp_path, "ours", "client") as (ours, other):
        async with Server(f"rtu://{ours}{QUICK}", Units({3: device})):
            port = Port(other)
            port.write(request("060001" + "1267", unit=0))
            assert await port.read() == b""
            assert device.holding_registers[1] == 0x1267
            port.close()


async def test_answers_of_other_devices_are_no_requests(tmp_path: Path) -> None:
    with bus(tmp_path, "ours", "client") as (ours, other):
        async with Server(f"rtu://{ours}{QUICK}", Units({3: a_device()})) as server:
            port = Port(other)
            port.write(request("0300010001", unit=9))
            await asyncio.sleep(0.1)
            port.write(request("03020007", unit=9))
            await asyncio.sleep(0.1)
            port.write(request("0300010001"))
            assert [adu.unit for adu in answers(await port.read())] == [3]
            assert server.statistics().requests == 2
            port.close()


async def test_of_two_requests_at_once_only_the_last_is_answered(tmp_path: Path) -> None:
    device = a_device()
    with bus(tmp_path, "ours", "client") as (ours, other):
        async with Server(f"rtu://{ours}{QUICK}", Units({3: device})) as server:
            port = Port(other)
            port.write(request("060001" + "0007") + request("0300010001"))
            assert [adu.pdu for adu in answers(await port.read())] == [bytes.fromhex("03020007")]
            assert server.statistics().unanswered == 1
            port.close()


class Slow:
    """A handler that needs a while for the first request."""

    def __init__(self) -> None:
        self.device = a_device()
        self.calls = 0

    async def handle(self, call: Call[object]) -> object:
        self.calls += 1
        if self.calls == 1:
            await asyncio.sleep(0.2)
        return self.device.handle(call)


async def test_an_answer_that_nobody_waits_for_any_more_is_not_sent(tmp_path: Path) -> None:
    with bus(tmp_path, "ours", "client") as (ours, other):
        async with Server(f"rtu://{ours}{QUICK}", Units({3: Slow()})):  # type: ignore[dict-item]
            port = Port(other)
            port.write(request("0300010001"))
            await asyncio.sleep(0.1)
            port.write(request("0300020001"))
            assert [adu.pdu for adu in answers(await port.read(0.6))] == [bytes.fromhex("03020002")]
            port.close()


async def test_half_a_request_is_forgotten_when_the_line_is_silent(tmp_path: Path) -> None:
    with bus(tmp_path, "ours", "client") as (ours, other):
        async with Server(f"rtu://{ours}{QUICK}", Units({3: a_device()})):
            port = Port(other)
            port.write(request("0300010001")[:5])
            assert await port.read(0.2) == b""
            port.write(request("0300010001"))
            assert len(answers(await port.read())) == 1
            port.close()


async def test_noise_without_end_does_not_end_the_service(tmp_path: Path) -> None:
    with bus(tmp_path, "ours", "client") as (ours, other):
        async with Server(f"rtu://{ours}{QUICK}", Units({3: a_device()})) as server:
            port = Port(other)
            for _ in range(60):
                port.write(b"\x55" * 100)
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.2)
            port.write(request("0300010001"))
            assert len(answers(await port.read())) == 1
            assert server.statistics().noise > 4000
            port.close()


async def test_a_port_that_went_away_is_opened_again_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mbap.server.serialline.FIRST_PAUSE", 0.02)
    with serial_pair(tmp_path) as pair:
        server = Server(pair.far_url, Units({3: a_device()}))
        await server.start()
    with serial_pair(tmp_path) as pair:
        async with AsyncClient(pair.near_url, unit=3, timeout=1.0) as client:
            assert await answer_in_the_end(client) == [7]
        assert server.statistics().accepted >= 2
        await server.aclose()


async def answer_in_the_end(client: AsyncClient) -> list[int]:
    """What register 7 holds, asked until there is an answer."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            return list(await client.read_holding_registers(7, 1))
        except ResponseTimeout:
            assert asyncio.get_running_loop().time() < end


async def test_a_client_and_a_server_talk_in_ascii_too(tmp_path: Path) -> None:
    device = a_device()
    settings = f"{QUICK}&bytesize=8"
    with serial_pair(tmp_path) as pair:
        async with (
            Server(f"ascii://{pair.far}{settings}#3", device),
            AsyncClient(f"ascii://{pair.near}{settings}#3") as client,
        ):
            assert await client.read_holding_registers(1, 3) == [1, 2, 3]
            await client.broadcast(WriteSingleRegister(1, 9))
            assert await client.read_holding_registers(1, 1) == [9]
