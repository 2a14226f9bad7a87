"""A server in a thread with a loop of its own, for programs and tests that have no loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from mbap.server.faults import Faults
from mbap.server.handler import Handler
from mbap.server.limits import Limits
from mbap.server.server import Server

if TYPE_CHECKING:
    from mbap.transport.tls import TLS


@contextmanager
def serving(
    handler: Handler,
    url: str = "tcp://127.0.0.1:0",
    *,
    limits: Limits | None = None,
    faults: Faults | None = None,
    public: bool = False,
    tls: TLS | None = None,
) -> Iterator[str]:
    """Serve *handler* at *url* while the block runs; gives the URL with the port it really got.

    The handler is called in the server's thread.

    Raises:
        ValueError: *url* is not an endpoint, or can be reached from the whole internet; see `Server`.
        OSError: it cannot listen there; the message says why and what to do.
    """
    server = Server(url, handler, limits=limits, faults=faults, public=public, tls=tls)
    started: Future[asyncio.AbstractEventLoop] = Future()
    thread = Thread(target=lambda: asyncio.run(_serve(server, started)), name=f"serving {url}", daemon=True)
    thread.start()
    loop = started.result()
    try:
        yield server.url
    finally:
        asyncio.run_coroutine_threadsafe(server.aclose(), loop)
        thread.join()


async def _serve(server: Server, started: Future[asyncio.AbstractEventLoop]) -> None:
    try:
        await server.start()
    except (OSError, ValueError) as error:
        started.set_exception(error)
        return
    started.set_result(asyncio.get_running_loop())
    await server.serve_forever()
