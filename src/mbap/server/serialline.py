"""Serving on a serial line, where others may be too, and whose port may go and come back."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, cast

from mbap.errors import ConnectFailed
from mbap.protocol.server import Indication
from mbap.server.connection import Connection, Host
from mbap.server.device import Device
from mbap.server.handler import Handler, Units
from mbap.transport import serial
from mbap.transport.endpoint import Endpoint
from mbap.transport.line import LineSettings

log = logging.getLogger("mbap.server")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
"""Seconds to wait before a port that went away is opened again; doubled every time in a row."""
_OPENING: Final = 5.0
_MOST_BEHIND: Final = 64
"""So many broadcasts may wait for a handler; then the driver keeps what comes, as far as its buffer goes."""
_TORN: Final = 0.05
"""Seconds without a byte after which the rest of a request is not waited for. The standard says 3.5
characters, which no operating system keeps: an adapter on USB hands bytes over in portions, 16 ms apart."""


def for_line(handler: Handler, endpoint: Endpoint) -> Handler:
    """*handler* so that it answers for its units only, and leaves the others to whoever they are.

    Raises:
        ValueError: it would answer for every unit.
    """
    if endpoint.unit is not None:
        return Units({endpoint.unit: handler}, unknown=None)
    silent = handler.among_others() if isinstance(handler, Units) else None
    every = isinstance(handler, (Device, Units)) or getattr(handler, "answers_every_unit", False)
    if silent is None and every:
        raise ValueError(
            f"on {endpoint.url} it would answer for every unit, also for other devices on the line: say which"
            " unit it is, Units({5: device}) or #5 at the end of the URL"
        )
    return silent or handler


class LineConnection(Connection):
    """A serial line, with one client on it and perhaps other devices.

    It takes data as a plain protocol does: the transports of serial ports know no other.

    An answer waits until the line is silent for 3.5 characters. When the client asks anything else before it
    was sent, nobody waits for it any more, and it would disturb: it is dropped.
    """

    def __init__(self, host: Host, line: LineSettings, lost: asyncio.Event) -> None:
        super().__init__(host)
        self._line = line
        self._lost = lost
        self._answer = b""
        self._sending: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._last_byte = self._loop.time()
        indications = self._session.receive_data(data)
        self._note_partial(len(data))
        self._take(indications)
        if self._session.failure is not None:
            self._host.seldom.warn("noise", "%s: %s", self._host.url, self._session.failure)
            self._session.framing.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_answer()
        super().connection_lost(exc)
        self._lost.set()

    def transmit(self, data: bytes) -> None:
        self._answer += data
        self._send_when_silent()

    def _take(self, indications: list[Indication[object]]) -> None:
        """One after the other: only the last is still waited for."""
        for indication in indications:
            self._drop_answer()
            self.conversation.forget_open()
            self.last_active = self._loop.time()
            self.conversation.take([indication])
        self._count_heard()

    def _drop_answer(self) -> None:
        self._host.counted.unanswered += bool(self._answer)
        self._answer = b""

    def _regulate(self) -> None:
        """Read on, whatever is open: only what comes tells that nobody waits for it any more."""
        pause = self.conversation.behind >= _MOST_BEHIND
        if pause == self._reading_paused or self._closing:
            return
        self._reading_paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _send_when_silent(self) -> None:
        if self._sending is not None:
            return
        wait = self._last_byte + self._line.silence - self._loop.time()
        if wait > 0:
            self._sending = self._loop.call_later(wait, self._is_silent)
        else:
            answer, self._answer = self._answer, b""
            super().transmit(answer)

    def _is_silent(self) -> None:
        self._sending = None
        if self._answer and not self._transport.is_closing():
            self._send_when_silent()

    def _complete_by(self, since: float) -> float:
        return self._last_byte + max(self._line.silence, _TORN)

    def _deadlines(self) -> tuple[float, float, float]:
        """As of any connection, but that a line is never idle for too long."""
        stalled, incomplete, _idle = super()._deadlines()
        return stalled, incomplete, float("inf")

    def _end_partial(self) -> None:
        self._partial_since = None
        self._take(self._session.receive_silence())


class SerialListener:
    """Keeps the port of *endpoint* open for *host* until it is closed, whatever becomes of the adapter."""

    def __init__(self, host: Host, endpoint: Endpoint) -> None:
        self._host, self._endpoint = host, endpoint
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the port.

        Raises:
            OSError: it cannot be opened; one sentence.
        """
        try:
            await self._open()
        except ConnectFailed as error:
            raise OSError(f"cannot listen on {self._endpoint.url}: {_said(error)}") from error
        self._task = asyncio.get_running_loop().create_task(self._keep_open())

    async def aclose(self) -> None:
        """Do not open it again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _open(self) -> None:
        line = self._endpoint.line or LineSettings()
        self._lost.clear()
        await serial.dial(
            lambda: cast("asyncio.Protocol", LineConnection(self._host, line, self._lost)),
            self._endpoint,
            _OPENING,
        )

    async def _keep_open(self) -> None:
        while True:
            await self._lost.wait()
            log.warning("%s: the port is gone; it is opened again as soon as it is back", self._endpoint.url)
            await self._open_again()
            log.warning("%s: the port is back", self._endpoint.url)

    async def _open_again(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            try:
                await self._open()
            except ConnectFailed as error:
                self._host.seldom.warn("port", "%s: %s", self._endpoint.url, _said(error))
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return


def _said(error: ConnectFailed) -> str:
    return f"{error.reason}; {error.advice}" if error.advice else error.reason
