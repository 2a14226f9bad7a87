"""The least Python that reads registers and checks what came: limits, not products."""

from __future__ import annotations

import asyncio
import select
import socket
import struct

from bench.contenders.ground import COUNT, HOST
from bench.contenders.timed import Work, check

_REQUEST = struct.Struct(">HHHBBHH").pack
_ANSWER = struct.Struct(f">HHHBBB{COUNT}H")
_LENGTH = _ANSWER.size
_HEAD = struct.Struct(">HHHBBB").unpack_from
_WORDS = struct.Struct(f">{COUNT}H").unpack_from


def connected(port: int) -> socket.socket:
    """A blocking socket."""
    made = socket.create_connection((HOST, port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _parsed(data: bytes, transaction: int, at: int = 0) -> None:
    number, protocol, length, unit, function, size, *words = _ANSWER.unpack_from(data, at)
    if (number, protocol, length, unit, function, size) != (transaction, 0, 253, 1, 3, 250):
        raise ValueError("wrong header")
    check(words)


def one_after_another(port: int) -> Work:
    """One send and, as a rule, one receive for each read."""
    link = connected(port)

    def work(reads: int) -> None:
        for number in range(reads):
            transaction = number & 0xFFFF
            link.send(_REQUEST(transaction, 0, 6, 1, 3, 0, COUNT))
            data = link.recv(512)
            while len(data) < _LENGTH:
                data += link.recv(512)
            _parsed(data, transaction)

    return work


def outstanding(port: int, depth: int = 16) -> Work:
    """*depth* requests in flight, sent together; answers are taken as they come."""
    link = connected(port)

    def work(reads: int) -> None:
        sent, got, data = 0, 0, b""
        while got < reads:
            room = min(depth - (sent - got), reads - sent)
            if room:
                link.send(
                    b"".join([_REQUEST((sent + i) & 0xFFFF, 0, 6, 1, 3, 0, COUNT) for i in range(room)])
                )
                sent += room
            data += link.recv(65536)
            at = 0
            while len(data) - at >= _LENGTH:
                _parsed(data, got & 0xFFFF, at)
                got += 1
                at += _LENGTH
            data = data[at:]

    return work


def many_connections(port: int, connections: int = 100) -> Work:
    """One epoll loop over many sockets."""
    links = {link.fileno(): link for link in (connected(port) for _ in range(connections))}
    poll = select.epoll()
    for number in links:
        poll.register(number, select.EPOLLIN)

    def work(reads: int) -> None:
        transactions, rest = dict.fromkeys(links, 0), dict.fromkeys(links, b"")
        for link in links.values():
            link.send(_REQUEST(0, 0, 6, 1, 3, 0, COUNT))
        left, unsent = reads, reads - len(links)
        while left > 0:
            for number, _ in poll.poll():
                data = rest[number] + links[number].recv(512)
                rest[number] = data if len(data) < _LENGTH else b""
                if rest[number]:
                    continue
                _parsed(data, transactions[number])
                left -= 1
                if unsent > 0:
                    unsent -= 1
                    transactions[number] = transaction = (transactions[number] + 1) & 0xFFFF
                    links[number].send(_REQUEST(transaction, 0, 6, 1, 3, 0, COUNT))

    return work


class RawProtocol(asyncio.Protocol):
    """Futures by transaction. No timeouts, no reconnecting: what an asyncio client cannot beat."""

    def __init__(self) -> None:
        self._transaction = 0
        self._rest = b""
        self._waiting: dict[int, asyncio.Future[tuple[int, ...]]] = {}
        self._future = asyncio.get_running_loop().create_future

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= 9:
            transaction, protocol, length, unit, function, size = _HEAD(data, at)
            if end - at < 6 + length:
                break
            future = self._waiting.pop(transaction)
            if (protocol, length, unit, function, size) == (0, 253, 1, 3, 250):
                future.set_result(_WORDS(data, at + 9))
            else:
                future.set_exception(ValueError("wrong answer"))
            at += 6 + length
        self._rest = data[at:]

    def read(self) -> asyncio.Future[tuple[int, ...]]:
        """One read under way."""
        self._transaction = transaction = (self._transaction + 1) & 0xFFFF
        future = self._waiting[transaction] = self._future()
        self._transport.write(_REQUEST(transaction, 0, 6, 1, 3, 0, COUNT))  # type: ignore[attr-defined]
        return future
