"""A TCP server that answers bytes by a script: what a client meets in the wild, and worse.

    with scripted(Reply(), Silence(), Reply(transaction=99)) as server:
        Client(server.url).read_holding_registers(0, 2)

Each step answers one request, in the order in which the requests come, over all connections; the last step
answers all further ones.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PATIENCE = 10.0
"""No test may hang: the server ends its waits after so long."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answers the request; what is given differs from what is right.

    A read of registers is answered with 0x1100, 0x1101 and so on, from its address; a write with its echo.

    Attributes:
        pdu: instead of the right one. transaction, protocol, unit: instead of the request's; length: instead
            of the real one.
        before, after: bytes beside the answer.
        cut: only so many bytes of it.
        close: close the connection then.
    """

    pdu: bytes | None = None
    transaction: int | None = None
    protocol: int = 0
    unit: int | None = None
    length: int | None = None
    before: bytes = b""
    after: bytes = b""
    cut: int | None = None
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


Step = Reply | Silence | Held


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came."""

    connection: int
    transaction: int
    unit: int
    pdu: bytes


@dataclass(slots=True)
class ScriptedServer:
    """What came: `requests`, and how many `connections`."""

    url: str
    port: int
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for_requests(self, count: int) -> None:
        """Wait until so many requests came."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, PATIENCE)


@contextmanager
def scripted(*steps: Step) -> Iterator[ScriptedServer]:
    """The server while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = ScriptedServer(f"tcp://127.0.0.1:{port}", port)
        script = _Script(server, steps or (Reply(),))
        thread = threading.Thread(target=script.accept, args=(listener,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            script.stop(listener, thread)


class _Script:
    def __init__(self, server: ScriptedServer, steps: Sequence[Step]) -> None:
        self._server = server
        self._steps = list(steps)
        self._held = b""
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._stopped = False

    def accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while not self._stopped:
                connection, _ = listener.accept()
                self._server.connections += 1
                self._open.append(connection)
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
        for thread in self._threads:
            thread.join(PATIENCE)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE)
            while (head := _exactly(connection, 7)) is not None:
                transaction, _, length, unit = struct.unpack(">HHHB", head)
                pdu = _exactly(connection, length - 1) or b""
                request = Request(number, transaction, unit, pdu)
                if not self._answer(connection, request, self._next_step(request)):
                    return

    def _next_step(self, request: Request) -> Step:
        with self._lock:
            step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        with self._server.arrived:
            self._server.requests.append(request)
            self._server.arrived.notify_all()
        return step

    def _answer(self, connection: socket.socket, request: Request, step: Step) -> bool:
        """Answer by *step*; False when the connection is to be closed."""
        if isinstance(step, Silence):
            if step.reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return not (step.close or step.reset)
        if isinstance(step, Held):
            self._held += adu(request, Reply())
            return True
        held, self._held = self._held, b""
        data = held + adu(request, step)
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


def adu(request: Request, reply: Reply) -> bytes:
    """The bytes of *reply* to *request*."""
    pdu = right_pdu(request.pdu) if reply.pdu is None else reply.pdu
    head = struct.pack(
        ">HHHB",
        request.transaction if reply.transaction is None else reply.transaction,
        reply.protocol,
        len(pdu) + 1 if reply.length is None else reply.length,
        request.unit if reply.unit is None else reply.unit,
    )
    return reply.before + (head + pdu)[: reply.cut] + reply.after


def right_pdu(pdu: bytes) -> bytes:
    """The right answer: registers hold 0x1100 + address."""
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
