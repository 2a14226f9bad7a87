"""Whatever comes and whatever goes wrong: what is passed on as it came cannot be told from the long way."""

from __future__ import annotations

import asyncio
import logging

from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.protocol.tcp import TcpFraming
from support.fake_time import run_virtual
from support.forwarding import Place, adu, read, taken
from support.troubled import TIMEOUT

PIECES = st.sampled_from([
    read(0, address=0),
    read(1, address=1, count=3),
    read(2, unit=2, address=2),
    read(3, unit=77),
    adu(10, 1, "06 0005 1234"),
    adu(11, 2, "10 0005 0001 02 1234"),
    adu(12, 1, "03 0000 0000"),
    adu(13, 1, "03 FFFF 0002"),
    adu(14, 1, "63 00"),
    adu(15, 2, "16 0001 0002 0003"),
    adu(16, 1, "83 01"),
])  # fmt: skip
# Who hangs up while others are asked meets other requests on the two ways: a task begins a turn later.
TROUBLE = st.sampled_from(["", "", "", "silent", "exception", "stranger", "twice", "late"])
STEPS = st.lists(st.tuples(st.lists(PIECES, max_size=6), st.integers(1, 30), TROUBLE), min_size=1, max_size=6)


@given(STEPS, st.sampled_from([1, 4]))
@settings(max_examples=150, deadline=None)
def test_everything_is_as_on_the_long_way(steps: list[tuple[list[str], int, str]], outstanding: int) -> None:
    logging.disable(logging.CRITICAL)
    try:
        short, long = (seen(steps, outstanding, forwards=forwards) for forwards in (True, False))
    finally:
        logging.disable(logging.NOTSET)
    assert short == long


def seen(steps: list[tuple[list[str], int, str]], outstanding: int, *, forwards: bool) -> dict[str, object]:
    """What client and device get, and what is counted, with or without forwarding."""

    async def scenario() -> dict[str, object]:
        place = await Place(outstanding=outstanding, retries=1, retry_pauses=(0.0,)).connected()
        if not forwards:
            place.server.forwarding = None
        client = place.client()
        for pieces, cut, trouble in steps:
            if trouble:
                place.devices.next[1] = trouble
            data = "".join(pieces)
            for at in range(0, len(data), 2 * cut):
                if not client.end:
                    client.feed(data[at : at + 2 * cut])
                    await asyncio.sleep(0)
            await asyncio.sleep(3 * TIMEOUT)
        await asyncio.sleep(20 * TIMEOUT)
        units, link = place.gateway.traffic.units.items(), place.link.statistics()
        server, bus = place.server.counted, place.server.bus
        found = {
            "answers": sorted(adus(taken(client))),
            "asked": sorted((one.unit, one.function_code) for one in place.devices.asked),
            "units": {key: (one.requests, one.answers, one.exceptions, one.failures) for key, one in units},
            "server": (server.requests, server.answers, server.exceptions, bus.messages),
            "link": (link.requests, link.answers, link.exceptions, link.timeouts, link.retries),
        }
        await place.link.aclose()
        return found

    return run_virtual(scenario())


def adus(data: str) -> list[str]:
    """The frames in *data*."""
    return [f"{one}" for one in TcpFraming().unpack(bytes.fromhex(data))]
