"""Plain requests that a gateway passes on as they came: without a task, in order, and only where it may."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mbap import IllegalFunction, Link, Server
from mbap.client.breaker import Breaker
from mbap.client.queue import Ticket
from mbap.protocol.pdu import WriteSingleRegister
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from mbap.server.connection import Connection
from mbap.server.forwarding import Forwarded
from mbap.server.gateway import Gateway
from mbap.server.handler import Call
from mbap.server.permission import Permission
from mbap.server.proxy import Cached
from mbap.server.routes import Route
from support.fake_time import run_virtual
from support.fake_transport import FakeTransport
from support.forwarding import Place, adu, read, taken, told
from support.troubled import QUICK, TIMEOUT, Devices

R = TypeVar("R")


@contextmanager
def no_tasks() -> Iterator[None]:
    """Fails when there are more tasks afterwards."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() == before


def test_no_request_needs_a_task() -> None:
    async def scenario() -> None:
        place = await Place().connected()
        client = place.client()
        with no_tasks():
            client.feed(read(1), adu(2, 1, "06 0005 1234"), read(3, unit=2, address=7))
        await asyncio.sleep(5 * QUICK)
        assert taken(client) == told(1) + adu(2, 1, "06 0005 1234") + told(3, 2, 7)

    run_virtual(scenario())


def test_a_unit_without_a_route_gets_0a_and_a_resting_one_0b_at_once_without_a_task() -> None:
    async def scenario() -> None:
        place = await Place().connected()
        client = place.client()
        for number in range(2):
            place.devices.next[1] = "silent"
            client.feed(read(number))
            await asyncio.sleep(1.1 * TIMEOUT)
        taken(client)
        with no_tasks():
            client.feed(read(3), read(4, unit=77))
        assert taken(client) == adu(3, 1, "83 0B") + adu(4, 77, "83 0A")

    run_virtual(scenario())


def test_a_resting_unit_of_a_serial_line_needs_no_task_either() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        devices = Devices(lambda: RtuFraming(Side.SERVER, echo=False))
        link = Link(
            "rtu+tcp://a:1", dial=devices.dial, clock=loop.time, timeout=TIMEOUT, breaker=Breaker(1, 60.0)
        )
        gateway = Gateway([Route.same(link, name="a")], clock=loop.time)
        client = FakeTransport(Connection(Server("tcp://127.0.0.1:0", gateway)))
        devices.next[1] = "silent"
        client.feed(read(1))
        await asyncio.sleep(2 * TIMEOUT)
        with no_tasks():
            client.feed(read(2))
        assert taken(client) == adu(1, 1, "83 0B") + adu(2, 1, "83 0B")
        counted = gateway.traffic.unit("a", 1)
        assert (counted.requests, counted.failures, link.statistics().not_asked) == (2, 2, 1)
        await link.aclose()

    run_virtual(scenario())


def test_what_came_in_one_segment_goes_out_in_one_write() -> None:
    async def scenario() -> None:
        place = await Place(outstanding=4).connected()
        client = place.client()
        writes: list[bytes] = []
        client.write = writes.append  # type: ignore[method-assign,assignment]
        client.feed(*(read(number, address=number) for number in range(4)))
        connection = place.link._slots.connections[0]
        assert connection.direct is not None
        numbers = enumerate(connection.direct.asked)
        connection.data_received(bytes.fromhex("".join(told(number, address=at) for at, number in numbers)))
        assert [one.hex() for one in writes] == ["".join(told(number, address=number) for number in range(4))]

    run_virtual(scenario())


def test_a_broadcast_that_waits_behind_them_is_not_taken_for_a_request_that_is_answered() -> None:
    async def scenario() -> None:
        place = await Place().connected()
        client = place.client()
        place.devices.next[0] = "silent"
        client.feed(read(1), read(2, address=2))
        everybody = asyncio.create_task(place.link.broadcast(WriteSingleRegister(5, 1)))
        await asyncio.sleep(TIMEOUT / 2)
        assert everybody.done()
        assert everybody.exception() is None
        assert taken(client) == told(1) + told(2, address=2)
        assert [one.unit for one in place.devices.asked] == [1, 0, 1]

    run_virtual(scenario())


