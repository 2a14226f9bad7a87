"""Who comes in large numbers in `bench/guard.py`: a thousand TLS clients, and a flood.

    python bench/guardcrowd.py hold JSON | flood JSON

It needs the standard library alone, and runs in processes of its own. Everything is bounded: how many there
are, how fast they come, and how long they stay.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

REQUEST = bytes.fromhex("000100000006010300000001")
ANSWER = 11
AT_ONCE = 20


# --- a thousand clients ---


async def hold(port: int, count: int, secured: Sequence[str]) -> None:
    """Connect *count* clients, each answered once; again when somebody closes standard input."""
    context = ssl.create_default_context(cafile=secured[0])
    context.load_cert_chain(secured[1], secured[2])
    clients = []
    for begin in range(0, count, AT_ONCE):
        clients += await asyncio.gather(
            *(_connected(port, context) for _ in range(min(AT_ONCE, count - begin)))
        )
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    answered = await asyncio.gather(*(_ask(*client) for client in clients))
    print(sum(answered), flush=True)
    for _, writer in clients:
        writer.close()


async def _connected(port: int, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    client = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="127.0.0.1", ssl_handshake_timeout=60
    )
    if not await _ask(*client):
        raise ConnectionError("a client was not answered")
    return client


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(REQUEST)
    answer = await asyncio.wait_for(reader.readexactly(ANSWER), 60)
    return answer[:2] == REQUEST[:2] and answer[7] == REQUEST[7]


# --- a flood ---


@dataclass
class Flood:
    """*count* connections at a time; who is closed comes again, *rate* in a second over all.

    Attributes:
        beginning: of a handshake or a request, in hexadecimal; its rest never comes.
        kinds: `silent` says nothing, `half` sends the beginning, `slow` a byte of it every second.
    """

    port: int
    count: int
    seconds: float
    beginning: str
    rate: float = 400.0
    kinds: Sequence[str] = ("silent", "half", "slow")
    made: int = 0
    open: int = 0
    most: int = 0

    async def run(self) -> None:
        """Begin, and print that; stop after so many seconds."""
        self.end = time.monotonic() + self.seconds
        self.slots = asyncio.Queue[float]()
        pacing = asyncio.create_task(self._pace())
        many = [asyncio.create_task(self._one(number)) for number in range(self.count)]
        begun = self.count / self.rate
        await asyncio.sleep(min(begun + 0.5, self.seconds))
        begun = self.made
        print(f"begun {begun}", flush=True)
        await asyncio.sleep(max(0.0, self.end - time.monotonic()))
        for task in (*many, pacing):
            task.cancel()
        await asyncio.gather(*many, pacing, return_exceptions=True)
        print(json.dumps({"begun": begun, "made": self.made, "most": self.most}), flush=True)

    async def _pace(self) -> None:
        while True:
            self.slots.put_nowait(0.0)
            if self.slots.qsize() > AT_ONCE:
                self.slots.get_nowait()
            await asyncio.sleep(1 / self.rate)

    async def _one(self, number: int) -> None:
        kind = self.kinds[number % len(self.kinds)]
        source = f"127.0.{1 + number % 200}.1"
        while time.monotonic() < self.end:
            await self.slots.get()
            with contextlib.suppress(OSError):
                await self._stay(kind, source)

    async def _stay(self, kind: str, source: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))
        self.made += 1
        self.open += 1
        self.most = max(self.most, self.open)
        dripping = asyncio.create_task(self._drip(writer)) if kind == "slow" else None
        try:
            if kind == "half":
                writer.write(bytes.fromhex(self.beginning))
            while await reader.read(1024):
                pass
        finally:
            self.open -= 1
            if dripping is not None:
                dripping.cancel()
            writer.close()

    async def _drip(self, writer: asyncio.StreamWriter) -> None:
        for byte in bytes.fromhex(self.beginning):
            writer.write(bytes((byte,)))
            await asyncio.sleep(1.0)


if __name__ == "__main__":
    told = json.loads(sys.argv[2])
    socket.setdefaulttimeout(60)
    asyncio.run(hold(**told) if sys.argv[1] == "hold" else Flood(**told).run())
