"""mbap.client.queue."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from mbap import LinkOptions, ReadHoldingRegisters, Request, WriteSingleRegister
from mbap.client.job import Job
from mbap.client.queue import Ticket, TicketQueue


async def ticket(origin: str = "", deadline: float | None = None, *, writes: bool = False) -> Ticket:
    request: Request[Any] = WriteSingleRegister(0, 1) if writes else ReadHoldingRegisters(0, 1)
    job = Job(request, 1, LinkOptions(timeout=1), now=0, deadline=deadline)
    return Ticket(job, origin, asyncio.get_running_loop().create_future())


def drained(queue: TicketQueue) -> list[Ticket]:
    return [queue.pop() for _ in range(len(queue))]


async def test_smaller_priorities_come_first_and_then_the_order_of_arrival() -> None:
    queue = TicketQueue(10)
    a, b, c = [await ticket() for _ in range(3)]
    queue.push(a, 20)
    queue.push(b, 20)
    queue.push(c, 0)
    assert drained(queue) == [c, a, b]


async def test_origins_take_turns() -> None:
    queue = TicketQueue(10)
    many = [await ticket("many") for _ in range(3)]
    few = await ticket("few")
    for one in (*many, few):
        queue.push(one, 0)
    assert drained(queue) == [many[0], few, many[1], many[2]]


async def test_an_origin_that_paused_has_no_claim_to_the_turns_it_missed() -> None:
    queue = TicketQueue(10)
    early = [await ticket("busy") for _ in range(3)]
    for one in early:
        queue.push(one, 0)
    queue.pop()
    queue.pop()
    late = [await ticket("late") for _ in range(2)]
    for one in late:
        queue.push(one, 0)
    assert drained(queue) == [late[0], early[2], late[1]]


async def test_what_is_put_back_keeps_its_place() -> None:
    queue = TicketQueue(10)
    a, b = await ticket(), await ticket()
    queue.push(a, 0)
    queue.push(b, 0)
    queue.put_back(queue.pop())
    assert drained(queue) == [a, b]


async def test_more_than_the_limit_is_refused_and_counted() -> None:
    queue = TicketQueue(1)
    assert queue.push(await ticket(), 0)
    assert not queue.push(await ticket(), 0)
    assert queue.refused == 1


async def test_what_expired_is_taken_out_and_the_next_expiry_is_known() -> None:
    queue = TicketQueue(10)
    soon, later, never = await ticket(deadline=1), await ticket(deadline=5), await ticket()
    for one in (later, never, soon):
        queue.push(one, 0)
    assert queue.next_expiry == 1
    assert queue.take_expired(0.5) == []
    assert queue.take_expired(1) == [soon]
    assert queue.next_expiry == 5
    assert queue.take_expired(5) == [later]
    assert queue.next_expiry == math.inf


async def test_one_can_be_removed_once() -> None:
    queue = TicketQueue(10)
    a = await ticket()
    queue.push(a, 0)
    assert queue.remove(a)
    assert not queue.remove(a)


async def test_all_can_be_taken_in_order() -> None:
    queue = TicketQueue(10)
    a, b = await ticket(), await ticket()
    queue.push(b, 5)
    queue.push(a, 1)
    assert queue.take_all() == [a, b]
    assert len(queue) == 0


async def test_more_than_the_limit_of_one_origin_is_refused_and_others_are_not() -> None:
    queue = TicketQueue(10, limit_per_origin=2)
    for _ in range(2):
        assert queue.push(await ticket("greedy"), 10)
    assert not queue.push(await ticket("greedy"), 10)
    assert queue.push(await ticket("modest"), 10)
    assert queue.refused == 1


async def test_what_left_the_queue_in_whatever_way_makes_room_for_its_origin() -> None:
    queue = TicketQueue(10, limit_per_origin=1)
    leave: list[Callable[[Ticket], object]] = [
        lambda one: queue.pop(),
        lambda one: queue.remove(one),
        lambda one: queue.take_expired(100.0),
        lambda one: queue.take_all(),
    ]
    for way in leave:
        one = await ticket("a", deadline=5)
        assert queue.push(one, 10)
        assert queue.full_for("a")
        way(one)
        assert not queue.full_for("a")


async def test_a_write_takes_the_reads_along_that_its_origin_asked_for_before() -> None:
    queue = TicketQueue(10)
    other, read, write, after = [await ticket(origin) for origin in ("b", "a", "a", "a")]
    queue.push(other, 10)
    queue.push(read, 10)
    queue.push(write, 0)
    queue.push(after, 10)
    assert drained(queue) == [read, write, other, after]


async def test_one_of_lower_priority_is_next_after_enough_that_went_before_it() -> None:
    queue = TicketQueue(100, patience=3)
    reads = [await ticket("reader") for _ in range(2)]
    writes = [await ticket("writer") for _ in range(8)]
    for one in reads:
        queue.push(one, 10)
    for one in writes:
        queue.push(one, 0)
    assert drained(queue) == [*writes[:3], reads[0], *writes[3:6], reads[1], *writes[6:]]


async def test_whom_peek_names_pop_gives() -> None:
    queue = TicketQueue(100, patience=2)
    for i in range(12):
        queue.push(await ticket(f"origin {i % 3}"), 10 * (i % 2))
    while queue:
        assert queue.peek() is queue.pop()


async def test_it_remembers_no_more_origins_than_twice_its_limit() -> None:
    queue = TicketQueue(10)
    queue.push(await ticket("stays"), 20)
    for i in range(1000):
        queue.push(await ticket(f"client {i}"), 10)
        queue.pop()
    assert len(queue._last_turn) <= 21


async def test_it_knows_whether_a_write_waits() -> None:
    queue = TicketQueue(10)
    queue.push(await ticket(), 10)
    assert not queue.writing
    queue.push(await ticket(writes=True), 0)
    assert queue.writing