def test_what_waits_goes_to_the_device_in_one_write_as_far_as_it_may() -> None:
    async def scenario() -> None:
        place = await Place(outstanding=3).connected()
        client = place.client()
        client.feed(*(read(number) for number in range(6)))
        assert place.devices.writes == 3
        await asyncio.sleep(5 * QUICK)
        assert len(place.devices.asked) == 6
        assert place.link.statistics().answers == 6

    run_virtual(scenario())


def test_nothing_of_it_waits_for_the_garbage_collector() -> None:
    async def scenario() -> None:
        place = await Place().connected()
        client = place.client()
        gc.collect()
        gc.disable()
        try:
            client.feed(*(read(number) for number in range(4)))
            await asyncio.sleep(10 * QUICK)
            left = [one for one in gc.get_objects() if isinstance(one, (Forwarded, Ticket))]
        finally:
            gc.enable()
        assert not left

    run_virtual(scenario())


def test_a_client_that_leaves_cancels_what_waits_and_not_the_write_that_was_sent() -> None:
    async def scenario() -> None:
        place = await Place().connected()
        client, other = place.client(1), place.client(2)
        client.feed(adu(1, 1, "06 0005 1234"), read(2))
        other.feed(read(9))
        client.abort()
        await asyncio.sleep(5 * QUICK)
        assert [one.function_code for one in place.devices.asked] == [6, 3]
        assert taken(other) == told(9)
        counted = place.gateway.traffic.unit("b", 1)
        assert (counted.requests, counted.cancelled, counted.answers) == (3, 2, 1)
        assert place.server.statistics().unanswered == 2

    run_virtual(scenario())


def test_a_late_answer_to_a_client_that_left_reaches_nobody() -> None:
    async def scenario() -> None:
        place = await Place(outstanding=2).connected()
        client, other = place.client(1), place.client(2)
        client.feed(read(1, address=3))
        client.abort()
        await asyncio.sleep(0)
        other.feed(read(1, address=4))
        await asyncio.sleep(5 * QUICK)
        assert taken(other) == told(1, address=4)
        assert place.link.statistics().late_answers == 1

    run_virtual(scenario())


def test_answers_of_one_unit_keep_the_order_whichever_way_they_went() -> None:
    async def scenario() -> None:
        place = await Place(outstanding=4).connected()
        client = place.client()
        place.devices.next[1] = "late"
        client.feed(read(1), adu(2, 1, "03 0000 0000"), read(3), read(4, unit=2))
        await asyncio.sleep(5 * QUICK)
        assert taken(client) == told(4, 2)
        await asyncio.sleep(3 * TIMEOUT)
        assert taken(client) == adu(1, 1, "83 0B") + adu(2, 1, "83 03") + told(3)

    run_virtual(scenario())


def test_what_is_not_permitted_does_not_pass() -> None:
    async def scenario() -> None:
        place = await Place(route={"permission": Permission(["read holding 0-9"])}).connected()
        client = place.client()
        client.feed(read(1, address=9), read(2, address=10), adu(3, 1, "06 0001 0001"))
        await asyncio.sleep(5 * QUICK)
        assert taken(client) == told(1, address=9) + adu(2, 1, "83 01") + adu(3, 1, "86 01")
        assert len(place.devices.asked) == 1

    run_virtual(scenario())


def test_writes_go_first_and_clients_that_come_first_before_them() -> None:
    async def scenario() -> None:
        place = await Place().connected()
        place.gateway._first = None
        one, two = place.client(1), place.client(2)
        one.feed(read(1), read(2, address=2))
        two.feed(adu(3, 1, "06 0005 1234"))
        await asyncio.sleep(5 * QUICK)
        assert [one.function_code for one in place.devices.asked] == [3, 6, 3]

    run_virtual(scenario())


