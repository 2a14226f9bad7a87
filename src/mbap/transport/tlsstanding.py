"""Whether a server's certificate still holds, for as long as a client's session with it lasts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mbap.transport.certificate import Certificate

if TYPE_CHECKING:
    from mbap.transport.tls import TLS, Objection

_SOONEST: Final = 0.05
_LOOK_EVERY: Final = 60.0
"""Seconds between two looks whether it has expired: the clock may be set meanwhile."""


class Standing:
    """Looks at the certificates of *path* when files change and when the first of them expires.

    A client has one for each session; a server looks at all of its clients together, with its `Vigil`.

    Args:
        fallen: called once, with what is wrong; nothing is looked at after that.
    """

    __slots__ = ("_fallen", "_heeding", "_looking", "_path", "_tls")

    def __init__(self, tls: TLS, path: tuple[Certificate, ...], fallen: Callable[[Objection], None]) -> None:
        self._tls, self._path, self._fallen = tls, path, fallen
        self._looking: asyncio.TimerHandle | None = None
        loop = asyncio.get_running_loop()

        def changed() -> None:  # in whichever thread
            with contextlib.suppress(RuntimeError):  # that loop is closed
                loop.call_soon_threadsafe(self.look)

        self._heeding: object = tls.when_changed(changed)

    def look(self) -> None:
        """Look now, and again in time."""
        if self._looking is not None:
            self._looking.cancel()
        if self._heeding is None or not self._path:
            return
        objection = self._tls.objection(self._path)
        if objection is not None:
            self.end()
            self._fallen(objection)
            return
        ends = min(one.not_after for one in self._path) - self._tls.clock()
        loop = asyncio.get_running_loop()
        self._looking = loop.call_later(min(max(ends, _SOONEST), _LOOK_EVERY), self.look)

    def end(self) -> None:
        """The session is over: look no more."""
        self._heeding = None
        if self._looking is not None:
            self._looking.cancel()
