"""Both clients against devices whose connections and times are odd: E10, E11 and E24 to E41.

The other half is in test_misbehaviours.py.
"""

from __future__ import annotations

import asyncio
import logging
import math
import struct
import time
from collections.abc import Callable

import pytest

import mbap
from mbap import (
    Breaker,
    Client,
    ConnectFailed,
    ConnectionLost,
    Link,
    ModbusError,
    NotAsked,
    OutcomeUnknown,
    Quirks,
    ReadHoldingRegisters,
    ResponseTimeout,
    WriteMultipleRegisters,
)
from support.fake_device import FakeDevice
from support.fronts import FRONTS, connected, let_it_notice
from support.peers import free_port
from support.scripted import Held, Reply, Request, Silence, Step, adu, registers, scripted
from support.virtual_tests import scenario

QUICK = 0.5
READ = ReadHoldingRegisters(107, 3)
RIGHT = registers(107, 3)


def holding(*words: int) -> Callable[[Request], Reply]:
    """A device whose registers from 0 are *words*; anything else is refused."""

    def step(request: Request) -> Reply:
        address, count = struct.unpack(">HH", request.pdu[1:5])
        found = words[address : address + count]
        if len(found) < count:
            return Reply(pdu=b"\x83\x02")
        return Reply(pdu=struct.pack(f">BB{count}H", 3, 2 * count, *found))

    return step


def slow_to_be_ready(seconds: float) -> Step:
    """A device that ignores what comes within *seconds* of the last request."""
    last = -math.inf

    def step(request: Request) -> Reply | Silence:
        nonlocal last
        too_early, last = request.at - last < seconds, request.at
        return Silence() if too_early else Reply()

    return step


@pytest.mark.parametrize("kind", FRONTS)
def test_e10_several_answers_in_one_segment_are_told_apart(kind: str) -> None:
    with scripted(Held(), Held(), Reply()) as server, connected(kind, server.url, outstanding=3) as client:
        outcomes = client.execute_many([ReadHoldingRegisters(i, 2) for i in range(3)])
    assert outcomes == [registers(i, 2) for i in range(3)]


@pytest.mark.parametrize("kind", FRONTS)
def test_e11_an_answer_of_another_connection_is_never_taken(kind: str) -> None:
    def swapped(request: Request) -> Reply:
        return Reply() if request.connection == 1 else Reply(raw=adu(server.requests[0], Reply()))

    with (
        scripted(swapped) as server,
        connected(kind, server.url) as first,
        connected(kind, server.url, timeout=QUICK) as second,
    ):
        assert first.execute(READ) == RIGHT
        with pytest.raises(ResponseTimeout, match="but 1 that answered nothing asked"):
            second.execute(ReadHoldingRegisters(500, 3))


@pytest.mark.parametrize("kind", FRONTS)
def test_e24_undefined_registers_are_found_by_the_quirk_and_are_none(kind: str) -> None:
    def without_2(request: Request) -> Reply:
        address, count = struct.unpack(">HH", request.pdu[1:5])
        return Reply(pdu=b"\x83\x02") if address <= 2 < address + count else Reply()

    with (
        scripted(without_2) as server,
        connected(kind, server.url, quirks=Quirks(no_gaps=True)) as client,
    ):
        assert client.read("hr0..4") == [0x1100, 0x1101, None, 0x1103, 0x1104]
        assert client.quirks_used["no_gaps"] == 1


@pytest.mark.parametrize("kind", FRONTS)
def test_e26_just_what_was_named_is_asked(kind: str) -> None:
    with scripted(Reply()) as server, connected(kind, server.url) as client:
        client.read("hr7:float32")
        client.read("hr20:string/8")
        assert [struct.unpack(">HH", one.pdu[1:5]) for one in server.requests] == [(7, 2), (20, 8)]


@pytest.mark.parametrize("kind", FRONTS)
def test_e27_what_means_no_value_is_none(kind: str) -> None:
    with scripted(holding(0x8000, 0x7FBF, 0xFF80, 7)) as server, connected(kind, server.url) as client:
        assert client.read("hr0:int16,none=0x8000") is None
        assert client.read("hr3:int16,none=0x8000") == 7
        number = client.read("hr1:float32")
    assert number is None or (isinstance(number, float) and math.isnan(number))