def test_more_than_may_be_open_get_06() -> None:
    async def scenario() -> None:
        place = await Place().connected()
        client = place.client()
        client.feed(*(read(number) for number in range(9)))
        assert taken(client) == adu(8, 1, "83 06")
        await asyncio.sleep(20 * QUICK)
        assert taken(client) == "".join(told(number) for number in range(8))

    run_virtual(scenario())


def test_a_full_queue_is_06() -> None:
    async def scenario() -> None:
        place = await Place(queue=1).connected()
        client = place.client()
        client.feed(read(1), read(2, unit=2), read(3, unit=3))
        assert taken(client) == adu(3, 3, "83 06")

    run_virtual(scenario())


def test_new_routes_count_from_the_next_request_on() -> None:
    async def scenario() -> None:
        place = await Place().connected()
        client = place.client()
        client.feed(read(1))
        place.gateway.replace([Route({1: 5}, place.link, "b")])
        client.feed(read(2))
        await asyncio.sleep(5 * QUICK)
        assert taken(client) == told(1) + adu(2, 1, f"03 02 {256 * 5:04x}")

    run_virtual(scenario())


def test_a_proxy_asks_again_when_the_connection_was_lost() -> None:
    async def scenario() -> None:
        place = await Place(patient=True, route={"deadline": 5.0}).connected()
        client = place.client()
        place.devices.next[1] = "hangs up"
        client.feed(read(1))
        await asyncio.sleep(1.0)
        assert taken(client) == told(1)
        counted = place.gateway.traffic.unit("b", 1)
        assert (counted.requests, counted.answers, counted.failures) == (1, 1, 0)

    run_virtual(scenario())


def test_a_proxy_never_repeats_a_write_that_was_sent() -> None:
    async def scenario() -> None:
        place = await Place(patient=True).connected()
        client = place.client()
        place.devices.next[1] = "hangs up"
        client.feed(adu(1, 1, "06 0005 1234"))
        await asyncio.sleep(5.0)
        assert taken(client) == adu(1, 1, "86 0B")
        assert len(place.devices.asked) == 1
        assert place.gateway.traffic.unit("b", 1).doubtful == 1

    run_virtual(scenario())


def test_what_needs_more_care_goes_the_long_way() -> None:
    async def scenario() -> None:
        for options in ({"coalesce": True}, {"pause": 0.01}, {"slots": 2}):
            assert Place(**options).gateway.lane(1) is None
        place = Place()
        assert place.gateway.lane(1) is not None
        assert place.gateway.lane(77) is None
        cached = Cached(place.link, 1.0)
        assert Gateway([Route.same(cached)]).lane(1) is None
        assert Gateway([Route.same(Link("rtu+tcp://b"))]).lane(1) is None
        assert Gateway([Route.same(place.link, broadcast=True)]).lane(0) is None

    run_virtual(scenario())


class _Guard:
    """A handler around another, which lets nothing through."""

    def __init__(self, inner: Gateway) -> None:
        self.inner = inner

    def handle(self, call: Call[R]) -> R:
        raise IllegalFunction


class _Own(Gateway):
    def handle(self, call: Call[R]) -> Awaitable[R]:
        raise IllegalFunction


def test_nothing_passes_by_a_handler_around_the_gateway_or_a_method_of_its_own() -> None:
    async def scenario() -> None:
        place = await Place().connected()
        own = _Own([Route.same(place.link)])
        for handler in (_Guard(place.gateway), own):
            client = FakeTransport(Connection(Server("tcp://127.0.0.1:0", handler)))
            client.feed(read(1))
            assert taken(client) == adu(1, 1, "83 01")
        assert not place.devices.asked

    run_virtual(scenario())
