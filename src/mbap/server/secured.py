"""Who comes in by TLS: handshakes within a limit, a time and a rate, and what a certificate says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from mbap.errors import TlsFailed
from mbap.server.arrivals import Budget
from mbap.server.connection import Connection, Host
from mbap.server.handler import Identity
from mbap.server.vigil import OFTEN, Vigil
from mbap.transport.tlsstream import TlsStream

if TYPE_CHECKING:
    from mbap.transport.tls import TLS, Objection

_GRACE: Final = 0.5
"""Seconds in which the connections of those who were refused are closed, when the server stops."""


class House(Host, Protocol):
    """What is needed of the server."""

    def makes_room(self, address: str) -> bool:
        """Whether one more from *address* is served; counts and logs those that are not."""
        ...

    def turn_away(self, address: str, port: int, reason: str) -> None:
        """Somebody never became a client."""
        ...

    def send_away(self, connection: Connection, reason: str) -> None:
        """Close *connection*, which was served until now."""
        ...


class Secured:
    """The door of *server* with *tls*: whoever comes is nobody until the handshake is done.

    Those in a handshake have a pool of their own, in which one too many takes the place of the oldest of the
    address that has most: a flood of connections that never say anything keeps nobody out for long.
    """

    def __init__(self, server: House, tls: TLS) -> None:
        tls.context("server")
        if not tls.chain:
            raise ValueError("a server needs certificate=... and key=...: clients want to see who it is")
        self.tls = tls
        self._server = server
        self._pool: dict[TlsStream, str] = {}
        self._by_address: Counter[str] = Counter()
        self._budget = Budget(server.limits.handshake_rate)
        self._refused: set[TlsStream] = set()
        self._emptied = asyncio.Event()
        self.vigil = Vigil(tls, self._send_away)
        self._heeding: object = None
        self._watching: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """From now on changed files are noticed."""
        loop = asyncio.get_running_loop()

        def changed() -> None:  # in whichever thread
            with contextlib.suppress(RuntimeError):  # that loop is closed
                loop.call_soon_threadsafe(self._look_at_lists)

        self._heeding = self.tls.when_changed(changed)
        self._look_after(OFTEN)

    async def aclose(self) -> None:
        """Nobody who is still in a handshake comes in; returns when their connections are closed."""
        self._heeding = None
        if self._watching is not None:
            self._watching.cancel()
        for stream in tuple(self._pool):
            stream.give_up(TlsFailed("the server has stopped"))
        for stream in tuple(self._refused):
            stream.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while self._refused:
                    self._emptied.clear()
                    await self._emptied.wait()

    def _watch(self) -> None:
        self._watching = None
        self.tls.refresh()
        self._look_after(self.vigil.look())

    def _look_at_lists(self) -> None:
        self._look_after(self.vigil.look(at_lists=True))

    def _look_after(self, seconds: float) -> None:
        """Look so soon, unless that is going to happen sooner."""
        loop = asyncio.get_running_loop()
        if self._heeding is None or (self._watching and self._watching.when() <= loop.time() + seconds):
            return
        if self._watching is not None:
            self._watching.cancel()
        self._watching = loop.call_later(seconds, self._watch)

    def _send_away(self, connection: Connection, objection: Objection) -> None:
        counted, peer = self._server.counted, connection.peer
        counted.closed_revoked += objection.check == "revoked"
        counted.closed_expired += objection.check != "revoked"
        self._server.seldom.warn(objection.check, "%s is closed: %s", peer.address, objection)
        self._server.send_away(connection, f"the certificate of {objection}")

    async def take(self, accepted: socket.socket, address: str) -> None:
        """Shake hands with who is at *accepted*, and serve it; waits while too many begin."""
        pause = self._budget.take(asyncio.get_running_loop().time())
        if pause:
            await asyncio.sleep(pause)
        self._make_room()
        loop = asyncio.get_running_loop()
        port = int(accepted.getpeername()[1]) if _connected(accepted) else 0
        connection = Connection(self._server)

        def settled(stream: TlsStream, error: TlsFailed | None) -> None:
            late.cancel()
            self._leave(stream)
            if error is not None:
                self._turn_away(stream, error, address, port)
            elif self._server.makes_room(address):
                self._serve(connection, stream)
            else:
                self._refused.add(stream)
                stream.abort()

        buffer = self._server.new_buffer()
        stream = TlsStream(self.tls, "server", connection, settled, gone=self._gone, buffer=buffer)
        self._server.counted.handshakes += 1
        self._pool[stream] = address
        self._by_address[address] += 1
        timeout = self._server.limits.handshake_timeout
        late = loop.call_later(
            timeout, lambda: stream.give_up(TlsFailed(f"no TLS handshake within {timeout:g} s"))
        )
        try:
            await loop.connect_accepted_socket(lambda: stream, accepted)
        except OSError as problem:  # it has ended already
            accepted.close()
            stream.give_up(TlsFailed(f"the connection has ended: {problem.strerror or problem}"))
            self._gone(stream)

    def _turn_away(self, stream: TlsStream, error: TlsFailed, address: str, port: int) -> None:
        self._refused.add(stream)
        self._server.counted.handshakes_failed += 1
        self._server.seldom.warn("handshake", "%s:%s was turned away: %s", address, port, error.reason)
        self._server.turn_away(address, port, error.reason)

    def _serve(self, connection: Connection, stream: TlsStream) -> None:
        """Its handshake is done: from now on its certificate is looked at."""
        path = stream.get_extra_info("path")
        if path is not None:
            self._look_after(self.vigil.keep(connection, path))

    def who(self, transport: asyncio.Transport) -> tuple[str | None, Identity | None]:
        """The role and the identity of the client at *transport*."""
        certificate = transport.get_extra_info("certificate")
        if certificate is None:
            return None, None
        session = transport.get_extra_info("tls")
        cipher = session.cipher()
        return certificate.role, Identity(
            certificate.subject,
            certificate.issuer,
            certificate.serial,
            certificate.fingerprint,
            certificate.not_after,
            session.version() or "",
            cipher[0] if cipher else "",
            bool(session.session_reused),
            certificate.role_problem,
        )

    def forget(self, connection: Connection) -> None:
        """*connection* has ended."""
        self.vigil.forget(connection)

    def _gone(self, stream: TlsStream) -> None:
        self._refused.discard(stream)
        self._emptied.set()

    def _make_room(self) -> None:
        if len(self._pool) < self._server.limits.max_handshakes:
            return
        crowd, _ = self._by_address.most_common(1)[0]
        oldest = next(stream for stream, address in self._pool.items() if address == crowd)
        self._server.counted.handshakes_dropped += 1
        oldest.give_up(TlsFailed("too many have not finished their handshake, and this one is the oldest"))

    def _leave(self, stream: TlsStream) -> None:
        address = self._pool.pop(stream, None)
        if address is None:
            return
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


def _connected(accepted: socket.socket) -> bool:
    try:
        accepted.getpeername()
    except OSError:
        return False
    return True
