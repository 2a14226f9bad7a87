"""The recording proxy: hands on every byte, and writes down what was said."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mbap.server.device import Device
from mbap.server.faults import Fault, Faults, Rule
from mbap.server.recorder import Recorder
from mbap.server.server import Server
from mbap.server.trace import Trace, parse_trace
from mbap.transport.endpoint import parse_endpoint
from support.wire_client import WireClient, connected

READ = "0007 0000 0006 01 03 0000 0002"
RIGHT = "00 07 00 00 00 07 01 03 04 00 0a 00 0b"


class Recording:
    """A recorder in front of a device, and what it wrote."""

    def __init__(self, recorder: Recorder, file: io.StringIO) -> None:
        self.recorder = recorder
        self.url = f"tcp://127.0.0.1:{recorder.port}"
        self._file = file

    async def trace(self) -> Trace:
        await self.recorder.aclose()
        return parse_trace(self._file.getvalue())


@asynccontextmanager
async def recording(
    *rules: Rule, anonymise: bool = False, most: int = 100, max_connections: int = 8
) -> AsyncIterator[Recording]:
    faults = Faults(rules) if rules else None
    device = Device(holding_registers=[10, 11])
    async with Server("tcp://127.0.0.1:0", device, faults=faults) as server:
        file = io.StringIO()
        target = parse_endpoint(server.url)
        async with Recorder(
            target, file, "now", anonymise=anonymise, most=most, max_connections=max_connections
        ) as recorder:
            await recorder.start(parse_endpoint("tcp://127.0.0.1:0", listening=True))
            yield Recording(recorder, file)


async def ask(client: WireClient) -> None:
    assert await client.ask(READ) == RIGHT


async def test_a_request_and_its_answer_are_written_down() -> None:
    async with recording() as recorded:
        async with connected(recorded.url) as client:
            await ask(client)
        (exchange,) = (await recorded.trace()).exchanges
    assert (exchange.unit, exchange.client, exchange.peer) == (1, 1, "127.0.0.1")
    assert exchange.request == bytes.fromhex("03 0000 0002")
    assert exchange.answer == bytes.fromhex("03 04 000a 000b")
    assert 0.0 <= exchange.after < 5.0


async def test_silence_is_written_down_when_the_connection_ends() -> None:
    async with recording(Rule(Fault("silent"), times=1)) as recorded:
        async with connected(recorded.url) as client:
            await client.send("0001 0000 0006 01 03 0000 0001")
            await ask(client)
        trace = await recorded.trace()
    assert [exchange.answer is None for exchange in trace.exchanges] == [True, False]
    assert recorded.recorder.counted.unanswered == 1


async def test_hosts_can_be_left_out() -> None:
    async with recording(anonymise=True) as recorded:
        async with connected(recorded.url) as client:
            await ask(client)
        trace = await recorded.trace()
    assert (trace.device, trace.exchanges[0].peer) == ("tcp://device", "client-1")


async def test_what_is_not_modbus_is_handed_on_all_the_same() -> None:
    async with recording(Rule(Fault("rubbish_before", octets=b"\xff" * 30), times=1)) as recorded:
        async with connected(recorded.url) as client:
            await client.send(READ)
            assert await client.reader.readexactly(43) == b"\xff" * 30 + bytes.fromhex(RIGHT)
        trace = await recorded.trace()
    assert recorded.recorder.counted.unreadable == 1
    assert [exchange.answer for exchange in trace.exchanges] == [None]


async def test_an_answer_to_nothing_is_counted() -> None:
    async with recording(Rule(Fault("duplicate"), times=1)) as recorded:
        async with connected(recorded.url) as client:
            await ask(client)
            assert await client.receive() == RIGHT
        assert len((await recorded.trace()).exchanges) == 1
    assert recorded.recorder.counted.unasked == 1


async def test_the_device_closing_closes_towards_the_client() -> None:
    async with (
        recording(Rule(Fault("close"), times=1)) as recorded,
        connected(recorded.url) as client,
    ):
        await client.send(READ)
        assert await client.ended() == b""


async def test_a_device_that_resets_ends_the_connection_to_the_client() -> None:
    async with (
        recording(Rule(Fault("reset"), times=1)) as recorded,
        connected(recorded.url) as client,
    ):
        await client.send(READ)
        assert await client.ended() in (b"", b"reset")


async def test_a_full_trace_is_left_as_it_is() -> None:
    async with recording(most=1) as recorded:
        async with connected(recorded.url) as client:
            await ask(client)
            await ask(client)
        assert len((await recorded.trace()).exchanges) == 1
    assert recorded.recorder.counted.surplus == 1


async def test_one_client_too_many_is_refused() -> None:
    async with recording(max_connections=1) as recorded, connected(recorded.url) as first:
        await ask(first)
        async with connected(recorded.url) as second:
            assert await second.ended() in (b"", b"reset")
        await ask(first)
    assert recorded.recorder.counted.refused == 1


async def test_a_device_that_is_not_there_refuses_the_client() -> None:
    file = io.StringIO()
    async with Server("tcp://127.0.0.1:0", Device()) as gone:
        target = parse_endpoint(gone.url)
    async with Recorder(target, file, "now") as recorder:
        await recorder.start(parse_endpoint("tcp://127.0.0.1:0", listening=True))
        async with connected(f"tcp://127.0.0.1:{recorder.port}") as client:
            assert await client.ended() in (b"", b"reset")
    assert recorder.counted.refused == 1


async def test_requests_that_wait_are_limited() -> None:
    async with recording(Rule(Fault("silent")), most=1000) as recorded:
        async with connected(recorded.url) as client:
            for number in range(300):
                await client.send(f"{number:04x} 0000 0006 01 03 0000 0001")
            while recorded.recorder.counted.unanswered < 300 - 256:
                await asyncio.sleep(0.001)
        assert len((await recorded.trace()).exchanges) == 300


class FullDisk(io.StringIO):
    """A file that takes its first line only."""

    def write(self, text: str) -> int:
        if self.tell():
            raise OSError(28, "No space left on device")
        return super().write(text)


async def test_a_full_disk_ends_the_trace_and_not_the_traffic() -> None:
    async with (
        Server("tcp://127.0.0.1:0", Device(holding_registers=[10, 11])) as server,
        Recorder(parse_endpoint(server.url), FullDisk(), "now") as recorder,
    ):
        await recorder.start(parse_endpoint("tcp://127.0.0.1:0", listening=True))
        async with connected(f"tcp://127.0.0.1:{recorder.port}") as client:
            await ask(client)
            await ask(client)
    assert recorder.counted.surplus == 2
    assert "No space left" in str(recorder.failure)
