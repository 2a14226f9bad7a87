"""One page over HTTP with what is counted: as little of a web server as Prometheus needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from mbap.transport.endpoint import parse_endpoint

PATIENCE: Final = 5.0
"""Seconds within which a request must be here and its answer gone."""
MOST: Final = 8
"""So many are answered at once; others are closed."""
_KIND: Final = "text/plain; version=0.0.4; charset=utf-8"


class MetricsPage:
    """Answers `GET /metrics` with what *text* gives.

    Attributes:
        refused: connections closed because there were too many.
    """

    def __init__(self, listen: str, text: Callable[[], str]) -> None:
        self._endpoint = parse_endpoint(f"tcp://{listen}", listening=True)
        self._text = text
        self._server: asyncio.Server | None = None
        self._open = 0
        self.refused = 0

    @property
    def url(self) -> str:
        """Where it is."""
        port = self._server.sockets[0].getsockname()[1] if self._server else self._endpoint.port
        return f"http://{self._endpoint.host}:{port}/metrics"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken, or the host is not one of this machine's.
        """
        try:
            self._server = await asyncio.start_server(
                self._serve, self._endpoint.host or None, self._endpoint.port, limit=4096
            )
        except OSError as error:
            raise OSError(f"cannot serve metrics at {self.url}: {error.strerror or error}") from error

    async def aclose(self) -> None:
        """Stop."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open > MOST:
                self.refused += 1
                return
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head.split(b"\r\n", 1)[0]))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever it was is gone, or speaks something else
        finally:
            self._open -= 1
            writer.close()

    def _answer(self, line: bytes) -> bytes:
        if line.split(b" ")[:2] == [b"GET", b"/metrics"]:
            return _response("200 OK", self._text())
        return _response("404 Not Found", "the counts are at /metrics\n")


def _response(status: str, text: str) -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status}",
        f"Content-Type: {_KIND}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body
