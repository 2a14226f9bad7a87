"""The live connection over a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager

import pytest
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mbap.dashboard.catalogue import CurrentCatalogue
from mbap.dashboard.feed import Feed
from mbap.dashboard.live import Live
from mbap.dashboard.options import WebOptions
from support.plant import METER, SECOND, FakePlant, device
from support.served import ServedPlant

Message = dict[str, object]
SUBSCRIBE_ALL = '{"type":"subscribe","points":"all"}'


def live(served: ServedPlant) -> str:
    return served.url.replace("http:", "ws:") + "api/v1/live"


@asynccontextmanager
async def subscribed(served: ServedPlant, text: str = SUBSCRIBE_ALL) -> AsyncIterator[ClientConnection]:
    async with connect(live(served)) as page:
        await page.send(text)
        yield page


async def receive(page: ClientConnection, kind: str) -> Message:
    """The next message of a kind."""
    async with asyncio.timeout(5):
        while True:
            message: Message = json.loads(await page.recv())
            if message["type"] == kind:
                return message


async def test_a_page_is_greeted_with_name_and_revision(served: ServedPlant) -> None:
    async with connect(live(served)) as page:
        hello = await receive(page, "hello")
    assert hello["name"] == "Waterworks North"


async def test_values_come_and_come_again(served: ServedPlant) -> None:
    async with subscribed(served) as page:
        first, second = await receive(page, "values"), await receive(page, "values")
    assert first["blocks"] != second["blocks"]


async def test_the_state_of_the_devices_comes_at_once(served: ServedPlant) -> None:
    async with subscribed(served, '{"type":"subscribe"}') as page:
        status = await receive(page, "status")
    assert isinstance(status["devices"], dict)
    assert status["devices"]["spare"]["state"] == "failing"


async def test_another_interest_begins_with_all_of_it(served: ServedPlant) -> None:
    async with subscribed(served, '{"type":"subscribe","points":[]}') as page:
        await receive(page, "status")
        await page.send('{"type":"subscribe","points":["pump.speed"]}')
        values = await receive(page, "values")
    assert isinstance(values["blocks"], list)
    assert [len(numbers) for _, numbers, _, _ in values["blocks"]] == [1]


async def test_a_message_that_is_none_of_ours_closes_with_a_sentence(served: ServedPlant) -> None:
    async with subscribed(served, "hello?") as page:
        with pytest.raises(ConnectionClosed) as closed:
            await receive(page, "values")
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "a message is one JSON object.")


async def test_bytes_close_it_too(served: ServedPlant) -> None:
    async with connect(live(served)) as page:
        await page.send(b"\x00\x01")
        with pytest.raises(ConnectionClosed) as closed:
            await receive(page, "values")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
async def test_a_page_of_another_site_cannot_connect(served: ServedPlant, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(live(served), additional_headers={"Origin": origin}):
            pass
    assert refused.value.response.status_code == 403


async def test_a_foreign_host_cannot_connect(served: ServedPlant) -> None:
    foreign = live(served).replace("127.0.0.1", "rebound.example")
    with pytest.raises(InvalidStatus) as refused:
        async with connect(foreign, host="127.0.0.1", port=served.port):
            pass
    assert refused.value.response.status_code == 421


async def test_a_protected_page_wants_the_token() -> None:
    with ServedPlant(WebOptions(token="t0ken")) as served:
        with pytest.raises(InvalidStatus):
            await connect(live(served))
        async with connect(live(served), additional_headers={"Authorization": "Bearer t0ken"}) as page:
            assert (await receive(page, "hello"))["type"] == "hello"


async def test_one_page_too_many_is_told_to_try_later() -> None:
    with ServedPlant(WebOptions(max_pages=1)) as served:
        async with subscribed(served) as first, connect(live(served)) as second:
            with pytest.raises(ConnectionClosed) as closed:
                await receive(second, "hello")
            await receive(first, "values")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013


async def test_other_devices_are_announced() -> None:
    with ServedPlant() as served:
        async with subscribed(served) as page:
            before = await receive(page, "hello")
            served.fake.plant.devices = [device("new", "New meter", METER)]
            after = await receive(page, "hello")
    assert before["revision"] != after["revision"]


async def test_a_page_that_reads_nothing_costs_the_others_nothing() -> None:
    many = [device(f"meter_{n}", f"Meter {n}", METER) for n in range(60)]
    with ServedPlant(polled=many) as served:
        slow = await asyncio.to_thread(stuck_page, served)
        try:
            async with subscribed(served) as page:
                for _ in range(6):
                    await receive(page, "values")
        finally:
            slow.close()


def stuck_page(served: ServedPlant) -> socket.socket:
    """A page that subscribes to everything and then never reads, with hardly a buffer."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", served.port))
    slow.sendall(
        f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    payload = SUBSCRIBE_ALL.encode()
    slow.sendall(bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload)  # masked with zeros
    return slow


class SlowPage:
    """The far end of a connection without a network: takes a message only when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.sent: list[MutableMapping[str, object]] = []
        self._coming: asyncio.Queue[MutableMapping[str, object]] = asyncio.Queue()
        self._coming.put_nowait({"type": "websocket.connect"})
        self._coming.put_nowait({"type": "websocket.receive", "text": SUBSCRIBE_ALL})

    def socket(self) -> WebSocket:
        """Our end of it."""
        return WebSocket({"type": "websocket"}, self._coming.get, self._take)

    def leave(self) -> None:
        """Close it."""
        self._coming.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def _take(self, message: MutableMapping[str, object]) -> None:
        if message["type"] == "websocket.send":
            await self.let.wait()
        self.sent.append(message)


async def test_what_a_slow_page_missed_is_merged_and_counted(fake: FakePlant) -> None:
    live = Live(Feed(fake.plant, CurrentCatalogue(fake.plant)), max_pages=9, tick_seconds=0.01)
    page = SlowPage()
    served = asyncio.create_task(live.endpoint(page.socket()))
    async with asyncio.timeout(5):
        while live.ticks < 20:
            fake.step(fake.now + SECOND)
            await asyncio.sleep(0.01)
        assert (live.pages, len(page.sent)) == (1, 1)  # accepted, and a message that is still on its way
        page.let.set()
        while live.merged == 0:
            await asyncio.sleep(0.01)
        page.leave()
        await served
    assert live.pages == 0


async def test_without_a_page_nothing_ticks(fake: FakePlant) -> None:
    live = Live(Feed(fake.plant, CurrentCatalogue(fake.plant)), max_pages=9, tick_seconds=0.01)
    page = SlowPage()
    page.let.set()
    page.leave()
    await live.endpoint(page.socket())
    ticks = live.ticks
    await asyncio.sleep(0.05)
    assert live.ticks == ticks
