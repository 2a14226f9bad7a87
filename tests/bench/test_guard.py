"""bench/guard.py: the policy that it measures with, and the crowds that it sends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.guardcrowd import Flood
from bench.guardpeers import policy

from mbap.protocol.pdu import ReadHoldingRegisters, WriteSingleRegister
from mbap.security.policyfile import load_policy
from mbap.server.handler import Call, Peer
from support.policies import at

LOAD = Peer("127.0.0.1", 1, "tcp://127.0.0.1:502", session=1)


def test_its_policy_has_about_thirty_rules_and_allows_what_the_load_asks_and_no_more(tmp_path: Path) -> None:
    rules = load_policy(policy(tmp_path))
    assert len(rules.rules) == 30
    assert rules.judge(Call(ReadHoldingRegisters(4_990, 10), 1, LOAD), at()).rule == "load"
    assert not rules.judge(Call(WriteSingleRegister(0, 1), 1, LOAD), at()).passes


async def test_a_flood_ends_in_time_and_never_has_more_connections_than_it_may() -> None:
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    flood = Flood(port, count=6, seconds=0.4, beginning="0102", rate=200.0)
    await asyncio.wait_for(flood.run(), 5)
    server.close()
    await server.wait_closed()
    assert 0 < flood.most <= 6
    assert flood.made <= 0.4 * 200 + 20
    assert {b"\x01\x02", b"\x01"} & set(came)
    assert flood.open == 0
