"""A syslog server of a few lines: keeps what it gets, over UDP, or over TCP and TLS with counted octets."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from support.program import until


@dataclass
class Received:
    """What a server got.

    Attributes:
        url: where it is.
        messages: one after the other, without their counts.
    """

    url: str
    messages: list[bytes] = field(default_factory=list)

    def wait_for(self, count: int) -> list[str]:
        """The first *count* messages, when they are there."""
        until(lambda: len(self.messages) >= count, f"{count} messages of {len(self.messages)}")
        return [one.decode("utf-8") for one in self.messages[:count]]


@contextmanager
def udp_server() -> Iterator[Received]:
    """A server on UDP while the block runs."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        received = Received(f"udp://127.0.0.1:{listener.getsockname()[1]}")

        def run() -> None:
            while data := listener.recv(65_536):
                received.messages.append(data)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield received
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", listener.getsockname())
            thread.join()


@contextmanager
def tcp_server(port: int = 0, context: ssl.SSLContext | None = None, most: int = 0) -> Iterator[Received]:
    """A server on TCP, or with *context* on TLS; *most*: closes each connection after so many messages."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        scheme = "tcp" if context is None else "tls"
        received = Received(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
        ended = threading.Event()
        thread = threading.Thread(target=_accept, args=(listener, received, context, most, ended))
        thread.start()
        try:
            yield received
        finally:
            ended.set()
            socket.create_connection(listener.getsockname()).close()
            thread.join()


def _accept(
    listener: socket.socket,
    received: Received,
    context: ssl.SSLContext | None,
    most: int,
    ended: threading.Event,
) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            if ended.is_set():
                return
            connection.settimeout(0.05)
            with suppress(OSError):
                secured = connection if context is None else _secured(connection, context)
                _receive(secured, received, most, ended)


def _secured(connection: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    connection.settimeout(5)
    secured = context.wrap_socket(connection, server_side=True)
    secured.settimeout(0.05)
    return secured


def _receive(connection: socket.socket, received: Received, most: int, ended: threading.Event) -> None:
    data, first = b"", len(received.messages)
    while not ended.is_set() and not (most and len(received.messages) - first >= most):
        try:
            data += (new := connection.recv(65_536))
        except TimeoutError:
            continue
        if not new:
            break
        data = _taken(data, received)
    connection.close()


def _taken(data: bytes, received: Received) -> bytes:
    """Take the whole messages in *data*; gives the rest."""
    while True:
        count, space, rest = data.partition(b" ")
        if not space or len(rest) < int(count):
            return data
        received.messages.append(rest[: int(count)])
        data = rest[int(count) :]
