"""A Modbus server on asyncio: listens, admits connections, counts, stops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mbap.protocol.server import Heard, Indication, ServerSession
from mbap.protocol.sides import Side
from mbap.records import replace
from mbap.server.connection import Connection
from mbap.server.diagnostics import Bus
from mbap.server.doors import Doors, cancelled
from mbap.server.entrance import NO_ROOM, Entrance
from mbap.server.guests import Guests
from mbap.server.handler import Dismissing, Doorkeeper, Forwards, Handler, Identity, OnBus, Passing, Peer
from mbap.server.limits import Limits, ServerStatistics
from mbap.server.seldom import Seldom
from mbap.server.shortcut import shortcut_to
from mbap.transport.endpoint import Endpoint, parse_endpoint

if TYPE_CHECKING:
    from mbap.server.faults import Faults
    from mbap.server.faultstage import FaultyDevice
    from mbap.server.forwarding import Forwarding
    from mbap.server.secured import Secured
    from mbap.transport.tls import TLS

log = logging.getLogger("mbap.server")

_GRACE = 0.5
"""Seconds in which connections may send what was answered, when the server stops."""
_MOST_KINDS_LOGGED = 100


class Server:
    """Answers Modbus requests at *url* with *handler*; use it with `async with`.

    Args:
        url: `tcp://127.0.0.1:1502`; port 0 takes any free one, `tcp://:1502` listens on every address.
            `tls://` is Modbus/TCP Security, on port 802. `rtu+tcp://` and `ascii+tcp://` take the frames of
            serial lines over TCP, `udp://` datagrams; `rtu:///dev/ttyUSB0` and `ascii:///dev/ttyUSB0` serve
            on a serial line.
        handler: a `Device`, `Units`, or whatever else has a `handle` method. On a serial line unknown units
            are not answered, and a `Device` needs `#5` at the end of the URL: other units are of others.
        limits: what clients may take; see `Limits`.
        faults: faults to make on purpose, for tests of clients; see `Faults`.
        public: it is meant that the address can be reached from the whole internet; without it such an
            address is refused, and one that means every address of the machine is warned of.
        sockets: bound sockets to listen on instead of new ones, as a service manager hands them over; *url*
            then says only what is spoken there. They are closed at the end, and stay open elsewhere.
        tls: who we are and which clients are trusted; `tls://` needs it. A client without a certificate that
            passes is not served; one whose certificate holds no role has `Peer.role` None.

    Raises:
        ValueError: *url* is not an endpoint, or *handler* would answer for all units of a serial line; on
            entry, when it can be reached from the whole internet.
        OSError: on entry, when it cannot listen there; the message says why and what to do.
    """

    def __init__(
        self,
        url: str,
        handler: Handler,
        *,
        limits: Limits | None = None,
        faults: Faults | None = None,
        public: bool = False,
        sockets: Sequence[socket.socket] | None = None,
        tls: TLS | None = None,
    ) -> None:
        endpoint = parse_endpoint(url, listening=True)
        self.handler = handler if endpoint.line is None else _for_line(handler, endpoint)
        # Whether a handler is one of these takes longer to find out than a connection takes otherwise.
        self.doorkeeper: Doorkeeper | None = self.handler if isinstance(self.handler, Doorkeeper) else None
        self._dismissing: Dismissing | None = self.handler if isinstance(self.handler, Dismissing) else None
        self._passing: Passing | None = self.handler if isinstance(self.handler, Passing) else None
        self.limits = limits or Limits()
        self.faulty = None if faults is None else _made_faulty(faults)
        plain = faults is None and endpoint.line is None
        self.shortcut = shortcut_to(handler, self.limits.write_buffer) if plain else None
        self.forwarding = _forwarding_to(handler) if plain and isinstance(handler, Forwards) else None
        self.counted = ServerStatistics()
        self.bus = Bus()
        self.seldom = Seldom(log)
        self._connections: Guests[Connection] = Guests(self.limits, self.counted, self.seldom)
        self._entrance = Entrance(
            self.limits, self._connections, self.counted, self.seldom, self._let_in, self.turn_away
        )
        self._doors = Doors(self, endpoint, self._entrance.take, sockets, public=public)
        self._buffer = bytearray(self.limits.read_size)
        self.secured = _secured(self, endpoint, tls)
        self._arriving: set[asyncio.Task[None]] = set()
        self._listening = False
        self._stopped = asyncio.Event()
        self._deserted = asyncio.Event()
        self._deserted.set()
        self._logged: set[tuple[type[BaseException], int]] = set()

    @property
    def url(self) -> str:
        """Where it listens, with the port it really got."""
        return self._doors.endpoint.url

    @property
    def port(self) -> int:
        """The port on which it listens; 0 before it does, where any was asked for."""
        return self._doors.endpoint.port

    def statistics(self) -> ServerStatistics:
        """What it has counted so far: a copy, which does not change any more."""
        return replace(self.counted, connections=len(self._connections) + len(self._doors.correspondents))

    async def start(self) -> None:
        """Listen; entering `async with` does the same."""
        await self._doors.open()
        if self.secured is not None:
            self.secured.start()
        if isinstance(self.handler, OnBus):
            self.handler.join(self.bus)
        self._listening = True

    async def serve_forever(self) -> None:
        """Serve until `aclose` is called or this is cancelled."""
        if not self._listening and not self._stopped.is_set():
            await self.start()
        try:
            await self._stopped.wait()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Stop within a moment, whatever clients do: no new connections, those there are closed."""
        if not self._listening:
            return
        self._listening = False
        await self._doors.aclose()
        await self._entrance.aclose()
        await asyncio.gather(*self._arriving, return_exceptions=True)
        if self.secured is not None:
            await self.secured.aclose()
        await self._close_connections()
        if isinstance(self.handler, OnBus):
            self.handler.part(self.bus)
        self._stopped.set()

    async def __aenter__(self) -> Server:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _close_connections(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.close()
        await cancelled(connection.conversation for connection in connections)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._deserted.wait(), _GRACE)
        for connection in list(self._connections):
            connection.abort()

    # --- who is let in ---

    async def _let_in(self, accepted: socket.socket, address: str) -> None:
        """Serve a connection if there is room, over TLS after a handshake."""
        # By TLS it is nobody so far, for whom no client makes room: that is looked at after the handshake.
        nobody = self.secured is not None
        if not nobody and not self._connections.has_room(address):
            accepted.close()
            self.turn_away(address, 0, NO_ROOM)
            return
        if self.secured is not None:
            await self.secured.take(accepted, address)
            return
        arriving = asyncio.get_running_loop().create_task(self._welcome(accepted))
        self._arriving.add(arriving)
        arriving.add_done_callback(self._arriving.discard)
        # It takes some turns of the loop, in which others are served. The next can arrive meanwhile, unless
        # it depends on this one whether there is room.
        limits = self.limits
        free = limits.max_connections - limits.reserved - len(self._connections)
        if limits.max_per_address is not None or len(self._arriving) >= free:
            await asyncio.wait(self._arriving)

    def who(self, transport: asyncio.Transport) -> tuple[str | None, Identity | None]:
        """The role and the identity of the client, where its certificate was checked."""
        return (None, None) if self.secured is None else self.secured.who(transport)

    def turn_away(self, address: str, port: int, reason: str) -> None:
        """Somebody never became a client."""
        if self.doorkeeper is not None:
            self.doorkeeper.turned_away(Peer(address, port, self.url), reason)

    def makes_room(self, address: str) -> bool:
        """Whether one more from *address* is served; counts and logs those that are not."""
        if self._connections.has_room(address):
            return True
        self.turn_away(address, 0, NO_ROOM)
        return False

    def send_away(self, connection: Connection, reason: str) -> None:
        """Close *connection*, which was served until now."""
        if self._dismissing is not None:
            self._dismissing.dismissed(connection.peer, reason)
        connection.close()

    async def _welcome(self, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: Connection(self), accepted)
        except OSError:  # it has ended already
            accepted.close()

    # --- what its connections call ---

    def new_session(self) -> ServerSession:
        """A session for one connection."""
        # Over a network nobody hears himself, and an answer that equals the next request must not be taken
        # for an echo.
        opaque = self._passing is not None and self._passing.opaque
        return ServerSession(self._doors.endpoint.framing(Side.SERVER, echo=False), opaque=opaque)

    def keeps(self, address: str) -> bool:
        """Whether a client at *address* may be idle for as long as it likes."""
        return self._connections.keeps(address)

    def new_buffer(self) -> bytearray:
        """Where what one connection gets is read to: for all of them the same, as far as that is possible."""
        # What was read is handled before anything else is read. Only Windows keeps a read of every connection
        # under way, which fills its buffer at any time.
        return bytearray(self.limits.read_size) if sys.platform == "win32" else self._buffer

    def admit(self, connection: Connection) -> None:
        """*connection* has begun."""
        self._connections.admit(connection)
        self._deserted.clear()

    def forget(self, connection: Connection) -> None:
        """*connection* has ended."""
        self._connections.forget(connection)
        self._entrance.left(connection)
        if self.secured is not None:
            self.secured.forget(connection)
        if not self._connections:
            self._deserted.set()

    def count_heard(self, before: Heard, now: Heard) -> None:
        """A framing has left out more than before."""
        self.counted.foreign += now.foreign - before.foreign
        self.counted.noise += now.noise - before.noise
        wrong = now.check_errors - before.check_errors
        if wrong:
            self.counted.check_errors += wrong
            self.bus.check_failed(wrong)

    def handler_failed(self, error: BaseException, indication: Indication[Any]) -> None:
        """Count *error*, and log it the first time that the handler fails so."""
        self.counted.handler_failures += 1
        kind = (type(error), indication.function_code)
        if kind in self._logged or len(self._logged) >= _MOST_KINDS_LOGGED:
            return
        self._logged.add(kind)
        log.error("the handler failed at %r for unit %d", indication.request, indication.unit, exc_info=error)


def _forwarding_to(handler: Forwards) -> Forwarding:
    from mbap.server.forwarding import Forwarding  # few servers pass on anything

    return Forwarding(handler)


def _made_faulty(faults: Faults) -> FaultyDevice:
    from mbap.server.faultstage import FaultyDevice  # few servers make faults

    return FaultyDevice(faults)


def _secured(server: Server, endpoint: Endpoint, tls: TLS | None) -> Secured | None:
    if endpoint.secure and tls is None:
        raise ValueError(
            f"{endpoint.url} needs to know who you are and whom you trust:"
            ' tls=mbap.TLS(ca="ca.pem", certificate="server.pem", key="server.key")'
        )
    if tls is None:
        return None
    if not endpoint.secure:
        raise ValueError(f"{endpoint.url} is not protected: TLS goes with tls://, on port 802")
    from mbap.server.secured import Secured

    return Secured(server, tls)


def _for_line(handler: Handler, endpoint: Endpoint) -> Handler:
    from mbap.server.serialline import for_line

    return for_line(handler, endpoint)
