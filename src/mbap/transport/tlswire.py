"""TLS for the blocking client: a socket that waits as plain ones do."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from mbap.errors import TlsFailed
from mbap.transport import tcp
from mbap.transport.certificate import Certificate, read_certificate
from mbap.transport.endpoint import Endpoint
from mbap.transport.handshake import Seen, Watched
from mbap.transport.tls import TLS, Objection
from mbap.transport.tlsfaults import Told, ended_after, handshake_failed, not_any_more, refused_there

_LOOK_EVERY: Final = 5.0
"""Seconds between two looks whether files have changed, or the clock was set."""


def connect(endpoint: Endpoint, timeout: float, tls: TLS, *, user_timeout: float) -> TlsSocket:
    """A protected way to *endpoint*, both sides checked, made within *timeout* seconds.

    Raises:
        ConnectFailed: with the reason in plain words; `TlsFailed` where it is about TLS.
    """
    give_up_at = time.monotonic() + timeout
    plain = tcp.connect(endpoint, timeout, user_timeout=user_timeout)
    watched = tls.context("client")
    name = name_of(endpoint, tls)
    try:
        session = tls.session_for(endpoint.host, endpoint.port)
        wrapped = watched.context.wrap_socket(
            plain, server_hostname=name, do_handshake_on_connect=False, session=session
        )
    except (OSError, ValueError):
        plain.close()
        raise
    seen = watched.begin(wrapped)
    try:
        wrapped.settimeout(max(give_up_at - time.monotonic(), 0.001))
        wrapped.do_handshake()
        watched.end(wrapped, done=True)
        judge(wrapped, seen, tls)
    except BaseException as problem:
        watched.end(wrapped, done=False)
        wrapped.close()
        if isinstance(problem, OSError):
            raise handshake_failed(problem, seen, tls, "client", name, timeout) from problem
        raise
    return TlsSocket(wrapped, watched, tls, endpoint, seen)


def name_of(endpoint: Endpoint, tls: TLS) -> str:
    """The name that the certificate of the server has to have."""
    return tls.server_name or endpoint.host.partition("%")[0]


def judge(one: ssl.SSLSocket | ssl.SSLObject, seen: Seen, tls: TLS) -> None:
    """What OpenSSL leaves to us once a handshake is good.

    It does not look at the certificate of a session that goes on, nor at a revocation list that is too old.

    Raises:
        CertificateRefused: it is not accepted.
    """
    from mbap.errors import CertificateRefused

    if seen.too_deep:
        raise CertificateRefused("the other side sent a longer chain of certificates than anybody needs")
    der = one.getpeercert(binary_form=True)
    if der is None or not tls.settings.verify:
        return
    try:
        tls.check(read_certificate(der))
    except Objection as problem:
        raise CertificateRefused(f"the certificate of {problem}", problem.check) from None
    except ValueError as problem:
        raise CertificateRefused(f"the other side's certificate cannot be read: {problem}") from None


class TlsSocket:
    """A connection protected by TLS, for the blocking client.

    Until something has come over it, its end is taken for what it mostly is with TLS 1.3: our certificate was
    refused, which the server can say only after the client believes to be connected.
    """

    def __init__(
        self, wrapped: ssl.SSLSocket, watched: Watched, tls: TLS, endpoint: Endpoint, seen: Seen
    ) -> None:
        self._socket, self._watched, self._tls, self._endpoint = wrapped, watched, tls, endpoint
        self._heard = self._sent = self._broken = False
        self._waits = True
        self._may_be_read = _watcher(wrapped)
        certificate = self.certificate
        self._path = () if certificate is None else tls.path(certificate, seen.chain)
        self._look_at = 0.0

    @property
    def certificate(self) -> Certificate | None:
        """What the other side has shown; None where that cannot be read.

        Without verification, nobody has looked at it.
        """
        der = self._socket.getpeercert(binary_form=True)
        try:
            return read_certificate(der) if der else None
        except ValueError:
            return None

    def settimeout(self, seconds: float | None) -> None:
        """How long `recv` and `send` wait."""
        self._waits = seconds != 0
        self._socket.settimeout(seconds)

    def lent(
        self, seconds: float
    ) -> tuple[
        Callable[[int], bool], Callable[[bytes, int], int], Callable[[int], bytes], Callable[[], None]
    ]:
        """For the direct way: what looks, sends and receives, and what makes them wait for so long only.

        Python takes the socket for one that never waits then, and the system for one that waits: so it is
        asked once, where Python's own waiting asks three times. `settimeout` ends it.
        """
        look, limit = self._may_be_read, struct.pack("ll", 0, int(seconds * 1e6))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, option, limit)

        def begin() -> None:
            self._socket.settimeout(0)
            os.set_blocking(self._socket.fileno(), True)
            self._waits = True

        return lambda _timeout: look(), self._send_at_once, self.recv, begin

    def _send_at_once(self, data: bytes, _flags: int) -> int:
        """Send all of *data*, or for now nothing: then the same *data* has to be sent next."""
        try:
            return self.send(data)
        except BlockingIOError:
            return 0

    def recv(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            BlockingIOError: none are here, and none are waited for.
            TimeoutError: none came in time.
            OSError: the connection is over.
        """
        if not self._waits and not self._may_be_read():
            raise BlockingIOError  # without asking OpenSSL, which would make an exception of its own first
        try:
            data = self._socket.recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except TimeoutError:
            raise
        except OSError as problem:
            raise self._explained(problem) from problem
        if data:
            self._heard = True
        elif self._sent and not self._heard:
            raise Told(ended_after(self._tls))
        return data

    def send(self, data: bytes) -> int:
        """Send the begin of *data*; gives how much.

        Raises:
            BlockingIOError: nothing can be sent, and that is not waited for.
            OSError: the connection is over.
        """
        if self._tls.clock() >= self._look_at:
            self._look()
        self._sent = True
        try:
            return self._socket.write(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except TimeoutError:
            raise
        except OSError as problem:
            raise self._explained(self._last_word(problem)) from problem

    def shutdown(self, how: int) -> None:
        """Wake up whoever waits."""
        socket.socket.shutdown(self._socket, how)  # the one of ssl would go on without TLS

    def close(self) -> None:
        """Say that it is over, and close it; does not wait for the other side to say so, too."""
        if self._heard and not self._broken:
            session = self._watched.session(self._socket)
            self._tls.keep_session(self._endpoint.host, self._endpoint.port, self._watched, session)
        with suppress(OSError, ValueError):
            self._socket.settimeout(0)
            self._socket.unwrap()
        self._socket.close()

    def _look(self) -> None:
        """Whether the server's certificate still holds; nothing is sent to one whose certificate does not."""
        self._tls.refresh()
        objection = self._tls.objection(self._path)
        if objection is not None:
            raise Told(not_any_more(objection))
        now = self._tls.clock()
        # A certificate holds until the end of its last second.
        self._look_at = min([now + _LOOK_EVERY, *(one.not_after + 1.0 for one in self._path)])

    def _last_word(self, problem: OSError) -> OSError:
        """What the other side said before it ended the connection, where nothing was heard yet."""
        if not self._heard:
            try:
                self._socket.settimeout(0)
                self._socket.recv(1)
            except OSError as said:
                if refused_there(said, self._tls, "client") is not None:
                    return said
        return problem

    def _explained(self, problem: OSError) -> OSError:
        """What the end of the connection says, where it says something about a certificate."""
        if isinstance(problem, ssl.SSLError):
            self._broken = True
            self._tls.drop_session(self._endpoint.host, self._endpoint.port)
        told: TlsFailed | None = refused_there(problem, self._tls, "client")
        if told is None and self._sent and not self._heard and isinstance(problem, ConnectionError):
            told = ended_after(self._tls)
        return problem if told is None else Told(told)


def _watcher(wrapped: ssl.SSLSocket) -> Callable[[], bool]:
    """Tells at once whether something may be read, where the system can; otherwise it may always be."""
    import select

    if not hasattr(select, "poll"):
        return lambda: True
    looking = select.poll()
    looking.register(wrapped, select.POLLIN)
    look, pending = looking.poll, wrapped.pending
    return lambda: bool(look(0)) or pending() > 0
