"""Gateway: hostile clients and devices by their number in the list of the security study, over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mbap import Device, Limits, Link, Server, Units
from mbap.client.breaker import Breaker
from mbap.server.gateway import Gateway
from mbap.server.routes import Route
from support.scripted import Reply, ScriptedServer, Silence, Step, scripted
from support.serving import until
from support.wire_client import WireClient, connected

READ = "0001 0000 0006 05 03 0000 0002"
ANSWER = "00 01 00 00 00 07 05 03 04 11 00 11 01"
WRITE = "0002 0000 0006 05 06 0000 0007"
WRITTEN = "00 02 00 00 00 06 05 06 00 00 00 07"


@asynccontextmanager
async def behind(
    url: str, limits: Limits | None = None, **options: Any
) -> AsyncIterator[tuple[Server, WireClient]]:
    """A gateway to units 1 to 20 at *url*, and one client of it."""
    given = {"timeout": 0.15, "quarantine": 0.0, "breaker": None, "backoff": None, **options}
    async with Link(url, **given) as line:
        gateway = Gateway([Route.same(line, range(1, 21), name="hall")])
        async with (
            Server("tcp://127.0.0.1:0", gateway, limits=limits) as server,
            connected(server.url) as one,
        ):
            yield server, one


async def answered(client: WireClient, device: ScriptedServer, request: str = READ) -> str:
    answer = await client.ask(request)
    assert len(device.requests) == 1
    return answer


@pytest.mark.parametrize("rtu", [False, True])
@pytest.mark.parametrize(
    ("number", "reply"),
    [
        ("H095", Reply(unit=6)),
        ("H096", Reply(pdu=bytes.fromhex("04 04 0001 0002"))),
        ("H097", Reply(pdu=bytes.fromhex("03 fa") + bytes(250))),
        ("H098", Reply(pdu=bytes.fromhex("03 02 0001"))),
        ("H099", Reply(pdu=bytes.fromhex("03 03 000102"))),
        ("H100", Reply(pdu=bytes.fromhex("03 04 0001"))),
        ("H102", Reply(pdu=bytes.fromhex("83"))),
        ("H113", Silence()),
    ],
)
async def test_a_wrong_answer_is_0b_and_what_is_asked_next_is_answered_rightly(
    number: str, reply: Step, rtu: bool
) -> None:
    with scripted(reply, Reply(), rtu=rtu) as device:
        async with behind(device.url) as (_, client):
            assert (await client.ask(READ)).endswith("05 83 0b")
            assert await client.ask(READ) == ANSWER


async def test_h094_an_answer_with_another_transaction_reaches_nobody() -> None:
    with scripted(Reply(transaction=lambda asked: asked ^ 1), Reply()) as device:
        async with behind(device.url) as (_, client):
            assert (await client.ask(READ)).endswith("05 83 0b")
            assert await client.ask(READ) == ANSWER


async def test_h119_a_wrong_crc_is_0b() -> None:
    with scripted(Reply(crc=b"\0\0"), Reply(), rtu=True) as device:
        async with behind(device.url) as (_, client):
            assert (await client.ask(READ)).endswith("05 83 0b")
            assert await client.ask(READ) == ANSWER


async def test_an_answer_that_is_cut_off_is_0b() -> None:
    with scripted(Reply(drop=2), Reply(), rtu=True) as device:
        async with behind(device.url) as (_, client):
            assert (await client.ask(READ)).endswith("05 83 0b")
            assert await client.ask(READ) == ANSWER


@pytest.mark.parametrize("code", ["07", "09", "0c", "ff"])
async def test_h103_an_unknown_exception_code_passes_as_it_is(code: str) -> None:
    with scripted(Reply(pdu=bytes.fromhex(f"83 {code}"))) as device:
        async with behind(device.url) as (_, client):
            assert (await answered(client, device)).endswith(f"83 {code}")


async def test_h101_a_write_with_a_wrong_echo_is_0b() -> None:
    with scripted(Reply(pdu=bytes.fromhex("06 0001 0007"))) as device:
        async with behind(device.url) as (_, client):
            assert (await answered(client, device, WRITE)).endswith("05 86 0b")


async def test_h118_a_write_is_never_repeated() -> None:
    with scripted(Silence()) as device:
        async with behind(device.url, retries=3, retry_pauses=(0.0,)) as (_, client):
            assert (await client.ask(WRITE)).endswith("05 86 0b")
            assert len(device.requests) == 1


async def test_a_device_that_hangs_up_is_0b() -> None:
    with scripted(Silence(close=True), Reply()) as device:
        async with behind(device.url) as (_, client):
            assert (await client.ask(READ)).endswith("05 83 0b")
            assert await client.ask(READ) == ANSWER


async def test_h115_two_clients_with_the_same_transactions_each_get_their_own() -> None:
    units = Units({1: Device(holding_registers=[11]), 2: Device(holding_registers=[22])})
    async with (
        Server("tcp://127.0.0.1:0", units) as device,
        behind(device.url) as (server, one),
        connected(server.url) as two,
    ):
        for _ in range(20):
            await one.send("0001 0000 0006 01 03 0000 0001")
            await two.send("0001 0000 0006 02 03 0000 0001")
            assert await two.receive() == "00 01 00 00 00 05 02 03 02 00 16"
            assert await one.receive() == "00 01 00 00 00 05 01 03 02 00 0b"


async def test_h116_a_write_whose_client_left_is_finished_and_its_answer_goes_to_nobody() -> None:
    with scripted(Reply(delay=0.05), Reply()) as device:
        async with behind(device.url) as (server, client):
            await client.send(WRITE)
            await until(lambda: len(device.requests) == 1)
            client.reset()
            async with connected(server.url) as other:
                assert await other.ask(READ) == ANSWER
            assert [request.pdu[0] for request in device.requests] == [6, 3]


async def test_h117_who_comes_after_one_who_left_gets_nothing_of_his() -> None:
    with scripted(Reply(delay=0.05), Reply(), rtu=True) as device:
        async with behind(device.url, quarantine=1.0) as (server, client):
            await client.send("0001 0000 0006 05 03 0009 0002")
            await until(lambda: len(device.requests) == 1)
            client.reset()
            async with connected(server.url) as other:
                assert await other.ask(READ) == ANSWER


async def test_h120_a_dead_unit_is_answered_at_once_and_the_others_go_on() -> None:
    with scripted(lambda request: Silence() if request.unit == 6 else Reply()) as device:
        async with behind(device.url, breaker=Breaker(2, 60.0, 60.0), probing=0.05) as (_, client):
            dead = READ.replace(" 05 03", " 06 03")
            for _ in range(20):
                assert (await client.ask(dead)).endswith("06 83 0b")
                assert await client.ask(READ) == ANSWER
            assert sum(request.unit == 6 for request in device.requests) == 2


async def test_h017_reserved_units_have_no_route() -> None:
    async with behind("tcp://127.0.0.1:9") as (_, client):
        for unit in (0, 248, 254, 255):
            assert (await client.ask(f"0001 0000 0006 {unit:02x} 03 0000 0001")).endswith("83 0a")


async def test_h027_a_flood_of_one_client_leaves_the_others_their_turn() -> None:
    device = Units({5: Device(holding_registers=[0x1100, 0x1101])})
    async with (
        Server("tcp://127.0.0.1:0", device) as server,
        behind(server.url, queue_per_origin=16, timeout=2.0, pause=0.002) as (gateway, flooding),
        connected(gateway.url) as modest,
    ):
        await flooding.send(*[READ] * 200)
        assert await asyncio.wait_for(modest.ask(READ), 0.5) == ANSWER
        answers = [await flooding.receive() for _ in range(200)]
    assert {answer[-2:] for answer in answers} == {"01", "06"}


async def test_h007_and_h010_what_is_not_modbus_does_not_reach_the_line() -> None:
    with scripted(Reply()) as device:
        async with behind(device.url) as (_, client):
            await client.send("0001 0001 0006 05 03 0000 0002", READ)
            assert await client.receive() == ANSWER
            assert len(device.requests) == 1


@pytest.mark.parametrize(
    ("number", "pdu", "code"),
    [
        ("H009", "10 0000 0002 04 00", "03"),
        ("count 0", "03 0000 0000", "03"),
        ("count 126", "03 0000 007e", "03"),
        ("beyond the end", "03 ffff 0002", "02"),
        ("coil value", "05 0000 1234", "03"),
        ("function 65", "41 00", "01"),
    ],
)
async def test_what_breaks_the_standard_does_not_reach_the_line(number: str, pdu: str, code: str) -> None:
    with scripted(Reply()) as device:
        async with behind(device.url) as (_, client):
            size = len(bytes.fromhex(pdu)) + 1
            assert (await client.ask(f"0001 0000 {size:04x} 05 {pdu}")).endswith(code)
            assert device.requests == []
