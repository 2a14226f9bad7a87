"""Serve the page with uvicorn, inside somebody else's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator

import uvicorn
import websockets  # noqa: F401 - uvicorn takes it by itself, and without it silently serves no live values
from starlette.types import ASGIApp

_BACKLOG = 128
_LARGEST_MESSAGE = 128 * 1024
_GRACE_SECONDS = 0.8


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on *host* and *port*; port 0 takes a free one.

    Raises:
        OSError: the port is taken, may not be used, or the host is not one of this machine's.
    """
    try:
        return _bind(host, port)
    except OSError as error:
        sentence = OSError(_sentence(error, host, port))  # alone: a number before it says nothing to anybody
        sentence.errno = error.errno
        raise sentence from error


def url(listening: socket.socket) -> str:
    """What to type into a browser on this machine."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # nosec B104 # only shown
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


async def serve(app: ASGIApp, host: str, port: int, *, listening: socket.socket | None = None) -> None:
    """Serve *app* until cancelled; open live connections are closed within a second.

    Signals are left alone. *listening* is a socket from `bind`, for those who want to know its port first.

    Raises:
        OSError: as `bind`.
    """
    listening = listening or bind(host, port)
    server = _Server(_config(app))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        server.should_exit = True
        await asyncio.wait([task], timeout=_GRACE_SECONDS + 1)
        raise
    finally:
        listening.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Whoever runs the event loop decides about signals."""
        yield


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        ws_max_size=_LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # it would compress the same text once for every page
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=32 * 1024,
    )


def _bind(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif sys.platform == "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def _sentence(error: OSError, host: str, port: int) -> str:
    if isinstance(error, socket.gaierror):
        return f"the page cannot listen on {host}: there is no such host"
    reason = {
        errno.EADDRINUSE: f"port {port} is taken: choose another one, or end the program that has it",
        errno.EACCES: f"port {port} is not allowed: choose one above 1023",
        errno.EADDRNOTAVAIL: "this is not an address of this machine: try 127.0.0.1",
    }.get(error.errno or 0, os.strerror(error.errno or 0))
    return f"the page cannot listen on {host}:{port}: {reason}"
