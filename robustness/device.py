"""A device that misbehaves by a script, at the level of bytes; the standard library only.

Each step of a script answers one request, in the order in which requests come, over all connections; the
last step answers all further ones.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

PATIENCE = 20.0
"""Seconds after which the device gives up waiting, so that nothing hangs for ever."""
_LINGER_NOT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)

Framing = Literal["tcp", "rtu"]


@dataclass(frozen=True)
class Reply:
    """Answers the request; what is given differs from what is right.

    A register holds 0x1100 plus its address; a write is answered by its echo.

    Attributes:
        pdu: instead of the right one.
        transaction, protocol, unit: instead of the request's; `behind` is how far the transaction lags.
        length: instead of the real one; `longer` is what is added to it.
        before, after: bytes beside the answer; `echo` puts the request before it.
        cut: only so many bytes of it.
        crc_flip: what the CRC of an RTU frame is changed by.
        pause: seconds before it; `each`: seconds before every byte; `halfway`: seconds before the PDU.
        twice: the same once more.
        close: the connection ends then; `idle_close`: so many seconds later.
        flood: so many bytes of nothing after it.
    """

    pdu: bytes | None = None
    transaction: int | None = None
    behind: int = 0
    protocol: int = 0
    unit: int | None = None
    length: int | None = None
    longer: int = 0
    before: bytes = b""
    after: bytes = b""
    echo: bool = False
    cut: int | None = None
    crc_flip: int = 0
    pause: float = 0.0
    each: float | None = None
    halfway: float = 0.0
    twice: bool = False
    close: bool = False
    idle_close: float | None = None
    flood: int = 0


@dataclass(frozen=True)
class Silence:
    """No answer; with *close* the connection ends, with *reset* by an RST."""

    close: bool = False
    reset: bool = False


@dataclass(frozen=True)
class Held:
    """The right answer, but only right before the next answer on its connection: it comes too late."""


Step = Reply | Silence | Held


@dataclass(frozen=True)
class Script:
    """What the device does.

    Attributes:
        steps: for one request after the other.
        greeting: what it sends as soon as somebody has connected; only to the first connection where *once*.
        away: seconds for which it refuses connections after the first has ended.
    """

    steps: tuple[Step, ...] = (Reply(),)
    greeting: bytes = b""
    once: bool = True
    away: float = 0.0


@dataclass
class Device:
    """A running device: where it is, and which requests came."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def device(script: Script, framing: Framing = "tcp") -> Iterator[Device]:
    """The device while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = Device(listener.getsockname()[1])
        playing = _Playing(script, framing, running)
        accepting = threading.Thread(target=playing.accept, args=(listener,), daemon=True)
        accepting.start()
        try:
            yield running
        finally:
            playing.stop(listener, accepting)


class _Playing:
    def __init__(self, script: Script, framing: Framing, running: Device) -> None:
        self._script = script
        self._steps = list(script.steps)
        self._framing = framing
        self._running = running
        self._held: dict[socket.socket, bytes] = {}
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._stopped = False
        self._away_until = 0.0

    def accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while not self._stopped:
                connection, _ = listener.accept()
                if time.monotonic() < self._away_until:
                    _reset(connection)
                    continue
                self._running.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def stop(self, listener: socket.socket, accepting: threading.Thread) -> None:
        self._stopped = True
        with suppress(OSError):  # a connection wakes `accept` up on every system
            socket.create_connection(listener.getsockname(), PATIENCE).close()
        accepting.join(PATIENCE)
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._script.greeting and (self._running.connections == 1 or not self._script.once):
                connection.sendall(self._script.greeting)
            while (request := _request(connection, self._framing)) is not None:
                if not self._answer(connection, request, self._next_step(request)):
                    break
        if self._script.away and self._running.connections == 1:
            self._away_until = time.monotonic() + self._script.away

    def _next_step(self, request: bytes) -> Step:
        with self._lock:
            self._running.requests.append(request)
            return self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]

    def _answer(self, connection: socket.socket, request: bytes, step: Step) -> bool:
        """Answer by *step*; False when the connection is to be closed."""
        if isinstance(step, Silence):
            if step.reset:
                _reset(connection)
            return not (step.close or step.reset)
        if isinstance(step, Held):
            self._held[connection] = frame(request, Reply(), self._framing)
            return True
        held = self._held.pop(connection, b"")
        _send(connection, held + frame(request, step, self._framing), step)
        if step.idle_close is not None:
            time.sleep(step.idle_close)
        return not step.close and step.idle_close is None


def _send(connection: socket.socket, data: bytes, step: Reply) -> None:
    time.sleep(step.pause)
    if step.halfway:
        connection.sendall(data[:7])
        time.sleep(step.halfway)
        data = data[7:]
    if step.each is None:
        connection.sendall(data)
    else:
        for at in range(len(data)):
            time.sleep(step.each)
            connection.sendall(data[at : at + 1])
    if step.flood:
        connection.sendall(bytes.fromhex("beef00000003018302") * (step.flood // 9))


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    connection.close()


def _request(connection: socket.socket, framing: Framing) -> bytes | None:
    """One whole request with its framing; None at the end of the connection."""
    if framing == "rtu":
        head = _exactly(connection, 7)
        if head is None or head[1] not in (15, 16):
            rest = b"" if head is None else _exactly(connection, 1)
        else:
            rest = _exactly(connection, head[6] + 2)
        return None if head is None or rest is None else head + rest
    head = _exactly(connection, 6)
    if head is None:
        return None
    rest = _exactly(connection, int.from_bytes(head[4:6], "big"))
    return None if rest is None else head + rest


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            return None
        data += more
    return data


def frame(request: bytes, reply: Reply, framing: Framing) -> bytes:
    """The bytes of *reply* to *request*."""
    body = request[:-2] if framing == "rtu" else request[6:]
    pdu = right_pdu(body[1:]) if reply.pdu is None else reply.pdu
    whole = bytes((body[0] if reply.unit is None else reply.unit,)) + pdu
    if framing == "rtu":
        made = whole + (_crc(whole) ^ reply.crc_flip).to_bytes(2, "little")
    else:
        made = _header(request, reply, len(whole)) + whole
    made = made[: reply.cut] * (2 if reply.twice else 1)
    return (request if reply.echo else b"") + reply.before + made + reply.after


def _header(request: bytes, reply: Reply, length: int) -> bytes:
    asked = int.from_bytes(request[:2], "big")
    transaction = (asked - reply.behind) % 0x10000 if reply.transaction is None else reply.transaction
    said = length + reply.longer if reply.length is None else reply.length
    return struct.pack(">HHH", transaction, reply.protocol, said)


def right_pdu(pdu: bytes) -> bytes:
    """The right answer to a read or write."""
    function, address, count = struct.unpack(">BHH", pdu[:5])
    if function in (3, 4):
        return struct.pack(f">BB{count}H", function, 2 * count, *registers(address, count))
    if function in (1, 2):
        bits: int = sum((address + at) % 2 << at for at in range(count))
        size = (count + 7) // 8
        return bytes((function, size)) + bits.to_bytes(size, "little")
    return pdu if function in (5, 6) else pdu[:5]


def registers(address: int, count: int) -> list[int]:
    """What registers hold."""
    return [(0x1100 + address + at) & 0xFFFF for at in range(count)]


def coils(address: int, count: int) -> list[bool]:
    """What coils are."""
    return [bool((address + at) % 2) for at in range(count)]


def _crc(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """A whole RTU frame."""
    body = bytes((unit,)) + pdu
    return body + _crc(body).to_bytes(2, "little")
