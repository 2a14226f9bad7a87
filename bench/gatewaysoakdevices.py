"""The devices of `bench/gatewaysoak.py`, which fail; each line of them in a process of its own.

    python bench/gatewaysoakdevices.py line PATH SEED | tcp PORT SEED

It needs the standard library alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import selectors
import struct
import sys
import termios
import time
import tty

TIMEOUT = 0.3
"""Of the gateway, in seconds."""
STALL = 0.05
"""What a busy machine lets a device say later by so much is left out: it could come after two timeouts, see
`faulty`."""
FAULTS = {"late": 0.004, "silent": 0.004, "spoiled": 0.004, "stranger": 0.004, "cut": 0.004, "later": 0.002}


def value_of(unit: int, address: int) -> int:
    """What a register holds."""
    return unit << 8 | address


def crc(frame: bytes) -> bytes:
    """The checksum of an RTU frame, as it is sent."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


def answer_to(request: bytes) -> bytes:
    """The right answer to a read or to the write of one register, without head and checksum."""
    unit, function, address, number = struct.unpack(">BBHH", request)
    if function == 6:
        return request
    values = [value_of(unit, address + n) for n in range(number)]
    return bytes((unit, 3, 2 * number)) + struct.pack(f">{number}H", *values)


def fault(chance: random.Random) -> str:
    """What goes wrong this time; nothing, mostly."""
    left = chance.random()
    for name, probability in FAULTS.items():
        left -= probability
        if left < 0:
            return name
    return ""


def faulty(request: bytes, chance: random.Random) -> tuple[float, bytes, bool]:
    """After how many seconds what is answered, and whether it is to be spoiled."""
    body, wrong = answer_to(request), fault(chance)
    if wrong == "silent":
        return 0.0, b"", False
    if wrong == "stranger":
        body = answer_to(bytes((request[0] % 247 + 1,)) + request[1:])
    if wrong == "cut":
        body = body[: len(body) // 2]
    # Later than two timeouts nothing tells an RTU answer from that to the next question: see `quarantine`.
    wait = {"late": TIMEOUT * 1.05, "later": TIMEOUT * 1.3}.get(wrong, 0.0)
    return wait * chance.uniform(1.0, 1.2), body, wrong in ("spoiled", "cut")


class Line:
    """The units of a serial line: each answers in its own time, and they wait for an adapter that is gone."""

    def __init__(self, path: str, chance: random.Random) -> None:
        self._path = path
        self._chance = chance
        self._due: list[tuple[float, bytes]] = []

    def serve(self) -> None:
        """Answer for ever."""
        while True:
            with contextlib.suppress(OSError, termios.error):
                port = os.open(self._path, os.O_RDWR | os.O_NOCTTY)
                try:
                    tty.setraw(port)
                    now = time.monotonic()
                    # What would have been said while nothing was plugged in has gone nowhere.
                    self._due = [one for one in self._due if one[0] > now]
                    self._serve(port)
                finally:
                    os.close(port)
            time.sleep(0.02)

    def _serve(self, port: int) -> None:
        watching = selectors.DefaultSelector()
        watching.register(port, selectors.EVENT_READ)
        kept = b""
        while True:
            # As a real device, it takes silence for the end of a frame: what is cut off does not stay.
            if watching.select(max(0.0, min([0.1, *(at - time.monotonic() for at, _ in self._due)]))):
                data = os.read(port, 4096)
                if not data:
                    return
                kept = self._take(kept + data)
            else:
                kept = b""
            self._answer(port)

    def _take(self, data: bytes) -> bytes:
        """Note when what is to be said; gives the rest of *data*."""
        while len(data) >= 8:
            request, data = data[:6], data[8:]
            wait, body, spoiled = faulty(request, self._chance)
            if body:
                self._due.append((time.monotonic() + wait, body + (b"\0\0" if spoiled else crc(body))))
        return data

    def _answer(self, port: int) -> None:
        now = time.monotonic()
        for one in [one for one in self._due if one[0] <= now]:
            self._due.remove(one)
            if now < one[0] + STALL:
                os.write(port, one[1])


def on_line(path: str, seed: str) -> None:
    """The units of a serial line."""
    Line(path, random.Random(seed)).serve()


def behind_tcp(port: str, seed: str) -> None:
    """The units behind a TCP host."""
    asyncio.run(_behind_tcp(int(port), random.Random(seed)))


async def _behind_tcp(port: int, chance: random.Random) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while chance.random() > 0.001:
                request = await reader.readexactly(12)
                wait, body, spoiled = faulty(request[6:], chance)
                await asyncio.sleep(wait)
                number = request[:2] if not spoiled else struct.pack(">H", chance.randrange(1 << 16))
                if body:
                    writer.write(number + b"\0\0" + struct.pack(">H", len(body)) + body)
                    await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    {"line": on_line, "tcp": behind_tcp}[sys.argv[1]](*sys.argv[2:])
