"""The least Python that answers function codes 1, 3, 16 and 23 out of flat memory: limits, not products.

No other function codes, no limits of counts, no timeouts, nothing counted.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct

from bench.contenders.ground import BITS, HOST, REGISTERS, SIZE

memory = bytearray(struct.pack(f">{SIZE}H", *REGISTERS))
coils = bytearray(BITS)
_HEAD = struct.Struct(">HHHBBHH").unpack_from
_READ = struct.Struct(">HHHBBB").pack
_WRITTEN = struct.Struct(">HHHBBHH").pack
_DIGITS = b"01" + bytes(254)
"""From the bytes 0 and 1 of coils to the digits that int(..., 2) reads."""


def answers(data: bytes) -> tuple[bytes, int]:
    """The answers to all whole frames in *data*, and how many bytes those were."""
    out: list[bytes | bytearray] = []
    at, end = 0, len(data)
    while end - at >= 12:
        transaction, _, length, unit, function, address, count = _HEAD(data, at)
        if end - at < 6 + length:
            break
        if address + count > SIZE:
            out.append(_READ(transaction, 0, 3, unit, function | 128, 2))
        elif function == 3:
            words = memory[2 * address : 2 * address + 2 * count]
            out.append(_READ(transaction, 0, 3 + 2 * count, unit, 3, 2 * count) + words)
        elif function == 16:
            memory[2 * address : 2 * address + 2 * count] = data[at + 13 : at + 13 + 2 * count]
            out.append(_WRITTEN(transaction, 0, 6, unit, 16, address, count))
        elif function == 23:
            start, length_written = (data[at + 12] << 8 | data[at + 13]) * 2, data[at + 16]
            memory[start : start + length_written] = data[at + 17 : at + 17 + length_written]
            words = memory[2 * address : 2 * address + 2 * count]
            out.append(_READ(transaction, 0, 3 + 2 * count, unit, 23, 2 * count) + words)
        elif function == 1:
            size = (count + 7) // 8
            bits = int(coils[address : address + count][::-1].translate(_DIGITS), 2)
            out.append(_READ(transaction, 0, 3 + size, unit, 1, size) + bits.to_bytes(size, "little"))
        else:
            out.append(_READ(transaction, 0, 3, unit, function | 128, 1))
        at += 6 + length
    return b"".join(out), at


class _Raw(asyncio.Protocol):
    rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.write = transport.write  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self.rest:
            data = self.rest + data
        out, used = answers(data)
        self.rest = data[used:]
        if out:
            self.write(out)


async def on_asyncio(port: int) -> None:
    """A bare protocol on whatever loop runs."""
    server = await asyncio.get_running_loop().create_server(_Raw, HOST, port, backlog=1024)
    await server.serve_forever()


def on_epoll(port: int) -> None:
    """No framework: epoll and sockets. Answers that do not fit the socket's buffer end the connection."""
    listener = socket.create_server((HOST, port), backlog=1024)
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    open_ones: dict[int, socket.socket] = {}
    rest: dict[int, bytes] = {}
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                _accept(listener, poll, open_ones, rest)
                continue
            try:
                _serve_one(open_ones[number], rest, number)
            except OSError:
                poll.unregister(number)
                open_ones.pop(number).close()
                del rest[number]


def _accept(
    listener: socket.socket, poll: select.epoll, open_ones: dict[int, socket.socket], rest: dict[int, bytes]
) -> None:
    while True:
        try:
            accepted, _ = listener.accept()
        except BlockingIOError:
            return
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        open_ones[accepted.fileno()], rest[accepted.fileno()] = accepted, b""
        poll.register(accepted.fileno(), select.EPOLLIN)


def _serve_one(connection: socket.socket, rest: dict[int, bytes], number: int) -> None:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError
    if rest[number]:
        data = rest[number] + data
    out, used = answers(data)
    rest[number] = data[used:]
    if out:
        connection.send(out)
