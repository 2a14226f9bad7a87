"""The two ends of what `bench/gateway.py` measures: quick devices, and clients that ask them all the time.

    python bench/gatewayload.py rtu-device PATH | tcp-device PORT | slow-device PORT | load JSON

It needs the standard library alone, and runs in processes of its own: with what it does for a request done in
advance, it takes little of the time that is measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import selectors
import socket
import struct
import sys
import time
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

COUNT = 10
"""Registers of each read; register n holds n."""
DEAD = 99
"""The unit that the device never answers for."""
SLOW = 0.002
"""Seconds that the slow device takes."""
PATIENCE = 15.0


@lru_cache(maxsize=4096)
def crc(frame: bytes) -> bytes:
    """The checksum of an RTU frame, as it is sent."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


def read_of(unit: int, address: int) -> bytes:
    """A read of holding registers, without checksum and head."""
    return struct.pack(">BBHH", unit, 3, address, COUNT)


@lru_cache(maxsize=4096)
def answer_to(request: bytes) -> bytes:
    """What the device answers, without checksum and head."""
    unit, _, address, count = struct.unpack(">BBHH", request)
    return bytes((unit, 3, 2 * count)) + struct.pack(f">{count}H", *range(address, address + count))


# --- devices ---


def rtu_device(path: str) -> None:
    """Answer whoever asks on the port *path*, at once."""
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    print("ready", flush=True)
    kept = b""
    while True:
        kept += os.read(port, 4096)
        while len(kept) >= 8:
            request, kept = kept[:8], kept[8:]
            if crc(request[:6]) == request[6:] and request[0] != DEAD:
                body = answer_to(request[:6])
                os.write(port, body + crc(body))


def tcp_device(port: str) -> None:
    """The same over TCP, where there is no compiler for the quicker one."""
    watching = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=512)
    watching.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in watching.select():
            if key.fileobj is listener:
                client = listener.accept()[0]
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                watching.register(client, selectors.EVENT_READ)
            else:
                _answer_tcp(watching, key)


def slow_device(port: str) -> None:
    """The same, but each answer comes `SLOW` seconds after its request; several may be on their way."""
    asyncio.run(_slow_device(int(port)))


async def _slow_device(port: int) -> None:
    loop = asyncio.get_running_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await reader.readexactly(12)
                body = answer_to(request[6:])
                loop.call_later(SLOW, writer.write, request[:4] + struct.pack(">H", len(body)) + body)

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


