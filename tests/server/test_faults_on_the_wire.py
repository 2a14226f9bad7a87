"""Each fault as a client sees it: the server on loopback, and the very bytes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mbap.server.admission import Admission, WhenFull
from mbap.server.device import Device
from mbap.server.faults import Fault, Faults, Rule
from mbap.server.server import Server
from support.wire_client import WireClient, connected

READ = "0007 0000 0006 01 03 0000 0001"
OTHER = "0008 0000 0006 01 03 0001 0001"
RIGHT = "00 07 00 00 00 05 01 03 02 00 64"
RIGHT_OTHER = "00 08 00 00 00 05 01 03 02 00 65"
ONCE = 1


@asynccontextmanager
async def misbehaving(
    *faults: Fault, times: int | None = ONCE, admission: Admission | None = None
) -> AsyncIterator[Server]:
    """A server that makes each of *faults* so many times."""
    planned = Faults([Rule(fault, times=times) for fault in faults], admission=admission)
    async with Server("tcp://127.0.0.1:0", Device(holding_registers=[100, 101]), faults=planned) as server:
        yield server


@asynccontextmanager
async def facing(*faults: Fault) -> AsyncIterator[WireClient]:
    async with misbehaving(*faults) as server, connected(server.url) as client:
        yield client


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault("late", delay=0.02), RIGHT),
        (Fault("exception", code=4), "00 07 00 00 00 03 01 83 04"),
        (Fault("busy", code=6), "00 07 00 00 00 03 01 83 06"),
        (Fault("split", delay=0.001), RIGHT),
        (Fault("trickle", delay=0.002), RIGHT),
        (Fault("wrong_transaction"), "00 08 00 00 00 05 01 03 02 00 64"),
        (Fault("wrong_unit"), "00 07 00 00 00 05 02 03 02 00 64"),
        (Fault("wrong_function"), "00 07 00 00 00 05 01 04 02 00 64"),
        (Fault("wrong_byte_count"), "00 07 00 00 00 05 01 03 03 00 64"),
        (Fault("wrong_protocol"), "00 07 00 01 00 05 01 03 02 00 64"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_the_answer_is_as_the_fault_says_and_the_next_one_right(fault: Fault, answer: str) -> None:
    async with facing(fault) as client:
        assert await client.ask(READ) == answer
        assert await client.ask(OTHER) == RIGHT_OTHER


async def test_silent_answers_nothing() -> None:
    async with facing(Fault("silent")) as client:
        await client.send(READ)
        assert await client.ask(OTHER) == RIGHT_OTHER


async def test_a_wrong_length_swallows_what_follows() -> None:
    async with facing(Fault("wrong_length")) as client:
        await client.send(READ, OTHER)
        assert await client.receive() == "00 07 00 00 00 06 01 03 02 00 64 00"


async def test_duplicate_answers_twice() -> None:
    async with facing(Fault("duplicate")) as client:
        assert await client.ask(READ) == RIGHT
        assert await client.receive() == RIGHT


async def test_reorder_answers_behind_the_next_answer() -> None:
    async with facing(Fault("reorder", delay=5.0)) as client:
        await client.send(READ, OTHER)
        assert [await client.receive(), await client.receive()] == [RIGHT_OTHER, RIGHT]


async def test_reorder_answers_late_where_there_is_no_next_answer() -> None:
    async with facing(Fault("reorder", delay=0.02)) as client:
        assert await client.ask(READ) == RIGHT


async def test_a_slow_answer_does_not_overtake() -> None:
    async with facing(Fault("trickle", delay=0.002)) as client:
        await client.send(READ, OTHER)
        assert [await client.receive(), await client.receive()] == [RIGHT, RIGHT_OTHER]


@pytest.mark.parametrize(
    ("kind", "bytes_sent"), [("rubbish_before", "0d0a" + RIGHT), ("rubbish_after", RIGHT + "0d0a")]
)
async def test_rubbish_comes_with_the_answer(kind: str, bytes_sent: str) -> None:
    fault = Fault("rubbish_before" if kind == "rubbish_before" else "rubbish_after", octets=b"\r\n")
    async with facing(fault) as client:
        await client.send(READ)
        assert await client.reader.readexactly(13) == bytes.fromhex(bytes_sent)


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        (Fault("close"), ""),
        (Fault("close", when="during"), "0007 0000 00"),
        (Fault("close", when="after"), RIGHT),
    ],
    ids=["before", "during", "after"],
)
async def test_close_ends_the_connection(fault: Fault, sent: str) -> None:
    async with facing(fault) as client:
        await client.send(READ)
        assert await client.ended() == bytes.fromhex(sent)


@pytest.mark.parametrize("when", ["before", "during", "after"])
async def test_reset_ends_the_connection_by_rst(when: str) -> None:
    fault = Fault("reset", when="before" if when == "before" else "during" if when == "during" else "after")
    async with facing(fault) as client:
        await client.send(READ)
        assert await client.ended() == b"reset"


async def test_reboot_resets_every_connection_and_new_ones_for_a_while() -> None:
    async with misbehaving(Fault("reboot", delay=0.2)) as server:
        async with connected(server.url) as other, connected(server.url) as client:
            await client.send(READ)
            assert await client.ended() == b"reset"
            assert await other.ended() == b"reset"
        async with connected(server.url) as early:
            assert await early.ended() == b"reset"
        await asyncio.sleep(0.25)
        async with connected(server.url) as later:
            assert await later.ask(READ) == RIGHT


async def test_one_connection_too_many_is_reset() -> None:
    async with (
        misbehaving(admission=Admission(1, "refuse")) as server,
        connected(server.url) as first,
        connected(server.url) as second,
    ):
        assert await first.ask(READ) == RIGHT
        assert await second.ended() == b"reset"
        assert await first.ask(READ) == RIGHT


async def test_one_connection_too_many_can_end_the_oldest() -> None:
    async with misbehaving(admission=Admission(1, "drop")) as server, connected(server.url) as first:
        assert await first.ask(READ) == RIGHT
        async with connected(server.url) as second:
            assert await second.ask(READ) == RIGHT
            assert await first.ended() == b""


async def test_one_connection_too_many_can_stay_mute() -> None:
    async with misbehaving(admission=Admission(1, "mute")) as server, connected(server.url) as first:
        assert await first.ask(READ) == RIGHT
        async with connected(server.url) as second:
            await second.send(READ)
            assert await first.ask(READ) == RIGHT
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(second.reader.read(1), 0.05)


async def test_a_connection_that_ended_makes_room() -> None:
    async with misbehaving(admission=Admission(1, "refuse")) as server:
        for _ in range(3):
            async with connected(server.url) as client:
                assert await client.ask(READ) == RIGHT
            while server.statistics().connections:
                await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("when_full", "counted"), [("refuse", "refused"), ("drop", "dropped"), ("mute", "mute")]
)
async def test_what_becomes_of_one_connection_too_many_is_counted(when_full: WhenFull, counted: str) -> None:
    faults = Faults([], admission=Admission(1, when_full))
    async with (
        Server("tcp://127.0.0.1:0", Device(holding_registers=[7]), faults=faults) as server,
        connected(server.url) as first,
        connected(server.url),
    ):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await first.ask(READ)
        while not faults.happened:
            await asyncio.sleep(0.001)
    assert faults.happened == {counted: 1}


async def test_answers_that_wait_are_limited_and_counted() -> None:
    faults = Faults([Rule(Fault("trickle", delay=60.0))])
    async with (
        Server("tcp://127.0.0.1:0", Device(holding_registers=[100, 101]), faults=faults) as server,
        connected(server.url) as client,
    ):
        for _ in range(10):
            await client.send(READ * 50)
        while server.statistics().requests < 500:
            await asyncio.sleep(0.001)
        assert faults.besides["overflowed"] == 500 - 4096 // 11


@pytest.mark.parametrize(
    ("scheme", "request_bytes", "answer"),
    [
        ("rtu+tcp", "01 03 0000 0001 840a", "02 03 02 0064 fdaf"),
        ("ascii+tcp", b":010300000001FB\r\n".hex(), b":020302006495\r\n".hex()),
    ],
)
async def test_other_framings_misbehave_too_with_their_check_right_again(
    scheme: str, request_bytes: str, answer: str
) -> None:
    faults = Faults([Rule(Fault("wrong_unit"), units=frozenset({1}))])
    async with (
        Server(f"{scheme}://127.0.0.1:0", Device(holding_registers=[100]), faults=faults) as server,
        connected(server.url) as client,
    ):
        await client.send(request_bytes)
        wanted = bytes.fromhex(answer)
        assert await client.reader.readexactly(len(wanted)) == wanted
