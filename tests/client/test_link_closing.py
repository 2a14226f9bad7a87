"""Closing a link in whatever moment of connecting: it ends, and gives its place back once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from mbap.client.links import Links
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.server.device import Device
from mbap.server.serving import serving

TURNS = 30
PATIENCE = 10


def uvloop_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


@pytest.mark.parametrize(
    "make_loop",
    [
        asyncio.new_event_loop,
        pytest.param(uvloop_loop, marks=pytest.mark.skipif(not find_spec("uvloop"), reason="needs uvloop")),
    ],
)
def test_a_link_can_be_closed_in_any_moment_of_connecting(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with (
        serving(Device(holding_registers=[1])) as url,
        asyncio.Runner(loop_factory=make_loop) as runner,
    ):
        for turns in range(TURNS):
            assert runner.run(taken_after_closing(url, turns)) == 0


async def taken_after_closing(url: str, turns: int) -> int:
    """How many places are taken by a link that was closed after so many turns of the loop."""
    links = Links(max_open=5)
    asking = asyncio.ensure_future(links.link(url).execute(ReadHoldingRegisters(0, 1), 1))
    for _ in range(turns):
        await asyncio.sleep(0)
    await asyncio.wait_for(links.aclose(), PATIENCE)
    await asyncio.gather(asking, return_exceptions=True)
    return links.statistics().taken