def _answer_tcp(watching: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    client = key.fileobj
    assert isinstance(client, socket.socket)
    data = b""
    with contextlib.suppress(ConnectionError):
        data = client.recv(4096)
        for at in range(0, len(data) - 11, 12):
            body = answer_to(data[at + 6 : at + 12])
            client.sendall(data[at : at + 4] + struct.pack(">H", len(body)) + body)
    if not data:
        watching.unregister(client)
        client.close()


# --- clients ---


@dataclass(slots=True)
class Asking:
    """One client: asks, checks the answer, asks again."""

    read_from: int
    write_to: int
    unit: int
    stream: ssl.SSLSocket | None
    """Over TLS, what is in between."""
    rtu: bool
    number: int = 0
    rest: float = 0.0
    again_at: float = math.inf
    sent_at: float = 0.0
    expected: bytes = b""
    got: bytes = b""
    done: int = 0
    refused: int = 0
    wrong: int = 0
    times: list[float] = field(default_factory=list)

    def ask(self) -> None:
        """Send the next read."""
        self.number = (self.number + 1) & 0xFFFF
        self.again_at = math.inf
        request = read_of(self.unit, self.number * 2 % 5000)
        answer = answer_to(request)
        if self.rtu:
            request, self.expected = request + crc(request), answer + crc(answer)
        else:
            head = struct.pack(">HH", self.number, 0)
            request, self.expected = head + b"\0\6" + request, head + struct.pack(">H", len(answer)) + answer
        self.got = b""
        self.sent_at = time.perf_counter()
        if self.stream is None:
            os.write(self.write_to, request)
        else:
            self.stream.send(request)

    def take(self) -> None:
        """Take what came; when it is whole, judge it and ask again."""
        data = self._read()
        if data is None:
            return
        if not data:
            raise ConnectionError("the connection was closed")
        self.got += data
        if self.got == self.expected:
            self.times.append(time.perf_counter() - self.sent_at)
            self.done += 1
        elif len(self.got) == 9 and self.got[7] == 0x83 and not self.rtu:
            self.refused += 1
            if self.rest:
                self.again_at = time.perf_counter() + self.rest
                return
        elif len(self.got) < len(self.expected):
            return
        else:
            self.wrong += 1
        self.ask()

    def _read(self) -> bytes | None:
        """What came; None: only what TLS says to itself."""
        if self.stream is None:
            return os.read(self.read_from, 4096)
        try:
            return self.stream.recv(4096)
        except OSError as error:
            if type(error).__name__ != "SSLWantReadError":
                raise
            return None


@dataclass(frozen=True)
class Load:
    """What a load generator is told."""

    place: str
    units: Sequence[int]
    seconds: float
    warmup: float = 0.3
    rtu: bool = False
    rest: float = 0.0
    """Seconds after which a client asks again when it was answered with an exception."""
    secured: Sequence[str] = ()
    """Over TLS: the files of CA, certificate and key."""


def generate(load: Load) -> dict[str, object]:
    """One client for each of the units, each with one request on its way, all at once."""
    watching = selectors.DefaultSelector()
    clients = [_client(load, unit, 331 * n) for n, unit in enumerate(load.units)]
    for client in clients:
        watching.register(client.read_from, selectors.EVENT_READ, client)
        client.ask()
    _keep_asking(watching, load.warmup)
    total = sum(client.done for client in clients)
    for client in clients:
        client.done = client.refused = client.wrong = 0
        client.times.clear()
    took = _keep_asking(watching, load.seconds)
    times = sorted(one for client in clients for one in client.times) or [float("nan")]
    return {
        "rates": [client.done / took for client in clients],
        "total": total + sum(client.done for client in clients),
        "refused": sum(client.refused for client in clients),
        "wrong": sum(client.wrong for client in clients),
        "p50": 1e6 * times[len(times) // 2],
        "p99": 1e6 * times[len(times) * 99 // 100],
    }


def _client(load: Load, unit: int, number: int) -> Asking:
    if not load.place.isdecimal():
        port = os.open(load.place, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(port)
        return Asking(port, port, unit, None, load.rtu, number, load.rest)
    connection = socket.create_connection(("127.0.0.1", int(load.place)), timeout=PATIENCE)
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if load.secured:
        stream = secured(connection, load.secured)
        return Asking(stream.fileno(), stream.fileno(), unit, stream, load.rtu, number, load.rest)
    descriptor = connection.detach()
    return Asking(descriptor, descriptor, unit, None, load.rtu, number, load.rest)


def secured(connection: socket.socket, files: Sequence[str]) -> ssl.SSLSocket:
    """*connection* after the handshake, which does not wait from then on."""
    import ssl

    context = ssl.create_default_context(cafile=files[0])
    context.load_cert_chain(files[1], files[2])
    connection.settimeout(PATIENCE)
    stream = context.wrap_socket(connection, server_hostname="127.0.0.1")
    stream.setblocking(False)
    return stream


def _keep_asking(watching: selectors.BaseSelector, seconds: float) -> float:
    clients: list[Asking] = [key.data for key in watching.get_map().values() if key.data.rest]
    begun = time.perf_counter()
    end = begun + seconds
    while (now := time.perf_counter()) < end:
        for client in clients:
            if client.again_at <= now:
                client.ask()
        for key, _ in watching.select(0.005):
            key.data.take()
    return time.perf_counter() - begun


ROLES: dict[str, Callable[[str], None]] = {
    "rtu-device": rtu_device,
    "tcp-device": tcp_device,
    "slow-device": slow_device,
    "load": lambda told: print(json.dumps(generate(Load(**json.loads(told))))),
}

if __name__ == "__main__":
    ROLES[sys.argv[1]](sys.argv[2])
