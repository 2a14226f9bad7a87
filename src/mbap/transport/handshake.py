"""What goes by in a TLS handshake, kept to explain why it failed: Python tells no more than a number."""

from __future__ import annotations

import ssl
from typing import Any, Final

from mbap.transport.certificate import Certificate, chain_of, read_certificate

_HANDSHAKE, _CERTIFICATE, _CERTIFICATE_REQUEST = 22, 11, 13
_CALLBACK: Final = getattr(ssl.SSLContext.__mro__[1], "_msg_callback", None)
"""Python has it for debugging; where it has not, explanations say less. Of the class below `SSLContext`,
whose own one makes three enumerations for each message."""
DEEPEST: Final = 4
"""A chain has so many certificates above the first one at most."""


class Seen:
    """What the other side has sent.

    Attributes:
        chain: its certificates in DER, the first one its own; None before it has sent any list.
        asked: whether it has asked for ours.
    """

    __slots__ = ("asked", "chain")

    def __init__(self) -> None:
        self.chain: tuple[bytes, ...] | None = None
        self.asked = False

    @property
    def certificate(self) -> Certificate | None:
        """Its own certificate, where it sent one that can be read."""
        if not self.chain:
            return None
        try:
            return read_certificate(self.chain[0])
        except ValueError:
            return None

    @property
    def too_deep(self) -> bool:
        """Whether there are more certificates than anybody needs."""
        return len(self.chain or ()) > DEEPEST + 1


class Watched:
    """A pair of equal contexts: handshakes are made with the one that is watched and go on with the other.

    Being watched costs each message a call, which only handshakes are worth.
    """

    __slots__ = ("_quiet", "_seen", "_watched")

    def __init__(self, watched: ssl.SSLContext, quiet: ssl.SSLContext) -> None:
        self._watched, self._quiet = watched, quiet
        self._seen: dict[int, Seen] = {}
        if _CALLBACK is not None:
            _CALLBACK.__set__(watched, self._note)

    @property
    def context(self) -> ssl.SSLContext:
        """With which a handshake begins."""
        return self._watched

    def begin(self, one: ssl.SSLObject | ssl.SSLSocket) -> Seen:
        """Keep what is seen in the handshake of *one*, until `end`."""
        seen = self._seen[id(one)] = Seen()
        return seen

    def end(self, one: ssl.SSLObject | ssl.SSLSocket, *, done: bool) -> None:
        """The handshake of *one* has come to its end; *done*: to a good one."""
        self._seen.pop(id(one), None)
        if done:
            one.context = self._quiet

    def session(self, one: ssl.SSLObject | ssl.SSLSocket) -> ssl.SSLSession | None:
        """The session of *one*, to go on with over another connection."""
        one.context = self._watched  # a session is of the context that it began with
        session = one.session
        one.context = self._quiet
        return session

    def _note(self, one: Any, way: str, version: int, kind: int, message: int, data: bytes) -> None:
        if kind != _HANDSHAKE or way != "read":
            return
        seen = self._seen.get(id(one))
        if seen is None:
            return
        if message == _CERTIFICATE:
            seen.chain = tuple(chain_of(data, version))
        elif message == _CERTIFICATE_REQUEST:
            seen.asked = True
