"""Where connections come in, before anything is known of them but their address."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from mbap.server.arrivals import Arrivals
from mbap.server.connection import LINGER_NOT, Connection
from mbap.server.guests import Guests
from mbap.server.handler import TOO_FAST
from mbap.server.limits import Limits, ServerStatistics
from mbap.server.seldom import Seldom

NO_ROOM: Final = "no room, or an address that is not allowed"

_GRACE: Final = 0.2
"""Seconds in which those who are just being let in are, when the server stops."""

LetIn = Callable[[socket.socket, str], Awaitable[None]]
TurnAway = Callable[[str, int, str], None]


class Entrance:
    """Lets connections in, at once or in a moment, or closes them before a byte is read.

    Args:
        guests: those who are served.
        let_in: serves a connection, if there is room.
        turn_away: is told who is not let in, and why.
    """

    def __init__(
        self,
        limits: Limits,
        guests: Guests[Connection],
        counted: ServerStatistics,
        seldom: Seldom,
        let_in: LetIn,
        turn_away: TurnAway,
    ) -> None:
        self._guests, self._counted, self._seldom = guests, counted, seldom
        self._let_in, self._turn_away = let_in, turn_away
        self._arrivals = Arrivals(limits.connect_rate)
        self._waiting: dict[asyncio.Task[None], socket.socket | None] = {}
        self._door = asyncio.Lock()

    async def take(self, accepted: socket.socket, address: str) -> None:
        """Somebody at *address* has connected."""
        if not self._guests.allows(address):
            accepted.close()
            self._turn_away(address, 0, NO_ROOM)
            return
        pause = self._pause_of(address)
        if pause is None:
            self._counted.refused_too_fast += 1
            self._seldom.warn("rate", "refused %s: %s", address, TOO_FAST)
            _reset(accepted)
            self._turn_away(address, 0, TOO_FAST)
        elif pause:
            later = self._enter_later(accepted, address, pause)
            waiting = asyncio.get_running_loop().create_task(later)
            self._waiting[waiting] = accepted
            waiting.add_done_callback(self._waiting.pop)
        else:
            await self._enter(accepted, address)

    def left(self, connection: Connection) -> None:
        """*connection* has ended."""
        if connection.served:
            self._arrivals.remember(connection.peer.address)

    async def aclose(self) -> None:
        """Those who wait are not let in any more."""
        for task, accepted in self._waiting.items():
            if accepted is not None:
                task.cancel()
                accepted.close()
        if self._waiting:
            _, late = await asyncio.wait(self._waiting, timeout=_GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._waiting, return_exceptions=True)

    def _pause_of(self, address: str) -> float | None:
        """For how long one more from *address* waits; None: it is not let in."""
        arrivals = self._arrivals
        if self._guests.keeps(address):
            return 0.0
        if not arrivals.knows(address) and self._guests.serves(address):
            arrivals.remember(address)
        return arrivals.wait(address, asyncio.get_running_loop().time())

    async def _enter_later(self, accepted: socket.socket, address: str, pause: float) -> None:
        await asyncio.sleep(pause)
        task = asyncio.current_task()
        if task is not None:
            self._waiting[task] = None  # from here on it is not ours to close
        await self._enter(accepted, address)

    async def _enter(self, accepted: socket.socket, address: str) -> None:
        """One after another: whether there is room for one depends on whether another got it."""
        async with self._door:
            await self._let_in(accepted, address)


def _reset(accepted: socket.socket) -> None:
    """Close by RST: connections of a flood do not stay on in the system's tables."""
    with contextlib.suppress(OSError):
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    accepted.close()