@pytest.mark.parametrize("kind", FRONTS)
def test_e28_each_item_has_its_own_order_of_words(kind: str) -> None:
    with scripted(holding(0x3FC0, 0, 0, 0x3FC0)) as server, connected(kind, server.url) as client:
        assert client.read("hr0:float32,ABCD") == 1.5
        assert client.read("hr2:float32,CDAB") == 1.5


@pytest.mark.parametrize("kind", FRONTS)
def test_e31_a_device_that_wakes_up_slowly_is_waited_for(kind: str) -> None:
    def slow(request: Request) -> Reply | Silence:
        asleep = request.at - server.opened_at[request.connection - 1] < 0.1
        return Silence() if asleep else Reply()

    with scripted(slow) as server, connected(kind, server.url, timeout=QUICK, connect_pause=0.15) as client:
        assert [client.execute(READ) for _ in range(2)] == [RIGHT] * 2
        assert len(server.requests) == 2


@pytest.mark.parametrize("kind", FRONTS)
def test_e31_a_device_that_is_deaf_for_ever_when_asked_too_early_is_asked_later(kind: str) -> None:
    deaf: set[int] = set()

    def step(request: Request) -> Reply | Silence:
        if request.at - server.opened_at[request.connection - 1] < 0.1:
            deaf.add(request.connection)
        return Silence() if request.connection in deaf else Reply()

    with (
        scripted(step) as server,
        connected(kind, server.url, timeout=QUICK, connect_pause=0.15) as client,
    ):
        assert [client.execute(READ) for _ in range(3)] == [RIGHT] * 3
        assert (server.connections, deaf) == (1, set())


@pytest.mark.parametrize("kind", FRONTS)
def test_e32_a_device_that_closes_what_is_idle_is_connected_anew(kind: str) -> None:
    with scripted(Reply(), closes_idle=0.05) as server, connected(kind, server.url) as client:
        assert client.execute(READ) == RIGHT
        server.wait_for_ends(1)
        let_it_notice(client)
        assert client.execute(READ) == RIGHT
        assert server.connections == 2


@pytest.mark.parametrize("kind", FRONTS)
def test_e33_a_device_that_needs_time_between_requests_gets_it(kind: str) -> None:
    with (
        scripted(slow_to_be_ready(0.03)) as server,
        connected(kind, server.url, timeout=QUICK, pause=0.05) as client,
    ):
        assert [client.execute(READ) for _ in range(3)] == [RIGHT] * 3


@pytest.mark.parametrize("kind", FRONTS)
def test_e33_a_gateway_that_needs_time_between_units_gets_it(kind: str) -> None:
    with scripted(Reply()) as server, connected(kind, server.url, unit_pause=0.1) as client:
        other = client.unit(2)
        for one in (client, client, other):
            assert one.execute(READ) == RIGHT
        first, second, third = (request.at for request in server.requests)
    assert second - first < 0.1 <= third - second


@pytest.mark.parametrize("kind", FRONTS)
def test_e34_a_device_that_is_mute_after_being_idle_is_connected_anew_before(kind: str) -> None:
    def mute_when_idle(request: Request) -> Reply | Silence:
        first = all(one.connection != request.connection for one in server.requests[:-1])
        return Reply() if first else Silence()

    with (
        scripted(mute_when_idle) as server,
        connected(kind, server.url, timeout=QUICK, quirks=Quirks(reconnect_idle=0.01)) as client,
    ):
        assert client.execute(READ) == RIGHT
        time.sleep(0.02)
        assert client.execute(READ) == RIGHT
        assert client.quirks_used == {"reconnect_idle": 1}


@pytest.mark.parametrize("kind", FRONTS)
def test_e35_a_device_with_one_connection_refuses_the_second_client_cleanly(kind: str) -> None:
    with (
        scripted(Reply(), most=1) as server,
        connected(kind, server.url) as first,
        connected(kind, server.url) as second,
    ):
        assert first.execute(READ) == RIGHT
        with pytest.raises(ConnectionLost):
            second.execute(READ)
        assert first.execute(READ) == RIGHT


@pytest.mark.parametrize("kind", FRONTS)
def test_e35_a_second_connection_that_is_kept_mute_times_out(kind: str) -> None:
    with (
        scripted(Reply(), most=1, beyond="mute") as server,
        connected(kind, server.url) as first,
        connected(kind, server.url, timeout=QUICK) as second,
    ):
        assert first.execute(READ) == RIGHT
        with pytest.raises(ResponseTimeout):
            second.execute(READ)


