"""mbap.client.events, and the events of both clients and of a link."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import mbap
from mbap import Client, ConnectFailed, Link, LinkEvent, LinkState, NotAsked, ReadHoldingRegisters
from mbap.client.events import MOST_WAITING, Events
from support.fake_device import FakeDevice
from support.peers import free_port
from support.scripted import Reply, Silence, scripted
from support.virtual_tests import scenario

READ = ReadHoldingRegisters(0, 2)


def states(events: list[LinkEvent]) -> list[str]:
    return [event.state.value for event in events]


@scenario
async def test_a_link_tells_connecting_up_down_and_backing_off() -> None:
    device, seen = FakeDevice(), list[LinkEvent]()
    async with Link(
        "plc", clock=asyncio.get_running_loop().time, dial=device.dial, on_event=seen.append
    ) as link:
        await link.execute(READ, 1)
        device.unreachable = "the connection was refused"
        device.connections[0].lose(ConnectionResetError())
        for _ in range(3):
            await asyncio.sleep(0)
            with pytest.raises(ConnectFailed):
                await link.execute(READ, 1)
        with pytest.raises(NotAsked):
            await link.execute(READ, 1)
        await asyncio.sleep(0)
        assert link.state is LinkState.BACKING_OFF
    assert states(seen) == [
        "connecting",
        "up",
        "down",
        "connecting",
        "down",
        "connecting",
        "down",
        "connecting",
        "down",
        "backing off",
    ]
    assert seen[2].reason == "the device reset the connection"
    assert seen[-1].reason == "the connection was refused"
    assert 0.7 < seen[-1].retry_in <= 1.0


@scenario
async def test_events_can_be_iterated_over_until_the_link_is_closed() -> None:
    device = FakeDevice()
    link = Link("plc", clock=asyncio.get_running_loop().time, dial=device.dial)
    events = link.events()
    await link.execute(READ, 1)
    await link.aclose()
    assert [event.state.value async for event in events] == ["connecting", "up", "down"]


def test_the_blocking_client_tells_the_same() -> None:
    seen = list[LinkEvent]()
    with scripted(Reply(), Silence(close=True)) as server, Client(server.url, on_event=seen.append) as plc:
        assert plc.state is LinkState.UP
        plc.execute(READ)
        with pytest.raises(mbap.ConnectionLost):
            plc.execute(READ)
    assert states(seen) == ["connecting", "up", "down"]
    assert str(seen[-1]) == (f"{server.url} is down: the device closed the connection instead of answering")


def test_the_blocking_client_fails_fast_after_three_vain_attempts() -> None:
    seen = list[LinkEvent]()
    plc = Client(f"127.0.0.1:{free_port()}", on_event=seen.append)
    for _ in range(3):
        with pytest.raises(ConnectFailed):
            plc.execute(READ)
    with pytest.raises(NotAsked, match="no connection could be made 3 times in a row"):
        plc.execute(READ)
    plc.close()
    assert states(seen) == [*["connecting", "down"] * 3, "backing off"]


def test_a_listener_that_fails_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: LinkEvent) -> None:
        raise ZeroDivisionError

    with scripted(Reply()) as server, Client(server.url, on_event=broken) as plc:
        assert plc.execute(READ) == [0x1100, 0x1101]
    assert "the listener to events of" in caplog.text


def test_a_listener_that_uses_its_client_is_told_not_to(caplog: pytest.LogCaptureFixture) -> None:
    plc: list[Client] = []
    with scripted(Reply()) as server:
        plc.append(Client(server.url, on_event=lambda event: print(plc[0].execute(READ))))
        assert plc[0].execute(READ) == [0x1100, 0x1101]
        plc[0].close()
    assert "must not use the client that it listens to" in caplog.text


def test_a_listener_may_close_its_client() -> None:
    plc: list[Client] = []
    with scripted(Reply()) as server:
        plc.append(Client(server.url, on_event=lambda event: plc[0].close()))
        with pytest.raises(mbap.ConnectionLost):
            plc[0].execute(READ)
        plc[0].close()


async def test_a_slow_reader_keeps_the_newest() -> None:
    events = Events("plc", None)
    stream = events.stream()
    for _ in range(MOST_WAITING):
        events.change(LinkState.CONNECTING)
        events.change(LinkState.DOWN, "refused")
    events.close()
    assert stream.dropped == MOST_WAITING
    assert len([event async for event in stream]) == MOST_WAITING


def test_the_same_state_again_is_no_event() -> None:
    seen: list[Any] = []
    events = Events("plc", seen.append)
    events.change(LinkState.DOWN)
    events.deliver()
    assert seen == []
