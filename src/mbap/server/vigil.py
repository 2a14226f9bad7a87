"""Ends sessions whose certificates hold no more: they, or an issuer of theirs, expired or were revoked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from mbap.server.connection import Connection
from mbap.transport.certificate import Certificate

if TYPE_CHECKING:
    from mbap.transport.tls import TLS, Objection

OFTEN: Final = 5.0
"""Seconds between two looks at most: the clock of the machine may be set, and files may have changed."""
_LEAST: Final = 0.05


class Vigil:
    """Keeps the certificates of those who are connected, and closes who may not be any more.

    Args:
        close: closes a connection, and says why.
    """

    def __init__(self, tls: TLS, close: Callable[[Connection, Objection], None]) -> None:
        self._tls, self._close = tls, close
        self._kept: dict[Connection, tuple[float, tuple[Certificate, ...]]] = {}

    def keep(self, connection: Connection, path: Sequence[Certificate]) -> float:
        """*connection* begins: its client showed the first of *path*, the others are above that.

        Gives after how many seconds to look at it.
        """
        ends = min(one.not_after for one in path)
        self._kept[connection] = ends, tuple(path)
        return self._pause(ends)

    def forget(self, connection: Connection) -> None:
        """*connection* has ended."""
        self._kept.pop(connection, None)

    def look(self, *, at_lists: bool = False) -> float:
        """Close whose certificates have expired, and with *at_lists* also those that are revoked by now.

        Gives after how many seconds to look again.
        """
        now = self._tls.clock()
        for connection, (ends, path) in tuple(self._kept.items()):
            objection = self._tls.objection(path, now) if at_lists or now > ends else None
            if objection is not None:
                self.forget(connection)
                self._close(connection, objection)
        return self._pause(min((ends for ends, _ in self._kept.values()), default=now + OFTEN))

    def _pause(self, ends: float) -> float:
        return max(min(OFTEN, ends - self._tls.clock()), _LEAST)