@pytest.mark.parametrize("kind", FRONTS)
def test_e36_a_device_that_refuses_to_reconnect_for_a_while_is_tried_again(kind: str) -> None:
    with (
        scripted(Reply(close=True), Reply(), refuses_for=0.1) as server,
        connected(kind, server.url, retries=20, retry_pauses=(0.02,)) as client,
    ):
        assert client.execute(READ) == RIGHT
        server.wait_for_ends(1)
        let_it_notice(client)
        assert client.execute(READ) == RIGHT
        assert server.connections > 2


@pytest.mark.parametrize("kind", FRONTS)
def test_e37_writes_to_a_device_that_reads_nothing_end_in_time(kind: str) -> None:
    writes = [WriteMultipleRegisters(0, [7] * 123) for _ in range(2000)]
    began = time.monotonic()
    with (
        scripted(most=0, beyond="mute") as server,
        connected(kind, server.url, timeout=QUICK, outstanding=64) as client,
    ):
        outcomes = client.execute_many(writes[:200])
    assert {type(one) for one in outcomes} <= {OutcomeUnknown, ResponseTimeout, ConnectionLost}
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("kind", FRONTS)
def test_e38_a_device_that_is_gone_fails_fast_and_is_found_when_it_is_back(kind: str) -> None:
    port = free_port()
    with connected(kind, f"tcp://127.0.0.1:{port}") as client:
        for _ in range(3):
            with pytest.raises(ConnectFailed):
                client.execute(READ)
        with pytest.raises(NotAsked) as refusal:
            client.execute(READ)
        assert client.state.value == "backing off"
        assert 0 < refusal.value.retry_in <= 1
        with mbap.serving(mbap.Device(holding_registers=range(200)), f"tcp://127.0.0.1:{port}"):
            time.sleep(refusal.value.retry_in)
            assert client.execute(READ) == [107, 108, 109]
            assert client.state.value == "up"


@scenario
async def test_e40_a_dead_unit_does_not_hold_up_the_others_of_its_gateway() -> None:
    device = FakeDevice(latency=0.01)
    device.silent = {9}
    clock = asyncio.get_running_loop().time
    async with Link("plc", clock=clock, dial=device.dial, timeout=1.0, breaker=Breaker(after=2)) as link:
        asked = [link.execute(READ, unit) for unit in (9, 9, 9, 9, 9, 9, 1)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in outcomes[:6]] == [ResponseTimeout] * 2 + [NotAsked] * 4
    assert outcomes[6] == [0, 0, 0]
    assert device.now < 3


@pytest.mark.parametrize("kind", FRONTS)
def test_e41_a_device_that_takes_one_request_at_a_time_is_asked_so(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING, "mbap"),
        scripted(slow_to_be_ready(0.02)) as server,
        connected(kind, server.url, timeout=QUICK, outstanding=4, retries=10, pause=0.0) as client,
    ):
        outcomes = client.execute_many([ReadHoldingRegisters(i, 1) for i in range(12)])
    said = [record.getMessage() for record in caplog.records if record.name.startswith("mbap")]
    assert any("one request at a time from now on: the device" in one for one in said), outcomes


@pytest.mark.parametrize("kind", FRONTS)
def test_e41_a_device_that_resets_when_it_is_asked_too_much_is_asked_less(kind: str) -> None:
    def overwhelmed(request: Request) -> Reply | Silence:
        before = [one for one in server.requests if one.connection == request.connection]
        crowded = len(before) > 1 and before[-1].at - before[-2].at < 0.002
        return Silence(reset=True) if crowded else Reply(delay=0.004)

    with (
        scripted(overwhelmed) as server,
        connected(kind, server.url, outstanding=4, retries=8) as client,
    ):
        outcomes = client.execute_many([ReadHoldingRegisters(i, 1) for i in range(8)])
    assert outcomes == [registers(i, 1) for i in range(8)]


def test_e41_losing_some_of_many_does_not_narrow_the_window() -> None:
    steps: list[Step] = [*[Reply()] * 20, Silence(), Reply()]
    with scripted(*steps) as server, Client(server.url, timeout=QUICK, outstanding=4) as client:
        outcomes = client.execute_many([ReadHoldingRegisters(i, 1) for i in range(60)])
        assert sum(isinstance(one, ModbusError) for one in outcomes) == 1
        assert client._line.sessions.window.size == 4
