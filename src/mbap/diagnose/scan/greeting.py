"""What is at a port that does not answer Modbus TCP: greeted as the doctor does, side by side with others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mbap.diagnose.doctor.case import USUAL_WAITS, Case, Wishes
from mbap.diagnose.doctor.strangers import greetings
from mbap.diagnose.doctor.talk import MOST_BYTES
from mbap.transport.endpoint import parse_endpoint

_NAMES = {"a web server": "HTTP"}
_BY_ADVICE = (
    ("a web server", "HTTP"),
    ("an SSH", "SSH"),
    ("TLS", "TLS"),
    ("this looks like Modbus ASCII", "Modbus ASCII over TCP"),
    ("this is a Modbus RTU", "Modbus RTU over TCP"),
)


def by_advice(advice: str) -> str:
    """Who gave the answer that this *advice* of an error is about; empty where it does not say."""
    return next((who for words, who in _BY_ADVICE if advice.startswith(words)), "")


async def who_else(url: str, unit: int, before: Callable[[], Awaitable[None]]) -> str:
    """Who answers at *url*, greeted in the words of each in turn; empty where nobody is recognised.

    *before* is awaited before each connection.
    """
    place = parse_endpoint(url)
    for who, words, recognise, _ in greetings(Case(place, Wishes(unit=unit))):
        await before()
        heard = await _heard(place.host, place.port, words)
        if heard is None:
            return ""
        if recognise(heard):
            return _NAMES.get(who, who)
    return ""


async def _heard(address: str, port: int, words: bytes) -> bytes | None:
    """What comes back to *words*; None where there is no connection any more."""
    try:
        async with asyncio.timeout(USUAL_WAITS.listening):
            reader, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return None
    try:
        writer.write(words)
        return await _all(reader)
    finally:
        writer.transport.abort()


async def _all(reader: asyncio.StreamReader) -> bytes:
    data = b""
    while len(data) < MOST_BYTES:
        try:
            async with asyncio.timeout(USUAL_WAITS.quiet if data else USUAL_WAITS.listening):
                more = await reader.read(MOST_BYTES)
        except (OSError, TimeoutError):
            break
        if not more:
            break
        data += more
    return data
