"""Datagrams for a protocol that thinks it has a stream: each `data_received` and each `write` is one."""

from __future__ import annotations

import asyncio
from typing import Any, cast


class DatagramEnd(asyncio.DatagramProtocol, asyncio.Transport):
    """Between asyncio's transport for datagrams and *protocol*, which thinks that it has a connection."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._protocol = protocol
        self._problem: Exception | None = None
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._protocol.connection_made(self)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        # An empty datagram is no end; one zero byte is what a framing leaves out.
        self._protocol.data_received(data or b"\0")

    def error_received(self, exc: Exception) -> None:
        """The other side says that nobody listens there: nothing more will come."""
        self._problem = exc
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(self._problem or exc)

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if self._transport is not None:
            self._transport.sendto(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
