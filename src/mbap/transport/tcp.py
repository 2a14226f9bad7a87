"""TCP connections: making one, the socket options, and foreign errors said in plain words, once.

Sockets for datagrams are made here too.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mbap.errors import ConnectFailed, ConnectionLost
from mbap.transport.endpoint import Endpoint

if TYPE_CHECKING:
    import asyncio

IDLE, INTERVAL, PROBES = 30, 10, 3
"""Keep-alive: a peer that vanished is noticed 60 s after its last byte, even when nothing is sent."""
USER_TIMEOUT = 30.0
"""What was sent and is not acknowledged for so many seconds ends the connection (Linux)."""

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Candidate = tuple[socket.AddressFamily, SocketAddress]

_OPTIONS = (
    (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", IDLE),
    (socket.IPPROTO_TCP, "TCP_KEEPALIVE", IDLE),  # macOS calls TCP_KEEPIDLE so
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", INTERVAL),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", PROBES),
)


def set_options(connection: socket.socket, user_timeout: float = USER_TIMEOUT) -> None:
    """Send small messages at once, and notice a peer that vanished; what the system lacks is left out."""
    for level, name, value in (*_OPTIONS, (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", int(1000 * user_timeout))):
        option = getattr(socket, name, None)
        if option is None:
            continue
        try:
            connection.setsockopt(level, option, value)
        except OSError as problem:
            if problem.errno not in (errno.ENOPROTOOPT, errno.EINVAL):
                raise


def connect(endpoint: Endpoint, timeout: float, *, user_timeout: float = USER_TIMEOUT) -> socket.socket:
    """A connected blocking socket, made within *timeout* seconds; for `udp://` one that only knows its peer.

    Looking up a name cannot be interrupted: it takes as long as the system's resolver does. An IP address
    needs no look-up.

    Raises:
        ConnectFailed: with the reason in plain words.
    """
    give_up_at = time.monotonic() + timeout
    try:
        candidates = _literal(endpoint) or _candidates(
            endpoint, socket.getaddrinfo(endpoint.host, endpoint.port, type=_kind(endpoint))
        )
        return _first_that_connects(endpoint, candidates, give_up_at, user_timeout)
    except OSError as problem:
        raise connect_failed(endpoint, problem, timeout) from problem


def _first_that_connects(
    endpoint: Endpoint, candidates: Sequence[Candidate], give_up_at: float, user_timeout: float
) -> socket.socket:
    for index, (family, address) in enumerate(candidates):
        connection = socket.socket(family, _kind(endpoint))
        try:
            _prepare(connection, endpoint, user_timeout)
            connection.settimeout(_share(give_up_at - time.monotonic(), len(candidates) - index))
            connection.connect(address)
        except OSError:
            connection.close()
            if index + 1 == len(candidates):
                raise
        else:
            return connection
    raise OSError(errno.EADDRNOTAVAIL, "the name has no address")


async def open_connection(
    endpoint: Endpoint, timeout: float, *, user_timeout: float = USER_TIMEOUT
) -> socket.socket:
    """As `connect`, for asyncio: a connected socket that does not block, made within *timeout* seconds.

    Raises:
        ConnectFailed: with the reason in plain words.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            candidates = _literal(endpoint) or _candidates(
                endpoint, await loop.getaddrinfo(endpoint.host, endpoint.port, type=_kind(endpoint))
            )
            return await _first_that_opens(loop, endpoint, candidates, loop.time() + timeout, user_timeout)
    except OSError as problem:
        raise connect_failed(endpoint, problem, timeout) from problem


async def dial(
    make_protocol: Callable[[], asyncio.BaseProtocol],
    endpoint: Endpoint,
    timeout: float,
    *,
    user_timeout: float = USER_TIMEOUT,
) -> None:
    """Connect to *endpoint* and hand the connection to a protocol.

    Raises:
        ConnectFailed: with the reason in plain words.
    """
    import asyncio

    opened = await open_connection(endpoint, timeout, user_timeout=user_timeout)
    handing_over = asyncio.ensure_future(
        asyncio.get_running_loop().create_connection(make_protocol, sock=opened)
    )
    try:
        await asyncio.wait([handing_over])
    except asyncio.CancelledError:
        # A few turns of the loop, not to be cut short: the protocol may have its connection already, and with
        # uvloop would never learn that it is lost. Whoever cancels closes what was made.
        await asyncio.wait([handing_over])
    try:
        handing_over.result()
    except OSError as problem:
        opened.close()
        raise connect_failed(endpoint, problem, timeout) from problem


async def _first_that_opens(
    loop: asyncio.AbstractEventLoop,
    endpoint: Endpoint,
    candidates: Sequence[Candidate],
    give_up_at: float,
    user_timeout: float,
) -> socket.socket:
    import asyncio

    for index, (family, address) in enumerate(candidates):
        connection = socket.socket(family, _kind(endpoint))
        try:
            connection.setblocking(False)
            _prepare(connection, endpoint, user_timeout)
            share = _share(give_up_at - loop.time(), len(candidates) - index)
            await asyncio.wait_for(loop.sock_connect(connection, address), share)
        except OSError:
            connection.close()
            if index + 1 == len(candidates):
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise OSError(errno.EADDRNOTAVAIL, "the name has no address")


