"""Server: RTU and ASCII over TCP, broadcasts, one request at a time, wrong checks left unanswered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

import pytest

from mbap.protocol.checksum import crc16
from mbap.server.device import Device
from mbap.server.handler import Call, Handler, Units
from mbap.server.server import Server
from support.serving import Later, Raising, serving, until
from support.wire_client import PATIENCE, WireClient

R = TypeVar("R")

RTU = "rtu+tcp://127.0.0.1:0"
ASCII = "ascii+tcp://127.0.0.1:0"


def rtu(body: str) -> str:
    data = bytes.fromhex(body)
    return (data + crc16(data).to_bytes(2, "little")).hex()


async def get(client: WireClient, size: int) -> bytes:
    return await asyncio.wait_for(client.reader.readexactly(size), PATIENCE)


async def ask_rtu(client: WireClient, body: str, size: int) -> str:
    await client.send(rtu(body))
    answer = await get(client, size)
    assert crc16(answer) == 0
    return answer[:-2].hex(" ")


@pytest.fixture
def device() -> Device:
    return Device(holding_registers=[7, 8, 9], coils=[False] * 16)


async def test_rtu_over_tcp_is_answered(device: Device) -> None:
    async with serving(device, url=RTU) as (server, client):
        assert server.url.startswith("rtu+tcp://127.0.0.1:")
        assert await ask_rtu(client, "11 03 0000 0003", 11) == "11 03 06 00 07 00 08 00 09"


async def test_rtu_may_arrive_byte_by_byte(device: Device) -> None:
    async with serving(device, url=RTU) as (_, client):
        for byte in bytes.fromhex(rtu("01 03 0000 0001")):
            await client.send(f"{byte:02x}")
            await asyncio.sleep(0)
        assert (await get(client, 7)).startswith(bytes.fromhex("01 03 02 0007"))


async def test_an_exception_is_answered_in_rtu(device: Device) -> None:
    async with serving(device, url=RTU) as (_, client):
        assert await ask_rtu(client, "01 03 0002 0002", 5) == "01 83 02"


async def test_a_wrong_crc_is_left_unanswered_and_counted(device: Device) -> None:
    async with serving(device, url=RTU) as (server, client):
        await client.send("01 03 0000 0001 84 0b")
        await until(lambda: server.statistics().noise == 8)
        assert await ask_rtu(client, "01 03 0000 0001", 7) == "01 03 02 00 07"
        counted = server.statistics()
        assert (counted.check_errors, counted.requests, counted.noise) == (1, 1, 8)
        assert device.line.check_errors == 1


async def test_the_same_write_twice_is_two_writes_and_no_echo(device: Device) -> None:
    async with serving(device, url=RTU) as (server, client):
        for _ in range(3):
            assert await ask_rtu(client, "01 06 0000 0063", 8) == "01 06 00 00 00 63"
        assert server.statistics().requests == 3


async def test_ascii_over_tcp_is_answered(device: Device) -> None:
    async with serving(device, url=ASCII) as (_, client):
        await client.send(b":010300000001FB\r\n".hex())
        assert await get(client, 15) == b":0103020007F3\r\n"


async def test_a_wrong_lrc_is_left_unanswered_and_counted(device: Device) -> None:
    async with serving(device, url=ASCII) as (server, client):
        await client.send(b":010300000001FC\r\n:010300000001FB\r\n".hex())
        assert await get(client, 15) == b":0103020007F3\r\n"
        assert server.statistics().check_errors == 1


async def test_an_ascii_client_can_change_the_delimiter_where_the_device_lets_it() -> None:
    device = Device(holding_registers=[7], diagnostics="control")
    async with serving(device, url=ASCII) as (_, client):
        await client.send(b":010800032100D3\r\n".hex())
        assert await get(client, 17) == b":010800032100D3\r\n"
        await client.send(b":010300000001FB\r!".hex())
        assert await get(client, 15) == b":0103020007F3\r!"


@pytest.mark.parametrize("url", [RTU, ASCII])
async def test_4096_bytes_of_noise_end_the_connection(url: str, device: Device) -> None:
    async with serving(device, url=url) as (server, client):
        await client.send("ff" * 5_000)
        assert await client.ended() in (b"", b"reset")
        assert server.statistics().closed_unreadable == 1


@pytest.fixture
async def three() -> AsyncIterator[tuple[Server, WireClient, dict[int, Device]]]:
    """Units 1 and 2, one device under both 3 and 4, and a client on their line."""
    shared = Device(holding_registers=[7, 8], coils=[False] * 16)
    devices = {
        1: Device(holding_registers=[7, 8], coils=[False] * 16),
        2: Device(holding_registers=[7, 8], coils=[False] * 16),
        3: shared,
        4: shared,
    }
    async with serving(Units(devices), url=RTU) as (server, client):
        yield server, client, devices


Line = tuple[Server, WireClient, dict[int, Device]]


async def test_a_write_to_unit_0_is_carried_out_by_all_and_answered_by_none(three: Line) -> None:
    server, client, devices = three
    await client.send(rtu("00 06 0000 0063"), rtu("00 0f 0000 000a 02 cd01"))
    assert await ask_rtu(client, "02 03 0000 0001", 7) == "02 03 02 00 63"
    assert [device.holding_registers[0] for device in devices.values()] == [99, 99, 99, 99]
    assert all(device.coils[0:3] == [True, False, True] for device in devices.values())
    counted = server.statistics()
    assert (counted.broadcasts, counted.answers, counted.unanswered) == (2, 1, 0)


async def test_a_broadcast_is_carried_out_once_by_a_device_with_two_numbers(three: Line) -> None:
    _, client, devices = three
    await client.send(rtu("00 06 0000 0063"))
    await ask_rtu(client, "03 03 0000 0001", 7)
    assert devices[3].line.messages == 2


async def test_a_read_for_all_units_is_not_answered(three: Line) -> None:
    server, client, _ = three
    await client.send(rtu("00 03 0000 0001"))
    assert await ask_rtu(client, "01 03 0000 0001", 7) == "01 03 02 00 07"
    assert server.statistics().broadcasts == 1


@pytest.mark.parametrize("body", ["00 06 0009 0063", "00 10 0000 0000 00", "00 63 0000"])
async def test_a_broadcast_that_cannot_be_done_is_not_answered_either(three: Line, body: str) -> None:
    _, client, _ = three
    await client.send(rtu(body))
    assert await ask_rtu(client, "01 03 0000 0001", 7) == "01 03 02 00 07"


async def test_a_broadcast_reaches_the_others_when_one_of_them_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    last = Device(holding_registers=[7])
    units: dict[int, Handler] = {1: Raising(KeyError("lost")), 2: Device(), 3: last}
    async with serving(Units(units), url=RTU) as (server, client):
        await client.send(rtu("00 06 0000 0063"))
        assert await ask_rtu(client, "03 03 0000 0001", 7) == "03 03 02 00 63"
        assert server.statistics().handler_failures == 1
    assert "the handler failed" in caplog.text


async def test_a_broadcast_is_awaited_where_a_handler_takes_its_time() -> None:
    class Slow:
        def __init__(self, device: Device) -> None:
            self.device = device

        def handle(self, call: Call[R]) -> R | Awaitable[R]:
            return self._later(call)

        async def _later(self, call: Call[R]) -> R:
            await asyncio.sleep(0.01)
            return self.device.handle(call)

    one, two = Device(holding_registers=[7]), Device(holding_registers=[7])
    async with serving(Units({1: Slow(one), 2: two}), url=RTU) as (_, client):
        await client.send(rtu("00 06 0000 0063"))
        assert await ask_rtu(client, "01 03 0000 0001", 7) == "01 03 02 00 63"
        assert two.holding_registers[0] == 99


async def test_a_device_alone_takes_broadcasts_too(device: Device) -> None:
    async with serving(device, url=RTU) as (_, client):
        await client.send(rtu("00 06 0000 0063"))
        assert await ask_rtu(client, "09 03 0000 0001", 7) == "09 03 02 00 63"


async def test_on_a_serial_line_one_request_is_answered_before_the_next_is_begun() -> None:
    handler = Later(Device(holding_registers=[7]))
    handler.release = {1: asyncio.Event(), 2: asyncio.Event()}
    async with serving(handler, url=RTU) as (server, client):
        await client.send(rtu("01 03 0000 0001"), rtu("02 03 0000 0001"))
        await until(lambda: server.statistics().requests == 2)
        await asyncio.sleep(0.01)
        assert handler.begun == [1]
        handler.release[2].set()
        handler.release[1].set()
        assert (await get(client, 14))[0::7] == b"\x01\x02"
