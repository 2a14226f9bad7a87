"""The page of the fake plant on a real port, in a thread, with values that move."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from mbap.collect.device import PolledDevice
from mbap.dashboard.app import create_app
from mbap.dashboard.options import WebOptions
from mbap.dashboard.serve import bind, serve, url
from support.plant import FakePlant

ROUND_SECONDS = 0.2
_PATIENCE = 10.0


def utc_now() -> int:
    """UTC microseconds."""
    return time.time_ns() // 1000


class ServedPlant:
    """Serves from entering to leaving; can stop and start again on the same port."""

    def __init__(
        self, options: WebOptions | None = None, polled: Sequence[PolledDevice] | None = None
    ) -> None:
        self.fake = FakePlant(utc_now(), polled)
        self.moving = True
        self._options = options or WebOptions()
        self._listening: socket.socket | None = bind("127.0.0.1", 0)
        self.url = url(self._listening)
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> ServedPlant:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, in a thread of its own."""
        self._running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._thread.start()
        assert self._running.wait(_PATIENCE)

    def stop(self) -> None:
        """Stop; every connection ends."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(_PATIENCE)
        assert not self._thread.is_alive()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._serve())
        mover = asyncio.create_task(self._move())
        self._running.set()
        await asyncio.wait([self._task])
        mover.cancel()

    async def _serve(self) -> None:
        listening, self._listening = self._listening, None
        app = create_app(self.fake.plant, self._options)
        await serve(app, "127.0.0.1", self.port, listening=listening)

    async def _move(self) -> None:
        while True:
            if self.moving:
                self.fake.step(utc_now())
            else:
                self.fake.now = utc_now()
            await asyncio.sleep(ROUND_SECONDS)
