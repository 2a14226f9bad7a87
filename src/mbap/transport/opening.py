"""Opening what an endpoint names: a connection, or a socket for datagrams."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from mbap.transport import tcp
from mbap.transport.endpoint import Endpoint

if TYPE_CHECKING:
    import asyncio

    from mbap.transport.tls import TLS


class Wire(Protocol):
    """What the blocking client needs of a socket."""

    def settimeout(self, seconds: float | None, /) -> None: ...

    def recv(self, size: int, /) -> bytes: ...

    def send(self, data: bytes, /) -> int: ...

    def shutdown(self, how: int, /) -> None: ...

    def close(self) -> None: ...


def connect(
    endpoint: Endpoint, timeout: float, *, user_timeout: float = tcp.USER_TIMEOUT, tls: TLS | None = None
) -> Wire:
    """A way to *endpoint*, open within *timeout* seconds; its name is resolved anew each time.

    Raises:
        ConnectFailed: with the reason in plain words.
    """
    if endpoint.line is not None:
        from mbap.transport import serial

        return serial.connect(endpoint, timeout)
    if endpoint.datagrams:
        from mbap.transport import udp

        return udp.connect(endpoint, timeout)
    if tls is not None and endpoint.falls_back:
        from mbap.transport import fallback

        return fallback.connect(endpoint, timeout, tls, user_timeout=user_timeout)
    if tls is not None:
        from mbap.transport import tlswire

        return tlswire.connect(endpoint, timeout, tls, user_timeout=user_timeout)
    return tcp.connect(endpoint, timeout, user_timeout=user_timeout)


async def dial(
    make_protocol: Callable[[], asyncio.Protocol],
    endpoint: Endpoint,
    timeout: float,
    *,
    user_timeout: float = tcp.USER_TIMEOUT,
    tls: TLS | None = None,
) -> None:
    """Open a way to *endpoint* and hand it to a protocol.

    Raises:
        ConnectFailed: with the reason in plain words.
    """
    if endpoint.line is not None:
        from mbap.transport import serial

        await serial.dial(make_protocol, endpoint, timeout)
    elif endpoint.datagrams:
        from mbap.transport import udp

        await udp.dial(make_protocol, endpoint, timeout)
    elif tls is not None and endpoint.falls_back:
        from mbap.transport import fallback

        await fallback.dial(make_protocol, endpoint, timeout, tls, user_timeout=user_timeout)
    elif tls is not None:
        from mbap.transport import tlsdial

        await tlsdial.dial(make_protocol, endpoint, timeout, tls, user_timeout=user_timeout)
    else:
        await tcp.dial(make_protocol, endpoint, timeout, user_timeout=user_timeout)
