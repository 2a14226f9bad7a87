"""Devices that take connections and are of no use: python -m bench.contenders.dead silent|slow --port N."""

from __future__ import annotations

import argparse
import asyncio
import struct

from bench.contenders.ground import HOST

SLOW = 1.5
"""Seconds that a slow one takes for an answer."""


class Dead(asyncio.Protocol):
    """Answers late, or never."""

    def __init__(self, delay: float | None) -> None:
        self._delay = delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._delay is not None:  # one read comes at a time, and whole: it is on loopback
            transaction, _, _, unit, function, _, count = struct.unpack(">HHHBBHH", data)
            head = struct.pack(">HHHBBB", transaction, 0, 3 + 2 * count, unit, function, 2 * count)
            asyncio.get_running_loop().call_later(self._delay, self._write, head + bytes(2 * count))

    def _write(self, out: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(out)  # type: ignore[attr-defined]


async def serve(delay: float | None, port: int) -> None:
    """Serve until ended."""
    loop = asyncio.get_running_loop()
    await (await loop.create_server(lambda: Dead(delay), HOST, port, backlog=1024)).serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("silent", "slow"))
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    asyncio.run(serve(SLOW if options.kind == "slow" else None, options.port))


if __name__ == "__main__":
    main()
