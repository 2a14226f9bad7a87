"""mbap.client.queue."""

from __future__ import annotations

import asyncio
import math

from mbap import LinkOptions, ReadHoldingRegisters
from mbap.client.job import Job
from mbap.client.queue import Ticket, TicketQueue


async def ticket(origin: str = "", deadline: float | None = None) -> Ticket:
    job = Job(ReadHoldingRegisters(0, 1), 1, LinkOptions(timeout=1), now=0, deadline=deadline)
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
