"""Listening to a serial line without ever writing to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

from mbap.transport import opening, serial
from mbap.transport.endpoint import Endpoint
from mbap.transport.linefaults import line_faults

_SILENT_AFTER = 0.05
"""Seconds without a byte after which what is here is taken for all; adapters on USB hand over in portions."""


class Ear(asyncio.Protocol):
    """Tells what it hears, and when the line is silent; it never writes.

    Args:
        heard: called with the bytes and the time at which they came, by `time.monotonic`.
        silent: called with the time when no byte came for a while.

    Attributes:
        lost: set when the port is gone. problem: why.
        faults: parity and framing errors that the driver counted since then; None where it does not.
    """

    def __init__(self, heard: Callable[[bytes, float], object], silent: Callable[[float], object]) -> None:
        self.lost = asyncio.Event()
        self.problem: Exception | None = None
        self._heard = heard
        self._silent = silent
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._faults_before: int | None = None

    @property
    def faults(self) -> int | None:
        counted = self._counted()
        return None if counted is None or self._faults_before is None else counted - self._faults_before

    def _counted(self) -> int | None:
        port = getattr(self._transport, "serial", None)
        return None if port is None else line_faults(port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._faults_before = self._counted()

    def data_received(self, data: bytes) -> None:
        self._heard(data, time.monotonic())
        self._stop_timer()
        self._timer = self._loop.call_later(_SILENT_AFTER, lambda: self._silent(time.monotonic()))

    def connection_lost(self, problem: Exception | None) -> None:
        self._stop_timer()
        self.problem = problem
        self.lost.set()

    async def aclose(self) -> None:
        """Close the port; returns when it is closed."""
        if self._transport is not None:
            self._transport.abort()
            await self.lost.wait()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def listen(
    endpoint: Endpoint,
    heard: Callable[[bytes, float], object],
    silent: Callable[[float], object],
    *,
    timeout: float = 5.0,
) -> Ear:
    """An ear at *endpoint*: a serial port, whose RTS and DTR stay as they are, or a TCP server of its bytes.

    Raises:
        ConnectFailed: with the reason in plain words.
    """
    ear = Ear(heard, silent)
    if endpoint.line is not None:
        await serial.dial(lambda: ear, endpoint, timeout, listening_only=True)
    else:
        await opening.dial(lambda: ear, endpoint, timeout)
    return ear
