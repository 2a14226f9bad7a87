"""A handler that decides who is served hears who comes, goes, is sent away, and sends what is no request."""

from __future__ import annotations

from typing import TypeVar

from mbap.errors import Disconnect
from mbap.server.admission import Admission
from mbap.server.device import Device
from mbap.server.faults import Faults
from mbap.server.handler import Call, Peer
from mbap.server.limits import Limits
from support.serving import ANSWER_0, READ_0, serving, until
from support.wire_client import connected

R = TypeVar("R")
DEVICE = Device(holding_registers=[7, 8, 9])


class Door:
    """Writes down what it is told; refuses everybody while *shut*."""

    def __init__(self, *, shut: bool = False) -> None:
        self.shut = shut
        self.here: list[Peer] = []
        self.gone: list[Peer] = []
        self.away: list[tuple[str, str]] = []
        self.wrong: list[tuple[int, int, str, str]] = []

    def handle(self, call: Call[R]) -> R:
        return DEVICE.handle(call)

    def arrived(self, peer: Peer) -> None:
        self.here.append(peer)
        if self.shut:
            raise Disconnect

    def left(self, peer: Peer) -> None:
        self.gone.append(peer)

    def turned_away(self, peer: Peer, reason: str) -> None:
        self.away.append((peer.address, reason))

    def malformed(self, peer: Peer, unit: int, data: bytes, reason: str) -> None:
        self.wrong.append((peer.session, unit, data.hex(), reason))


async def test_it_hears_of_a_connection_and_of_its_end() -> None:
    door = Door()
    async with serving(door) as (_, client):
        assert await client.ask(READ_0) == ANSWER_0
        assert [peer.address for peer in door.here] == ["127.0.0.1"]
        assert not door.gone
    await until(lambda: bool(door.gone))
    assert door.gone == door.here


async def test_every_connection_has_a_number_of_its_own() -> None:
    door = Door()
    async with serving(door) as (server, _), connected(server.url):
        await until(lambda: len(door.here) == 2)
    assert len({peer.session for peer in door.here}) == 2
    assert 0 not in {peer.session for peer in door.here}


async def test_whom_it_does_not_want_is_closed_before_a_byte_is_read() -> None:
    door = Door(shut=True)
    async with serving(door) as (server, client):
        await client.send(READ_0)
        assert await client.ended() in (b"", b"reset")
        assert server.statistics().requests == 0
    assert door.gone == door.here


async def test_a_connection_that_a_made_fault_refuses_was_here_and_left() -> None:
    door = Door()
    async with (
        serving(door, faults=Faults([], admission=Admission(1))) as (server, _),
        connected(server.url) as two,
    ):
        assert await two.ended() == b"reset"
        await until(lambda: bool(door.gone))
        assert len(door.here) == 2


async def test_it_hears_whose_address_is_not_served() -> None:
    door = Door()
    async with serving(door, Limits(allow=("192.0.2.1",))) as (_, client):
        assert await client.ended() in (b"", b"reset")
        await until(lambda: bool(door.away))
    assert door.away[0][0] == "127.0.0.1"
    assert not door.here


async def test_it_sees_a_pdu_that_is_refused() -> None:
    door = Door()
    async with serving(door) as (_, client):
        assert (await client.ask("0001 0000 0006 09 03 0000 0000")).endswith("09 83 03")
    (_, unit, data, reason) = door.wrong[0]
    assert (unit, data) == (9, "0300000000")
    assert "illegal data value" in reason


async def test_it_sees_what_ends_a_connection() -> None:
    door = Door()
    async with serving(door) as (_, client):
        await client.send("0001 0000 FFFF 01 03")
        assert await client.ended() in (b"", b"reset")
    assert door.wrong[0][2] == "00010000ffff0103"
