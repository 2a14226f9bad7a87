"""TLS between a TCP transport and a protocol that thinks it has a stream of its own.

It stands in for asyncio's: that one keeps a quarter of a mebibyte for each connection, cannot be half closed,
and does not say what it has seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

from mbap.errors import TlsFailed
from mbap.transport.certificate import read_certificate
from mbap.transport.handshake import Watched
from mbap.transport.tls import TLS, Objection
from mbap.transport.tlsfaults import Told, ended_after, handshake_failed, not_any_more, refused_there
from mbap.transport.tlsfiles import Side
from mbap.transport.tlsstanding import Standing
from mbap.transport.tlswire import judge

READ_SIZE: Final = 4096
"""Bytes taken from one connection in a turn of the loop."""
MOST_HANDSHAKE: Final = 64 * 1024
"""A handshake with more bytes than this from the other side is none."""
_LINGER: Final = 1.0
"""Seconds in which the other side may take in why it was refused: closing at once would throw that away."""
_PARTING: Final = 2.0
"""Seconds in which it may answer to the end of the session."""
_WANTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class TlsStream(asyncio.BufferedProtocol, asyncio.Transport):
    """The protocol of the TCP transport below, and the transport of *protocol* above.

    *settled* is called once, when the handshake has ended: with None when it was good, before *protocol* gets
    its connection, and otherwise with the reason, and *protocol* is never called. Until something has come
    over the connection, a client takes its end for a refused certificate.

    Args:
        gone: called when the connection below is over, if it was ever made.
        name: what the server's certificate has to have, at the client.
        place: by which the client keeps the session, to go on with over the next connection.
        buffer: where is read to; one for all connections of a loop will do, where reads are not under way.
    """

    __slots__ = (
        "_above",
        "_buffer",
        "_buffered",
        "_ended",
        "_gone",
        "_heard",
        "_incoming",
        "_name",
        "_object",
        "_opened",
        "_outgoing",
        "_parted",
        "_paused",
        "_place",
        "_received",
        "_seen",
        "_settled",
        "_side",
        "_standing",
        "_state",
        "_timer",
        "_tls",
        "_transport",
        "_watched",
        "_wrote",
    )

    def __init__(
        self,
        tls: TLS,
        side: Side,
        protocol: asyncio.BaseProtocol,
        settled: Callable[[TlsStream, TlsFailed | None], None],
        *,
        gone: Callable[[TlsStream], None] | None = None,
        name: str | None = None,
        place: tuple[str, int] | None = None,
        buffer: bytearray | None = None,
    ) -> None:
        super().__init__()
        self._tls, self._side, self._above = tls, side, protocol
        self._settled, self._gone = settled, gone
        self._buffered = isinstance(protocol, asyncio.BufferedProtocol)
        self._buffer = bytearray(READ_SIZE) if buffer is None else buffer
        self._name, self._place = name or "", place
        self._watched: Watched = tls.context(side)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = self._watched.context.wrap_bio(
            self._incoming,
            self._outgoing,
            side == "server",
            server_hostname=name,
            session=None if place is None else tls.session_for(*place),
        )
        self._seen = self._watched.begin(self._object)
        self._state = "handshake"
        self._received = 0
        self._heard = self._wrote = self._paused = self._ended = self._parted = self._opened = False
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._standing: Standing | None = None

    # --- what the transport below calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._state != "handshake":
            self._transport.abort()
        elif self._side == "client":
            self._shake_hands()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._state in ("refused", "lost"):
            return
        self._incoming.write(memoryview(self._buffer)[:nbytes])
        if self._state == "handshake":
            self._received += nbytes
            self._shake_hands()
        else:
            self._read()

    def eof_received(self) -> bool:
        """The other side ends without saying so in TLS: what came whole stands, the rest is left out."""
        self._incoming.write_eof()
        if self._state == "handshake":
            self._shake_hands()
            return False
        if self._state != "open":
            return False
        self._read()
        return self._state == "open" and self._end_of_input()

    def connection_lost(self, exc: Exception | None) -> None:
        state, self._state = self._state, "lost"
        if self._timer is not None:
            self._timer.cancel()
        if self._standing is not None:
            self._standing.end()
        if state == "handshake":
            self._watched.end(self._object, done=False)
            problem = exc if isinstance(exc, OSError) else ConnectionResetError()
            self._settled(self, handshake_failed(problem, self._seen, self._tls, self._side, self._name))
        elif self._opened and state in ("open", "closing"):
            self._above.connection_lost(self._why(exc))
        if self._gone is not None:
            self._gone(self)

    def pause_writing(self) -> None:
        if self._state == "open":
            self._above.pause_writing()

    def resume_writing(self) -> None:
        if self._state == "open":
            self._above.resume_writing()

    # --- the handshake ---

    def _shake_hands(self) -> None:
        try:
            if self._received > MOST_HANDSHAKE:
                raise TlsFailed("more bytes came than a TLS handshake has")
            self._object.do_handshake()
        except _WANTS:
            self._flush()
        except TlsFailed as error:
            self._refuse(error)
        except OSError as problem:
            self._refuse(handshake_failed(problem, self._seen, self._tls, self._side, self._name))
        else:
            self._flush()
            self._open()

    def _open(self) -> None:
        """The handshake is good: is who is there?"""
        self._watched.end(self._object, done=True)
        try:
            judge(self._object, self._seen, self._tls)
        except TlsFailed as error:
            self._refuse(error)
            return
        self._state = "open"
        self._settled(self, None)
        if self._state == "open":
            self._opened = True
            if self._side == "client":  # a server looks at all of its clients together
                self._standing = Standing(self._tls, self.get_extra_info("path") or (), self._fallen)
                self._standing.look()
            self._above.connection_made(self)
            self._read()

    def _fallen(self, objection: Objection) -> None:
        """The certificate of the server holds no more."""
        if self._state == "open":
            self._lose(Told(not_any_more(objection)))

    def _refuse(self, error: TlsFailed) -> None:
        """End it: tell the other side why, and give it the time to read that."""
        self._watched.end(self._object, done=False)
        self._flush()
        self._state = "refused"
        self._settled(self, error)
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._side == "server" and transport.can_write_eof():
            with contextlib.suppress(OSError):  # it is gone already
                transport.write_eof()
            self._timer = asyncio.get_running_loop().call_later(_LINGER, transport.abort)
        else:
            transport.close()

    def give_up(self, error: TlsFailed) -> None:
        """The handshake took too long, or has to make room."""
        if self._state == "handshake":
            self._state = "refused"
            self._watched.end(self._object, done=False)
            self._settled(self, error)
            if self._transport is not None:
                self._transport.abort()

    # --- reading ---

    def _read(self) -> None:
        """Hand over what has come, unless the protocol does not want more for now."""
        try:
            while self._state == "open" and not self._paused and self._take():
                # Asking OpenSSL where there is nothing costs an exception.
                if not self._incoming.pending and not self._object.pending():
                    break
        except _WANTS:
            pass
        except ssl.SSLZeroReturnError:
            self._end_of_input()
        except ssl.SSLEOFError:
            pass  # `eof_received` cares for it
        except OSError as problem:
            self._lose(problem)
            return
        if self._state == "open":
            self._flush()  # OpenSSL may want to answer by itself

    def _take(self) -> bool:
        """One record for the protocol; False at the end of the session."""
        if self._buffered:
            above = cast("asyncio.BufferedProtocol", self._above)
            count = cast("int", self._object.read(READ_SIZE, cast("bytearray", above.get_buffer(READ_SIZE))))
            if count:
                self._heard = True
                above.buffer_updated(count)
        else:
            data = self._object.read(READ_SIZE)
            count = len(data)
            if count:
                self._heard = True
                cast("asyncio.Protocol", self._above).data_received(data)
        if not count:
            self._end_of_input()
        return bool(count)

    def _end_of_input(self) -> bool:
        """The other side sends no more; gives whether the protocol has something to say still."""
        if self._ended:
            return True
        self._ended = True
        wanted = bool(cast("asyncio.Protocol", self._above).eof_received())
        if not wanted:
            self._close()
        return wanted

    def _why(self, exc: Exception | None) -> Exception | None:
        """What the end of the connection means: for a client that has heard nothing, mostly a refusal."""
        if isinstance(exc, Told) or self._side == "server" or self._heard or self._parted:
            return exc
        if self._wrote and (exc is None or isinstance(exc, ConnectionError)):
            return Told(ended_after(self._tls))
        return exc

    def _lose(self, problem: OSError) -> None:
        """Nothing more can be made of what comes, nor of its session."""
        if self._place is not None:
            self._tls.drop_session(*self._place)
        told = refused_there(problem, self._tls, self._side) if self._side == "client" else None
        if self._state == "open" and self._transport is not None:
            self._flush()
            self._state = "refused"
            self._transport.close()
            why = problem if told is None else Told(told)
            asyncio.get_running_loop().call_soon(self._above.connection_lost, why)

    # --- what the protocol above calls ---

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send *data*."""
        if self._state != "open" or not data:
            return
        self._wrote = True
        try:
            self._object.write(data)
        except _WANTS:  # nothing makes OpenSSL want that while renegotiation is off
            self._lose(ConnectionAbortedError("TLS wants to begin anew"))
            return
        except OSError as problem:
            self._lose(problem)
            return
        self._transport.write(self._outgoing.read())  # type: ignore[union-attr]

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())

    def close(self) -> None:
        """Send what was written, say that it is over, and close."""
        self._parted = self._parted or self._state == "open"
        self._close()

    def _close(self) -> None:
        if self._state != "open" or self._transport is None:
            return
        self._state = "closing"
        self._keep_session()
        with contextlib.suppress(OSError):  # the other side has not said so yet, and is not waited for
            self._object.unwrap()
        self._flush()
        self._transport.close()
        # A peer that reads nothing would keep a closing transport open for ever.
        self._timer = asyncio.get_running_loop().call_later(_PARTING, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        if self._state == "open":
            self._parted = True
            self._keep_session()
            self._state = "closing"
        if self._transport is not None:
            self._transport.abort()

    def _keep_session(self) -> None:
        if self._place is not None and self._heard:
            session = self._watched.session(self._object)
            self._tls.keep_session(*self._place, self._watched, session)

    def is_closing(self) -> bool:
        return self._state != "open" or self._transport is None or self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=high, low=low)

    def pause_reading(self) -> None:
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
            asyncio.get_running_loop().call_soon(self._read)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the transport below; `certificate` is the other side's, `path` that and those above it, and
        `tls` how the session is protected.
        """
        if name == "certificate":
            der = self._object.getpeercert(binary_form=True)
            return default if der is None else read_certificate(der)
        if name == "path":
            certificate = self.get_extra_info("certificate")
            return default if certificate is None else self._tls.path(certificate, self._seen.chain)
        if name == "tls":
            return self._object
        return default if self._transport is None else self._transport.get_extra_info(name, default)
