"""TLS for asyncio: connecting, and the handshake, within one time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mbap.errors import TlsFailed
from mbap.transport import tcp
from mbap.transport.endpoint import Endpoint
from mbap.transport.tls import TLS
from mbap.transport.tlsfaults import handshake_failed
from mbap.transport.tlsstream import TlsStream
from mbap.transport.tlswire import name_of


async def dial(
    make_protocol: Callable[[], asyncio.Protocol],
    endpoint: Endpoint,
    timeout: float,
    tls: TLS,
    *,
    user_timeout: float = tcp.USER_TIMEOUT,
) -> None:
    """Connect to *endpoint* by TLS, both sides checked, and hand the connection to a protocol.

    Raises:
        ConnectFailed: with the reason in plain words; `TlsFailed` where it is about TLS.
    """
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + timeout
    outcome: asyncio.Future[None] = loop.create_future()

    def settled(stream: TlsStream, error: TlsFailed | None) -> None:
        if outcome.done():
            return
        if error is None:
            outcome.set_result(None)
        else:
            outcome.set_exception(error)

    name, place = name_of(endpoint, tls), (endpoint.host, endpoint.port)
    stream = TlsStream(tls, "client", make_protocol(), settled, name=name, place=place)
    try:
        await tcp.dial(lambda: stream, endpoint, timeout, user_timeout=user_timeout)
        async with asyncio.timeout_at(give_up_at):
            await outcome
    except (TimeoutError, asyncio.CancelledError) as ended:
        if outcome.done() and not outcome.cancelled() and outcome.exception() is None:
            return  # the protocol has its connection, and whoever cancels closes it
        outcome.cancel()
        stream.abort()
        if isinstance(ended, TimeoutError):
            raise handshake_failed(ended, None, tls, "client", name, timeout) from ended
        raise