def _literal(endpoint: Endpoint) -> list[Candidate]:
    """The address, where the host is one; asking so never waits."""
    try:
        found = socket.getaddrinfo(
            endpoint.host, endpoint.port, type=_kind(endpoint), flags=socket.AI_NUMERICHOST
        )
    except socket.gaierror:
        return []
    return _candidates(endpoint, found)


def _candidates(
    endpoint: Endpoint,
    found: Sequence[tuple[socket.AddressFamily, socket.SocketKind, int, str, SocketAddress]],
) -> list[Candidate]:
    wanted = None
    if endpoint.source is not None:
        wanted = socket.AF_INET6 if ":" in endpoint.source else socket.AF_INET
    return [(family, address) for family, _, _, _, address in found if wanted in (None, family)]


def _kind(endpoint: Endpoint) -> socket.SocketKind:
    return socket.SOCK_DGRAM if endpoint.datagrams else socket.SOCK_STREAM


def _prepare(connection: socket.socket, endpoint: Endpoint, user_timeout: float) -> None:
    if not endpoint.datagrams:
        set_options(connection, user_timeout)
    if endpoint.source is not None:
        connection.bind((endpoint.source, 0))


def _share(remaining: float, candidates_left: int) -> float:
    """A dead first address must not use up the time of the others; never 0, which would mean not to block."""
    return max(remaining / candidates_left, 0.001)


_REASONS: dict[int, tuple[str, str]] = {
    errno.ECONNREFUSED: (
        "the connection was refused",
        "the host is there, but nothing serves this port: check the port, and whether Modbus TCP is"
        " switched on and has a connection to spare",
    ),
    errno.ETIMEDOUT: (
        "no answer to the attempt to connect",
        "check the address, the cable and the power; a firewall that drops packets looks the same",
    ),
    errno.EHOSTUNREACH: (
        "there is no way to the host",
        "it is switched off, in another network, or the address is wrong",
    ),
    errno.ENETUNREACH: ("there is no way to this network", "check this machine's network and gateway"),
    errno.ECONNRESET: (
        "the connection was reset while it was made",
        "the device may serve only few connections, or only known addresses",
    ),
    errno.EACCES: ("this system does not permit the connection", "check the local firewall"),
    errno.EPERM: ("this system does not permit the connection", "check the local firewall"),
    errno.EADDRNOTAVAIL: ("the address cannot be reached from here", "check the address"),
    errno.EMFILE: (
        "this process has too many files open",
        "raise its limit (ulimit -n), or connect to fewer",
    ),
}


def connect_failed(endpoint: Endpoint, problem: OSError, timeout: float) -> ConnectFailed:
    """*problem*, met while connecting to *endpoint*, in plain words and with advice."""
    if isinstance(problem, socket.gaierror):
        return _unknown_name(endpoint, problem)
    code = errno.ETIMEDOUT if isinstance(problem, TimeoutError) else problem.errno
    if code == errno.EADDRNOTAVAIL and endpoint.source is not None:
        reason = f"connecting from {endpoint.source} is not possible"
        return _with_advice(ConnectFailed(reason), "the source has to be an address of this machine")
    reason, advice = _REASONS.get(code or 0, (problem.strerror or str(problem) or "cannot connect", ""))
    if code == errno.ETIMEDOUT:
        reason = f"{reason} within {timeout:g} s"
    return _with_advice(ConnectFailed(reason), advice)


def _unknown_name(endpoint: Endpoint, problem: socket.gaierror) -> ConnectFailed:
    if problem.errno == socket.EAI_AGAIN:
        reason = f"the name {endpoint.host!r} could not be looked up: no name server answers"
        return _with_advice(ConnectFailed(reason), "check this machine's network, or use the IP address")
    reason = f"the name {endpoint.host!r} is not known"
    return _with_advice(ConnectFailed(reason), "check the spelling, or use the IP address")


def _with_advice(error: ConnectFailed, advice: str) -> ConnectFailed:
    error.advice = advice
    return error


def connection_lost(problem: OSError) -> ConnectionLost:
    """*problem*, met on an open connection, in plain words."""
    told = getattr(problem, "told", None)  # TLS has explained it already
    if isinstance(told, ConnectionLost):
        return told
    if isinstance(problem, ConnectionResetError):
        return ConnectionLost("the device reset the connection")
    if isinstance(problem, ConnectionRefusedError):
        return ConnectionLost("nothing there takes datagrams on this port")
    if isinstance(problem, ConnectionError):
        return ConnectionLost("the device had closed the connection")
    if isinstance(problem, TimeoutError):
        return ConnectionLost("the connection is dead: what was sent is not acknowledged")
    if problem.errno == errno.EHOSTUNREACH:
        return ConnectionLost("there is no way to the host any more")
    if problem.errno in (errno.EIO, errno.ENXIO, errno.ENODEV):
        return ConnectionLost("the port is gone: the adapter was unplugged, or has failed")
    return ConnectionLost(problem.strerror or str(problem))
