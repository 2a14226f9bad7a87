"""A transport without a socket, for tests of a connection in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any


class FakeTransport(asyncio.Transport):
    """Keeps what is written; `feed` is the client sending, `end` is how the connection was ended.

    After *takes* writes, where that is set, the client leaves its answers unread.
    """

    takes: int | None = None

    def __init__(
        self, protocol: asyncio.BufferedProtocol, peer: tuple[str, int] = ("192.0.2.7", 5000)
    ) -> None:
        super().__init__({"peername": peer})
        self.protocol = protocol
        self.written = b""
        self.end = ""
        self.reading = True
        protocol.connection_made(self)

    def feed(self, *frames: str) -> None:
        """The client sends *frames*, which are hexadecimal."""
        data = bytes.fromhex("".join(frames))
        self.protocol.get_buffer(-1)[: len(data)] = data  # type: ignore[index]
        self.protocol.buffer_updated(len(data))

    def half_close(self) -> None:
        """The client sends no more."""
        if not self.protocol.eof_received():
            self.close()

    def write(self, data: Any) -> None:
        self.written += bytes(data)
        if self.takes is not None:
            self.takes -= 1
            if self.takes == 0:
                self.protocol.pause_writing()

    def close(self) -> None:
        self._ended("close")

    def abort(self) -> None:
        self._ended("abort")

    def is_closing(self) -> bool:
        return bool(self.end)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """It has no buffer: tests call `pause_writing` themselves."""

    def _ended(self, how: str) -> None:
        if not self.end:
            self.end = how
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)
