"""Gateway: hostile clients and devices by their number in the list of the security study, over sockets.

Each is tried twice: a firewall around the gateway that lets everything known pass makes no difference.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mbap import Breaker, Cached, Device, Gateway, Limits, Link, Permission, Route, Server, Units
from mbap.security.firewall import Firewall
from mbap.server.handler import Handler
from support.policies import policy_of
from support.scripted import Echoed, Reply, ScriptedServer, Silence, Step, scripted
from support.serving import until
from support.wire_client import WireClient, connected

READ = "0001 0000 0006 05 03 0000 0002"
ANSWER = "00 01 00 00 00 07 05 03 04 11 00 11 01"
WRITE = "0002 0000 0006 05 06 0000 0007"
WRITTEN = "00 02 00 00 00 06 05 06 00 00 00 07"


def as_it_is(gateway: Gateway) -> Handler:
    return gateway


def in_a_firewall(gateway: Gateway) -> Handler:
    rules = '[[rules]]\nid = "{}"\nunit = "0-255"\nfunction = "{}"\naction = "{}"\n'
    everything = rules.format("no", "vendor", "deny") + rules.format("yes", "all", "allow")
    return Firewall(policy_of(everything), gateway)


handler_of = as_it_is


@pytest.fixture(autouse=True, params=[as_it_is, in_a_firewall], ids=["alone", "in a firewall"])
def _around(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "handler_of", request.param)


@asynccontextmanager
async def behind(
    url: str,
    limits: Limits | None = None,
    rules: Sequence[str] | None = None,
    broadcast: bool = False,
    cache: float | None = None,
    **options: Any,
) -> AsyncIterator[tuple[Server, WireClient]]:
    """A gateway to units 1 to 20 at *url*, and one client of it."""
    given = {"timeout": 0.15, "quarantine": 0.0, "breaker": None, "backoff": None, **options}
    async with Link(url, **given) as link:
        line = link if cache is None else Cached(link, cache)
        units, permission = range(1, 21), Permission(rules)
        gateway = Gateway([Route.same(line, units, name="hall", permission=permission, broadcast=broadcast)])
        async with (
            Server("tcp://127.0.0.1:0", handler_of(gateway), limits=limits) as server,
            connected(server.url) as one,
        ):
            yield server, one


def framed(pdu: str, unit: int = 5) -> str:
    """The request *pdu* as an ADU."""
    return f"0001 0000 {len(bytes.fromhex(pdu)) + 1:04x} {unit:02x} {pdu}"


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


@pytest.mark.parametrize(
    "pdu",
    [
        "05 0000 ff00",
        "06 0000 0007",
        "0f 0000 0001 01 01",
        "10 0000 0001 02 0007",
        "15 09 06 0001 0000 0001 0007",
        "16 0000 00ff 0100",
        "17 0000 0001 0000 0001 02 0007",
    ],
)
async def test_h118_a_write_is_never_repeated(pdu: str) -> None:
    with scripted(Silence()) as device:
        async with behind(device.url, retries=3, retry_pauses=(0.0,)) as (_, client):
            assert (await client.ask(framed(pdu))).endswith("0b")
            assert [request.pdu for request in device.requests] == [bytes.fromhex(pdu)]


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


# --- what is allowed ---


RULES = ["read", "write holding 100-119"]


@pytest.mark.parametrize("address", [58112, 29440, 57856])
@pytest.mark.parametrize("pdu", ["06 {} 0001", "10 {} 0001 02 0001", "05 {} ff00"])
async def test_h090_configuration_is_not_written_where_rules_do_not_name_it(pdu: str, address: int) -> None:
    with scripted(Reply()) as device:
        async with behind(device.url, rules=RULES) as (_, client):
            assert (await client.ask(framed(pdu.format(f"{address:04x}")))).endswith("01")
            assert await client.ask(READ) == ANSWER
            assert len(device.requests) == 1


async def test_h091_who_is_in_no_network_that_is_served_reaches_nothing() -> None:
    with scripted(Reply()) as device:
        async with behind(device.url, Limits(allow=("10.0.0.0/8",))) as (server, client):
            await client.send(READ, WRITE)
            assert await client.ended() in (b"", b"reset")
            assert device.requests == []
            assert server.statistics().forbidden == 1


@pytest.mark.parametrize("pdu", ["11", "2b 0e 01 00"])
async def test_h092_a_scan_of_all_units_is_answered_and_costs_the_line_little(pdu: str) -> None:
    with scripted(lambda request: Reply() if request.unit == 5 else Silence()) as device:
        async with behind(device.url, timeout=0.2, breaker=Breaker(1, 60.0, 60.0)) as (_, client):
            for _ in range(3):
                for unit in {*range(256)} - {5}:
                    answer = await client.ask(framed(pdu, unit))
                    assert answer[-2:] == ("0b" if 1 <= unit <= 20 else "0a")
            assert len(device.requests) == 19
            assert await client.ask(READ) == ANSWER


BROADCAST = "0001 0000 0006 00 06 0000 0007"


async def test_h093_a_write_to_unit_0_is_0a_where_no_route_wants_it() -> None:
    with scripted(Reply()) as device:
        async with behind(device.url) as (_, client):
            assert (await client.ask(BROADCAST)).endswith("00 86 0a")
            assert device.requests == []


async def test_h093_a_write_to_unit_0_is_sent_and_answered_where_a_route_wants_it() -> None:
    with scripted(Silence(), Reply(), rtu=True) as device:
        async with behind(device.url, broadcast=True) as (_, client):
            assert await client.ask(BROADCAST) == "00 01 00 00 00 06 00 06 00 00 00 07"
            assert await client.ask(READ) == ANSWER
            assert [request.unit for request in device.requests] == [0, 5]


@pytest.mark.parametrize(
    "pdu",
    [
        "16 0000 0000 0001",  # 22 instead of 6
        "17 0064 0001 0000 0001 02 0001",  # 23 instead of 16
        "0f 0000 0001 01 01",  # 15 instead of 5
    ],
)
async def test_h124_rules_hold_whichever_function_it_is(pdu: str) -> None:
    with scripted(Reply()) as device:
        async with behind(device.url, rules=RULES) as (_, client):
            assert (await client.ask(framed(pdu))).endswith("01")
            assert device.requests == []


@pytest.mark.parametrize("pdu", ["10 0077 0002 04 0001 0002", "10 0063 0002 04 0001 0002"])
async def test_h126_every_address_that_is_touched_has_to_be_allowed(pdu: str) -> None:
    with scripted(Reply()) as device:
        async with behind(device.url, rules=RULES) as (_, client):
            assert (await client.ask(framed(pdu))).endswith("90 01")
            assert device.requests == []


# --- between gateway and device ---


@pytest.mark.parametrize(
    ("noise", "reply"),
    [
        ("its own request comes back", Echoed()),
        ("half of it", Echoed(cut=4)),
        ("bytes before", Reply(before=b"\xff\x00\x55")),
        ("an answer of another unit", Reply(unit=6)),
        ("two broken bits", Reply(crc=b"\x00\x00")),
    ],
)
async def test_h119_noise_on_a_line_gives_the_answer_or_0b_and_never_another_one(
    noise: str, reply: Step
) -> None:
    with scripted(reply, Reply(), rtu=True) as device:
        async with behind(device.url) as (_, client):
            first = await client.ask(READ)
            assert first == ANSWER or first.endswith("05 83 0b")
            assert await client.ask(READ.replace("0001", "0002", 1)) == ANSWER.replace("01", "02", 1)


async def test_h121_after_a_write_a_cache_gives_nothing_that_was_there_before() -> None:
    device = Units({5: Device(holding_registers=[1, 2, 3])})
    async with Server("tcp://127.0.0.1:0", device) as server, behind(server.url, cache=60.0) as (_, client):
        assert (await client.ask(READ)).endswith("00 01 00 02")
        assert await client.ask(WRITE) == WRITTEN
        assert (await client.ask(READ)).endswith("00 07 00 02")


async def test_h122_a_loop_over_two_gateways_comes_to_an_end_and_is_0b() -> None:
    async with Link("tcp://127.0.0.1:1", timeout=0.15, retries=0) as nowhere:
        one, other = Gateway([Route({5: 5}, nowhere)]), Gateway([Route({5: 5}, nowhere)])
        async with Server("tcp://127.0.0.1:0", one) as first, Server("tcp://127.0.0.1:0", other) as second:
            options: Any = {"timeout": 0.15, "retries": 0, "backoff": None}
            async with Link(second.url, **options) as there, Link(first.url, **options) as back:
                one.replace([Route({5: 5}, there)])
                other.replace([Route({5: 5}, back)])
                async with connected(first.url) as client:
                    for _ in range(20):
                        assert (await client.ask(READ)).endswith("05 83 0b")
                assert first.statistics().requests <= 20 + 5
                assert second.statistics().requests <= 5


async def test_h123_a_name_is_resolved_anew_for_each_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(Reply(close=True)) as old, scripted(Reply(pdu=bytes.fromhex("03 04 0000 0001"))) as new:
        now = [old.port]

        def resolved(*_: object, **__: object) -> list[tuple[object, ...]]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", now[0]))]

        async with behind("tcp://plc.example") as (_, client):
            monkeypatch.setattr(socket, "getaddrinfo", resolved)
            assert await client.ask(READ) == ANSWER
            now[0] = new.port
            old.wait_for_ends(1)
            assert (await client.ask(READ)).endswith("00 00 00 01")
        assert (old.connections, new.connections) == (1, 1)
