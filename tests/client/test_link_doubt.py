"""A connection whose session has ended gets no further request, also not from what its end sets going."""

from __future__ import annotations

import asyncio

from mbap import Link, ReadHoldingRegisters
from support.scripted import Reply, scripted


async def test_what_waits_behind_an_answer_that_came_twice_is_asked_over_a_fresh_connection() -> None:
    with scripted(Reply(times=2), Reply(), rtu=True) as device:
        async with Link(device.url, timeout=2.0) as link:
            reads = [link.execute(ReadHoldingRegisters(address, 1), 1) for address in range(3)]
            assert await asyncio.gather(*reads) == [[0x1100], [0x1101], [0x1102]]
        assert device.connections == 2
