"""A server that answers bytes by a script: what a client meets in the wild, and worse.

    with scripted(Reply(), Silence(), Reply(transaction=99)) as server:
        Client(server.url).read_holding_registers(0, 2)

Each step answers one request, in the order in which the requests come, over all connections; the last step
answers all further ones. With *rtu* it speaks RTU frames over TCP.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

PATIENCE = 10.0
"""No test may hang: the server ends its waits after so long."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answers the request; what is given differs from what is right.

    A read of registers is answered with 0x1100, 0x1101 and so on, from its address; a write with its echo.

    Attributes:
        pdu: instead of the right one, or made from the request's. unit: instead of the request's.
        transaction: the same, or made from the request's. protocol, length: instead of the real ones.
        before, after: bytes beside the answer.
        cut: only so many bytes of it. drop: without so many at its end. crc: instead of the right one.
        raw: these bytes instead of all.
        times: how often it is sent.
        delay: seconds before it.
        close: close the connection then.
    """

    pdu: bytes | Callable[[bytes], bytes] | None = None
    transaction: int | Callable[[int], int] | None = None
    protocol: int = 0
    unit: int | None = None
    length: int | Callable[[int], int] | None = None
    before: bytes = b""
    after: bytes = b""
    cut: int | None = None
    drop: int = 0
    crc: bytes | None = None
    raw: bytes | None = None
    times: int = 1
    delay: float = 0.0
    close: bool = False
    by_the_byte: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer; with *close* the connection ends, with *reset* by an RST."""

    close: bool = False
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """The right answer, but only before the answer to the next request: it comes late."""


@dataclass(frozen=True, slots=True)
class Echoed:
    """The request itself comes back, without *cut* bytes at its end, and then the answer."""

    cut: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came."""

    connection: int
    transaction: int
    unit: int
    pdu: bytes
    at: float = 0.0


Step = Reply | Silence | Held | Echoed | Callable[[Request], "Reply | Silence | Held | Echoed"]
"""What to do with a request, or what says so."""


@dataclass(slots=True)
class ScriptedServer:
    """What came: `requests`, and how many `connections`."""

    url: str
    port: int
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    opened_at: list[float] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for_requests(self, count: int) -> None:
        """Wait until so many requests came."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, PATIENCE)

    def wait_for_connections(self, count: int) -> None:
        """Wait until so many connections were made."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.connections >= count, PATIENCE)

    def wait_for_ends(self, count: int) -> None:
        """Wait until so many connections that were served are over."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.ended >= count, PATIENCE)


