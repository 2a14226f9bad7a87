"""Listening: sockets on the addresses that a URL means, and accepting, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mbap.server.networks import address_of
from mbap.transport.endpoint import Endpoint

log = logging.getLogger("mbap.server")

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds to wait after the system could not hand over a connection; doubled every time in a row."""
_AT_ONCE = 32
"""Connections accepted before others get their turn."""
_NO_SUCH_KIND = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

Place = tuple[socket.AddressFamily, Any]
Take = Callable[[socket.socket, str], Awaitable[None]]


async def places(endpoint: Endpoint, kind: socket.SocketKind, *, public: bool) -> list[Place]:
    """The socket addresses that *endpoint* means on this machine.

    Raises:
        OSError: the name is not known.
        ValueError: one of them can be reached from everywhere, and it is not said that this is meant.
    """
    where = _literal(endpoint, kind) or await _looked_up(endpoint, kind)
    for _, address in where:
        if not public:
            _expect_private(endpoint, str(address[0]))
    return where


def _literal(endpoint: Endpoint, kind: socket.SocketKind) -> list[Place]:
    """The addresses, where the host is one or empty; asking so never waits, and needs no thread."""
    flags = socket.AI_PASSIVE | socket.AI_NUMERICHOST
    try:
        found = socket.getaddrinfo(endpoint.host or None, endpoint.port, type=kind, flags=flags)
    except socket.gaierror:
        return []
    return [(family, address) for family, _kind, _protocol, _name, address in found]


async def _looked_up(endpoint: Endpoint, kind: socket.SocketKind) -> list[Place]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=kind, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, address) for family, _kind, _protocol, _name, address in found))


def _expect_private(endpoint: Endpoint, host: str) -> None:
    address = address_of(host)
    if address is None:
        return
    if address.is_global:
        raise ValueError(
            f"{endpoint.url} can be reached from the whole internet, and Modbus asks nobody who he is;"
            " if that is meant, say so: public=True, or --public"
        )
    if address.is_unspecified:
        log.warning(
            "listening on every address of this machine (%s): whoever reaches one may read and write;"
            " an address of the plant's network alone is safer",
            host,
        )


def bound(where: Sequence[Place], kind: socket.SocketKind) -> list[socket.socket]:
    """A socket for each of *where*, all with the same port; where one of several kinds of address is missing
    on this machine, for the others.

    Raises:
        OSError: an address or port cannot be had.
    """
    sockets: list[socket.socket] = []
    for index, (family, address) in enumerate(where, 1):
        try:
            sockets.append(_bound(family, _with_port_of(sockets, address), kind))
        except OSError as problem:
            if problem.errno in _NO_SUCH_KIND and (sockets or index < len(where)):
                continue
            for opened in sockets:
                opened.close()
            raise
    return sockets


def _with_port_of(sockets: list[socket.socket], address: Any) -> Any:
    """Where any port will do, the one that the first socket got."""
    if not sockets or address[1]:
        return address
    return (address[0], sockets[0].getsockname()[1], *address[2:])


def _bound(family: socket.AddressFamily, address: Any, kind: socket.SocketKind) -> socket.socket:
    opened = socket.socket(family, kind)
    try:
        opened.setblocking(False)
        if os.name == "posix" and sys.platform != "cygwin" and kind is socket.SOCK_STREAM:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and hasattr(socket, "IPPROTO_IPV6"):
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    return opened


class Acceptor:
    """Accepts connections on one listening socket, and hands each to *take*.

    When the system cannot hand one over, because there are too many open files for instance, it is waited
    for; *failed* is told, and those that have come meanwhile are kept by the system. A socket that is not
    our *own* goes on listening for somebody else when this ends.
    """

    def __init__(
        self, listener: socket.socket, take: Take, failed: Callable[[OSError], None], *, own: bool = True
    ) -> None:
        self._listener, self._take, self._failed, self._own = listener, take, failed, own
        self._closing = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def aclose(self) -> None:
        """Accept no more."""
        self._closing = True
        # On Linux this wakes the task, which then cannot lose a connection that it is just being handed.
        with contextlib.suppress(OSError):
            if self._own:
                self._listener.shutdown(socket.SHUT_RDWR)
            await asyncio.wait({self._task}, timeout=0.1)
        self._task.cancel()
        await asyncio.wait({self._task})
        self._listener.close()

    async def _run(self) -> None:
        pause, taken = FIRST_PAUSE, 0
        while not self._closing:
            try:
                connection, address = await self._accepted()
            except OSError as problem:
                if self._closing:
                    return
                self._failed(problem)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            await self._take(connection, str(address[0]))
            taken += 1
            if taken % _AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _accepted(self) -> tuple[socket.socket, Any]:
        """The next connection, without waiting where it is there: uvloop by itself takes one a turn."""
        try:
            connection, address = self._listener.accept()
        except BlockingIOError:
            return await asyncio.get_running_loop().sock_accept(self._listener)
        connection.setblocking(False)
        return connection, address


def cannot_listen(endpoint: Endpoint, error: OSError) -> OSError:
    """*error* in one sentence, with what to do."""
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
