"""A client that sends the bytes it is told and shows the bytes that come, for tests of servers."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mbap.transport.endpoint import parse_endpoint

PATIENCE = 5.0


class WireClient:
    """One connection; bytes are written in hexadecimal, spaces do not matter."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *frames: str) -> None:
        """Send *frames* in one go."""
        self.writer.write(bytes.fromhex("".join(frames)))
        await self.writer.drain()

    async def receive(self) -> str:
        """The next frame."""
        head = await asyncio.wait_for(self.reader.readexactly(6), PATIENCE)
        rest = await asyncio.wait_for(self.reader.readexactly(int.from_bytes(head[4:6], "big")), PATIENCE)
        return (head + rest).hex(" ")

    async def ask(self, frame: str) -> str:
        """Send *frame*; the frame that comes next."""
        await self.send(frame)
        return await self.receive()

    def reset(self) -> None:
        """End the connection by RST."""
        connection = self.writer.get_extra_info("socket")
        linger_not = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        self.writer.transport.abort()

    async def ended(self) -> bytes:
        """What still comes until the server closes, by FIN or by RST."""
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE)
        except ConnectionResetError:
            return b"reset"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[WireClient]:
    """A client connected to *url*, as long as the block runs."""
    endpoint = parse_endpoint(url)
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    try:
        yield WireClient(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)