@contextmanager
def scripted(
    *steps: Step,
    rtu: bool = False,
    most: int | None = None,
    beyond: Literal["close", "mute"] = "close",
    closes_idle: float | None = None,
    refuses_for: float = 0.0,
    greeting: bytes = b"",
    tls: ssl.SSLContext | None = None,
) -> Iterator[ScriptedServer]:
    """The server while the block runs.

    *most* connections are served at once; those *beyond* are closed or never answered. One that is idle for
    *closes_idle* seconds is closed. After the end of one no other is served for *refuses_for* seconds.
    *greeting* is sent at the begin of each. With *tls* all of it goes over TLS.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        scheme = "rtu+tcp" if rtu else "tcp" if tls is None else "tls"
        server = ScriptedServer(f"{scheme}://127.0.0.1:{port}", port)
        script = _Script(server, steps or (Reply(),), _Rtu() if rtu else _Tcp())
        script.tls = tls
        script.most, script.beyond, script.greeting = most, beyond, greeting
        script.patience, script.refuses_for = closes_idle or PATIENCE, refuses_for
        thread = threading.Thread(target=script.accept, args=(listener,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            script.stop(listener, thread)


class _Tcp:
    """Requests and answers with an MBAP header."""

    def receive(self, connection: socket.socket, number: int) -> Request | None:
        head = _exactly(connection, 7)
        if head is None:
            return None
        transaction, _, length, unit = struct.unpack(">HHHB", head)
        return Request(number, transaction, unit, _exactly(connection, length - 1) or b"", time.monotonic())

    def pack(self, request: Request, reply: Reply) -> bytes:
        return adu(request, reply)

    def echo(self, request: Request) -> bytes:
        return adu(request, Reply(pdu=request.pdu))


class _Rtu:
    """Requests and answers as RTU frames; requests of the function codes 1 to 6 and 16."""

    def receive(self, connection: socket.socket, number: int) -> Request | None:
        frame = _exactly(connection, 7)
        if frame is not None and frame[1] in (15, 16):
            frame += _exactly(connection, frame[6]) or b""
        rest = _exactly(connection, 2 if frame is not None and frame[1] in (15, 16) else 1)
        if frame is None or rest is None:
            return None
        frame += rest
        assert frame[-2:] == crc(frame[:-2])
        return Request(number, 0, frame[0], frame[1:-2], time.monotonic())

    def pack(self, request: Request, reply: Reply) -> bytes:
        body = bytes((request.unit if reply.unit is None else reply.unit,)) + _pdu(request, reply)
        whole = body + (crc(body) if reply.crc is None else reply.crc)
        return reply.before + whole[: reply.cut][: len(whole) - reply.drop] + reply.after

    def echo(self, request: Request) -> bytes:
        body = bytes((request.unit,)) + request.pdu
        return body + crc(body)


class _Script:
    most: int | None = None
    beyond = "close"
    greeting = b""
    patience = PATIENCE
    refuses_for = 0.0
    tls: ssl.SSLContext | None = None

    def __init__(self, server: ScriptedServer, steps: Sequence[Step], wire: _Tcp | _Rtu) -> None:
        self._server = server
        self._steps = list(steps)
        self._wire = wire
        self._held = b""
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._serving = 0
        self._free_at = 0.0
        self._stopped = False

    def accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while not self._stopped:
                connection, _ = listener.accept()
                with self._server.arrived:
                    self._server.connections += 1
                    self._server.opened_at.append(time.monotonic())
                    self._server.arrived.notify_all()
                self._open.append(connection)
                full = self.most is not None and self._serving >= self.most
                if full or time.monotonic() < self._free_at:
                    if self.beyond == "close":
                        connection.close()
                    continue
                self._serving += 1
                number = self._server.connections
                serve = threading.Thread(target=self._serve, args=(connection, number), daemon=True)
                serve.start()
                self._threads.append(serve)

    def stop(self, listener: socket.socket, accepting: threading.Thread) -> None:
        self._stopped = True
        with suppress(OSError):  # a connection wakes `accept` up on every system
            socket.create_connection(listener.getsockname(), PATIENCE).close()
        accepting.join(PATIENCE)
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with suppress(OSError), self._protected(connection) as connection:
                connection.sendall(self.greeting)
                while (request := self._wire.receive(connection, number)) is not None:
                    if not self._answer(connection, request, self._next_step(request)):
                        return
        finally:
            with self._server.arrived:
                self._serving -= 1
                self._server.ended += 1
                self._free_at = time.monotonic() + self.refuses_for
                self._server.arrived.notify_all()

    def _protected(self, connection: socket.socket) -> socket.socket:
        connection.settimeout(self.patience)
        if self.tls is None:
            return connection
        wrapped = self.tls.wrap_socket(connection, server_side=True)
        self._open.append(wrapped)
        return wrapped

    def _next_step(self, request: Request) -> Reply | Silence | Held | Echoed:
        with self._lock:
            step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        with self._server.arrived:
            self._server.requests.append(request)
            self._server.arrived.notify_all()
        return step(request) if callable(step) else step

    def _answer(
        self, connection: socket.socket, request: Request, step: Reply | Silence | Held | Echoed
    ) -> bool:
        """Answer by *step*; False when the connection is to be closed."""
        if isinstance(step, Silence):
            if step.reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return not (step.close or step.reset)
        if isinstance(step, Held):
            self._held += self._wire.pack(request, Reply())
            return True
        held, self._held = self._held, b""
        if isinstance(step, Echoed):
            echo = self._wire.echo(request)
            connection.sendall(held + echo[: len(echo) - step.cut] + self._wire.pack(request, Reply()))
            return True
        time.sleep(step.delay)
        whole = self._wire.pack(request, step) if step.raw is None else step.raw
        data = held + whole * step.times
        for chunk in [data[i : i + 1] for i in range(len(data))] if step.by_the_byte else [data]:
            connection.sendall(chunk)
        return not step.close


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            return None
        data += more
    return data


def _pdu(request: Request, reply: Reply) -> bytes:
    if callable(reply.pdu):
        return reply.pdu(request.pdu)
    return right_pdu(request.pdu) if reply.pdu is None else reply.pdu


def adu(request: Request, reply: Reply) -> bytes:
    """The bytes of *reply* to *request*, with an MBAP header."""
    pdu = _pdu(request, reply)
    length = len(pdu) + 1
    number = request.transaction
    head = struct.pack(
        ">HHHB",
        number if reply.transaction is None else _changed(number, reply.transaction) & 0xFFFF,
        reply.protocol,
        length if reply.length is None else _changed(length, reply.length),
        request.unit if reply.unit is None else reply.unit,
    )
    whole = (head + pdu)[: reply.cut]
    return reply.before + whole[: len(whole) - reply.drop] + reply.after


def _changed(right: int, change: int | Callable[[int], int]) -> int:
    return change(right) if callable(change) else change


def crc(data: bytes) -> bytes:
    """The check of an RTU frame, bit by bit as the standard describes it."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register.to_bytes(2, "little")


def right_pdu(pdu: bytes) -> bytes:
    """The right answer: registers hold 0x1100 + address; exception 01 to what only reads otherwise."""
    if pdu[0] in (7, 8, 11, 12, 17, 20, 24, 43):
        return bytes((pdu[0] | 0x80, 1))
    function, address, count = struct.unpack(">BHH", pdu[:5])
    if function in (3, 4):
        words = [(0x1100 + address + i) & 0xFFFF for i in range(count)]
        return struct.pack(f">BB{count}H", function, 2 * count, *words)
    if function in (1, 2):
        size = (count + 7) // 8
        return bytes((function, size)) + bytes(size)
    return pdu if function in (5, 6, 22) else pdu[:5]


def registers(address: int, count: int) -> list[int]:
    """What `right_pdu` gives for these."""
    return [0x1100 + address + i for i in range(count)]
