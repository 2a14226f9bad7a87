"""Ten paths whose instructions are counted: python -m bench.hotpaths PORT, below valgrind.

Each is done n times and then 2n times, with a call of getppid before, between and behind, at which callgrind
writes down what it counted since the last. What clients read from listens on PORT, in another process.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mbap import AsyncClient, Bits, Client, Device, ReadHoldingRegisters, Registers, Server
from mbap.collect.readings import Readings
from mbap.protocol.checksum import crc16
from mbap.sinks.sqlite import SqliteStore
from mbap.values import Encoding, block_decoder

HOST, COUNT, DEPTH = "127.0.0.1", 125, 16
Once = Callable[[], object]
AsyncOnce = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class HotPath:
    """So many *times*, and again twice as often."""

    name: str
    times: int


YARDSTICK = HotPath("yardstick: nothing of mbap", 30)
"""What no change of ours can change: another figure means another build of Python."""
PATHS = (
    HotPath("server: a read of 125 registers", 150),
    HotPath("server: 16 reads in one segment", 40),
    HotPath("server: a write of 123 registers", 100),
    HotPath("client, blocking: a read of 125 registers", 150),
    HotPath("client, blocking: 16 outstanding", 12),
    HotPath("client, asyncio: a read of 125 registers", 100),
    HotPath("client, asyncio: 16 outstanding", 10),
    HotPath("values: 62 floats of 125 registers, both orders", 200),
    HotPath("bits and CRC: 2,000 bits packed and unpacked, CRC of 256 bytes", 15),
    HotPath("history: ten readings of 125 values", 4),
)
WARM_UP = 20
"""So often before it counts: the interpreter adapts to what it runs, and connections are made."""


def yardstick() -> int:
    """A bit of everything that an interpreter does."""
    found: dict[int, bytes] = {}
    for number in range(100):
        found[number & 15] = struct.pack(">HH", number, len(found)) + bytes(4)
        if isinstance(found.get(number & 7), bytes) and number % 3:
            found.pop(number & 15, None)
    return sum(map(len, found.values()))


def mark() -> None:
    """Callgrind writes down what it has counted since the last mark."""
    os.getppid()


def counted(path: HotPath, once: Once) -> None:
    """*once*, as often as *path* says, between marks."""
    for _ in range(min(WARM_UP, path.times)):
        once()
    for times in (path.times, 2 * path.times):
        mark()
        for _ in range(times):
            once()
    mark()


async def counted_async(path: HotPath, once: AsyncOnce) -> None:
    """The same for what is awaited."""
    for _ in range(min(WARM_UP, path.times)):
        await once()
    for times in (path.times, 2 * path.times):
        mark()
        for _ in range(times):
            await once()
    mark()


def frame(*pdu: int, words: bytes = b"") -> bytes:
    """A request to unit 1."""
    body = struct.pack(f">B{len(pdu) - 1}H", *pdu) + words
    return struct.pack(">HHHB", 1, 0, len(body) + 1, 1) + body


async def servers() -> None:
    """Bytes into a server's connection, as the event loop hands them over, and answers out."""
    read = frame(3, 0, COUNT)
    write = frame(16, 0, 123, words=bytes([246]) + bytes(246))
    asked = ((read, 259), (read * DEPTH, 259 * DEPTH), (write, 12))
    async with Server(f"tcp://{HOST}:0", Device(holding_registers=range(1000))) as server:
        with socket.create_connection((HOST, server.port)) as client:
            while not server._connections:
                await asyncio.sleep(0)
            (protocol,) = server._connections
            for path, (request, length) in zip(PATHS[:3], asked, strict=True):
                counted(path, exchange(protocol, client, request, length))


def exchange(protocol: asyncio.BufferedProtocol, client: socket.socket, request: bytes, length: int) -> Once:
    """Hands *request* to *protocol*, and takes the answer of *length* bytes from its connection."""

    def once() -> None:
        memoryview(protocol.get_buffer(-1))[: len(request)] = request
        protocol.buffer_updated(len(request))
        client.recv(length, socket.MSG_WAITALL)

    return once


def blocking_clients(port: int) -> None:
    """One request at a time, and 16."""
    with Client(f"tcp://{HOST}:{port}") as client:
        counted(PATHS[3], lambda: client.read_holding_registers(0, COUNT)[0])
    with Client(f"tcp://{HOST}:{port}", outstanding=DEPTH) as client:
        requests = [ReadHoldingRegisters(0, COUNT)] * DEPTH
        counted(PATHS[4], lambda: client.execute_many(requests))


async def asyncio_clients(port: int) -> None:
    """One request at a time, and 16."""
    async with AsyncClient(f"tcp://{HOST}:{port}") as client:
        await counted_async(PATHS[5], lambda: client.read_holding_registers(0, COUNT))
    async with AsyncClient(f"tcp://{HOST}:{port}", outstanding=DEPTH) as client:
        requests = [ReadHoldingRegisters(0, COUNT)] * DEPTH
        await counted_async(PATHS[6], lambda: client.execute_many(requests))


def values() -> None:
    """What is done without a connection."""
    registers = Registers(struct.pack(">62fH", *map(float, range(62)), 0))
    plain, swapped = (
        block_decoder([(2 * at, Encoding("float32", order)) for at in range(62)])
        for order in ("ABCD", "CDAB")
    )
    counted(PATHS[7], lambda: (plain(registers.wire), swapped(registers.wire)))
    flags, data = [number % 3 == 0 for number in range(2000)], bytes(range(256))
    packed = Bits.of(flags).wire
    counted(PATHS[8], lambda: (Bits.of(flags), list(Bits(packed, 2000)), crc16(data)))


def history() -> None:
    """Ten devices' readings into a file."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder, "history.db"))
        batches = _batches()
        counted(PATHS[9], lambda: store.write(next(batches)))
        store.close()


def _batches() -> Iterator[list[Readings]]:
    names, at = tuple(f"f{number}" for number in range(COUNT)), 1_760_000_000_000_000
    floats = [number * 1.5 for number in range(COUNT)]
    while True:
        at += 1_000_000
        yield [Readings(f"meter_{device}", at + device, names, floats) for device in range(10)]


def main() -> None:
    """The yardstick, then all of them in the order of `PATHS`."""
    port = int(sys.argv[1])
    gc.disable()
    counted(YARDSTICK, yardstick)
    asyncio.run(servers())
    blocking_clients(port)
    asyncio.run(asyncio_clients(port))
    values()
    history()


if __name__ == "__main__":
    main()
