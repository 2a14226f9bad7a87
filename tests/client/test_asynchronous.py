"""mbap.client.asynchronous, over real sockets; what the link decides is in test_link."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import pytest

import mbap
from mbap import AsyncClient, ConnectFailed, ConnectionLost, Device, ReadHoldingRegisters, Registers
from support.peers import free_port
from support.scripted import Held, Reply, Silence, registers, scripted


@pytest.fixture
def url() -> Iterator[str]:
    device = Device(holding_registers=range(1000), coils=[True, False] * 8)
    with mbap.serving(device, "tcp://127.0.0.1:0") as url:
        yield url


async def test_the_operations_reach_a_real_server(url: str) -> None:
    async with AsyncClient(url) as plc:
        assert await plc.read_holding_registers(107, 3) == [107, 108, 109]
        await plc.write_multiple_coils(0, [False, True])
        assert await plc.read("co0..1") == [False, True]
        await plc.write("40108:float32", 1.5, word_order="CDAB")
        assert await plc.read("40108:float32", word_order="CDAB") == 1.5
        assert await plc.unit(9).read_holding_registers(0, 1) == [0]


async def test_many_tasks_share_a_client_and_each_gets_its_own_answer(url: str) -> None:
    async with AsyncClient(url, outstanding=8) as plc:
        answers = await asyncio.gather(*(plc.read_holding_registers(i, 2) for i in range(200)))
    assert answers == [[i, i + 1] for i in range(200)]


async def test_more_requests_than_the_queue_holds_are_carried_out(url: str) -> None:
    async with AsyncClient(url, outstanding=16) as plc:
        outcomes = await plc.execute_many([ReadHoldingRegisters(i % 900, 1) for i in range(3000)])
    assert outcomes == [[i % 900] for i in range(3000)]


async def test_entering_connects_and_says_why_it_cannot() -> None:
    with pytest.raises(ConnectFailed, match=r"127\.0\.0\.1:\d+.*refused"):
        async with AsyncClient(f"127.0.0.1:{free_port()}"):
            pass


async def test_after_cancelling_nobody_gets_the_answer_that_comes_late() -> None:
    with scripted(Held(), Reply()) as server:
        async with AsyncClient(server.url) as plc:
            task = asyncio.ensure_future(plc.read_holding_registers(0, 2))
            await asyncio.to_thread(server.wait_for_requests, 1)
            task.cancel()
            assert await plc.read_holding_registers(50, 2) == registers(50, 2)


async def test_cancelling_many_requests_cancels_all() -> None:
    with scripted(Silence()) as server:
        async with AsyncClient(server.url, outstanding=2) as plc:
            task = asyncio.ensure_future(plc.execute_many([ReadHoldingRegisters(i, 1) for i in range(9)]))
            await asyncio.to_thread(server.wait_for_requests, 2)
            task.cancel()
            await asyncio.wait([task])
        assert len(server.requests) <= 3


class Broken(ReadHoldingRegisters):
    """A request class with a fault of its own."""

    def decode_response(self, pdu: bytes) -> Registers:
        raise KeyError(pdu)


async def test_a_request_class_that_breaks_does_not_leave_its_caller_waiting(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncClient(url) as plc, asyncio.timeout(10):
        with pytest.raises(ConnectionLost, match="reading the answer failed"):
            await plc.execute(Broken(0, 1))
        assert await plc.read_holding_registers(0, 1) == [0]
    assert "KeyError" in caplog.text


async def test_a_closed_client_stays_closed(url: str) -> None:
    plc = AsyncClient(url)
    await plc.aclose()
    await plc.aclose()
    with pytest.raises(ConnectionLost):
        await plc.read_coils(0, 1)
    with pytest.raises(ConnectionLost):
        await plc.__aenter__()


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not for Windows")
def test_it_works_on_uvloop(url: str) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> object:
        async with AsyncClient(url, outstanding=4) as plc:
            return await plc.execute_many([ReadHoldingRegisters(i, 1) for i in range(20)])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == [[i] for i in range(20)]
