"""A Modbus server on asyncio: listens, admits connections, watches over them, stops."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from dataclasses import replace
from types import TracebackType
from typing import Any

from mbap.protocol.server import Indication
from mbap.server.connection import Connection
from mbap.server.faults import Faults
from mbap.server.handler import Handler
from mbap.server.limits import Limits, ServerStatistics
from mbap.transport.endpoint import Endpoint, parse_endpoint

log = logging.getLogger("mbap.server")

_GRACE = 0.5
"""Seconds in which connections may send what was answered, when the server stops."""
_TURNS_OF_ACCEPTING = 4
"""Turns of the loop after which a connection that is just being accepted is known."""
_MOST_KINDS_LOGGED = 100


class Server:
    """Answers Modbus requests at *url* with *handler*; use it with `async with`.

    Args:
        url: `tcp://127.0.0.1:1502`; port 0 takes any free one, `tcp://:1502` listens on every address.
        handler: a `Device`, `Units`, or whatever else has a `handle` method.
        limits: what clients may take; see `Limits`.
        faults: faults to make on purpose, for tests of clients; see `Faults`.

    Raises:
        ValueError: *url* is not an endpoint.
        OSError: on entry, when it cannot listen there; the message says why and what to do.
    """

    def __init__(
        self, url: str, handler: Handler, *, limits: Limits | None = None, faults: Faults | None = None
    ) -> None:
        self._endpoint = parse_endpoint(url, listening=True)
        self.handler = handler
        self.limits = limits or Limits()
        self.faults = faults
        self.counted = ServerStatistics()
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self._deserted = asyncio.Event()
        self._deserted.set()
        self._logged: set[tuple[type[BaseException], int]] = set()

    @property
    def url(self) -> str:
        """Where it listens, with the port it really got."""
        return self._endpoint.url

    @property
    def port(self) -> int:
        """The port on which it listens; 0 before it does, where any was asked for."""
        return self._endpoint.port

    def statistics(self) -> ServerStatistics:
        """What it has counted so far: a copy, which does not change any more."""
        return replace(self.counted, connections=len(self._connections))

    async def start(self) -> None:
        """Listen; entering `async with` does the same."""
        loop = asyncio.get_running_loop()
        host = self._endpoint.host or None
        try:
            listener = await loop.create_server(lambda: Connection(self), host, self._endpoint.port)
        except OSError as error:
            raise _cannot_listen(self._endpoint, error) from error
        self._listener = listener
        self._endpoint = replace(self._endpoint, port=listener.sockets[0].getsockname()[1])
        self._watch = loop.create_task(self._watch_over())

    async def serve_forever(self) -> None:
        """Serve until `aclose` is called or this is cancelled."""
        if self._listener is None and not self._stopped.is_set():
            await self.start()
        try:
            await self._stopped.wait()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Stop within a moment, whatever clients do: no new connections, those there are closed."""
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        # asyncio forgets a connection, and leaves it open, that it is just accepting when its server closes.
        for _ in range(_TURNS_OF_ACCEPTING):
            await asyncio.sleep(0)
        listener.close()
        if self._watch is not None:
            self._watch.cancel()
        # Not listener.wait_closed(): from Python 3.12 on it waits for clients that may never leave.
        await self._close_connections()
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
        tasks = [task for connection in connections for task in connection.tasks]
        for connection in connections:
            connection.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._deserted.wait(), _GRACE)
        for connection in list(self._connections):
            connection.abort()

    # --- what its connections call ---

    def admit(self, connection: Connection) -> bool:
        """Whether there is room for *connection*; may drop another to make some."""
        if len(self._connections) >= self.limits.max_connections and not self._make_room():
            self.counted.refused += 1
            log.warning("refused %s: %d are connected", connection.peer.address, len(self._connections))
            return False
        self.counted.accepted += 1
        self._connections.add(connection)
        self._deserted.clear()
        return True

    def forget(self, connection: Connection) -> None:
        """*connection* has ended."""
        self._connections.discard(connection)
        if not self._connections:
            self._deserted.set()

    def handler_failed(self, error: BaseException, indication: Indication[Any]) -> None:
        """Count *error*, and log it the first time that the handler fails so."""
        self.counted.handler_failures += 1
        kind = (type(error), indication.function_code)
        if kind in self._logged or len(self._logged) >= _MOST_KINDS_LOGGED:
            return
        self._logged.add(kind)
        log.error("the handler failed at %r for unit %d", indication.request, indication.unit, exc_info=error)

    def _make_room(self) -> bool:
        if self.limits.when_full == "refuse":
            return False
        quiet = [connection for connection in self._connections if connection.quiet]
        if not quiet:
            return False
        oldest = min(quiet, key=lambda connection: connection.last_request)
        self.counted.dropped += 1
        self.forget(oldest)
        oldest.abort()
        return True

    async def _watch_over(self) -> None:
        """Close connections that are quiet, or leave answers unread, for too long."""
        idle, stalled = self.limits.idle_timeout, self.limits.stalled_timeout
        interval = max(0.01, min(stalled if idle is None else min(idle, stalled), 4.0) / 4)
        while True:
            await asyncio.sleep(interval)
            now = asyncio.get_running_loop().time()
            for connection in list(self._connections):
                if connection.unread_since is not None and now - connection.unread_since >= stalled:
                    self.counted.closed_stalled += 1
                    connection.abort()
                elif idle is not None and connection.quiet and now - connection.last_request >= idle:
                    self.counted.closed_idle += 1
                    connection.close()


def _cannot_listen(endpoint: Endpoint, error: OSError) -> OSError:
    sentence = OSError(f"cannot listen on {endpoint.url}: {_why(endpoint, error)}")
    sentence.errno = error.errno
    return sentence


def _why(endpoint: Endpoint, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"the name {endpoint.host!r} is not known; use an address of this machine, such as 127.0.0.1"
    if error.errno == errno.EADDRINUSE:
        return f"port {endpoint.port} is taken by another program; stop it or use another port"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {endpoint.port} needs administrator rights; use 1024 or above, 1502 for instance"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{endpoint.host} is not an address of this machine; use 127.0.0.1, or 0.0.0.0 for all"
    return error.strerror or str(error)
