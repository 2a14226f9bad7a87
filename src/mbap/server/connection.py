"""One client's connection: bytes in and out, and a deadline for everything that it has to do."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Final, Protocol, cast

from mbap.errors import Disconnect
from mbap.protocol.server import Heard, ServerSession
from mbap.server.conversation import Conversation, Service
from mbap.server.handler import Identity, Peer
from mbap.server.hints import what_it_may_be
from mbap.server.seldom import Seldom
from mbap.server.shortcut import Shortcut
from mbap.transport.tcp import set_options

if TYPE_CHECKING:
    from mbap.server.forwarding import Forwarding

log = logging.getLogger("mbap.server")

LINGER_NOT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_sessions: Final = count(1)
_DUE: Final = 0.001
"""Seconds by which a timer may be early."""
_GAP: Final = 0.5
"""Seconds without a byte that part the frames of a serial line which is carried over a network."""


class Host(Service, Protocol):
    """What connections need of their server."""

    seldom: Seldom
    shortcut: Shortcut | None
    forwarding: Forwarding | None

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    def new_session(self) -> ServerSession:
        """A session for one connection."""
        ...

    def keeps(self, address: str) -> bool:
        """Whether a client at *address* may be idle for as long as it likes."""
        ...

    def who(self, transport: asyncio.Transport) -> tuple[str | None, Identity | None]:
        """The role and the identity of the client, where its certificate was checked."""
        ...

    def new_buffer(self) -> bytearray:
        """Where what one connection gets is read to, as much as is handled in one turn of the loop."""
        ...

    def admit(self, connection: Connection) -> None:
        """*connection* has begun."""
        ...

    def forget(self, connection: Connection) -> None:
        """*connection* has ended."""
        ...

    def count_heard(self, before: Heard, now: Heard) -> None:
        """A framing has left out more than before."""
        ...


class Connection(asyncio.BufferedProtocol):
    """Answers one client.

    Reading pauses while requests have to wait or the client leaves answers unread. A client that ends its
    side is still answered what it has asked. One that sends half a request, reads nothing, or sends nothing
    for too long is closed.

    It is a `BufferedProtocol` because the buffer's size bounds what is handled in one turn of the loop, and
    because all connections can share one. Plain requests take a shortcut, as long as nothing is open or
    unfinished.

    Attributes:
        conversation: what becomes of its requests.
        last_active: when it was made, the last request came or the last answer went, by the loop's clock.
        served: whether it was ever answered.
    """

    __slots__ = (
        "_at_ease",
        "_buffer",
        "_closing",
        "_forwarding",
        "_half_closed",
        "_heard",
        "_host",
        "_kept",
        "_last_byte",
        "_loop",
        "_partial_since",
        "_reading_paused",
        "_session",
        "_shortcut",
        "_timer",
        "_timer_due",
        "_transport",
        "_unread_since",
        "conversation",
        "last_active",
        "served",
    )

    def __init__(self, host: Host) -> None:
        self._host = host
        self._session = host.new_session()
        self._buffer = host.new_buffer()
        self._heard = Heard()
        self._shortcut = host.shortcut
        self._forwarding = host.forwarding
        self._at_ease = self._session.fresh  # looked at again on the long way, which alone changes it
        self._reading_paused = self._closing = self._half_closed = self._kept = self.served = False
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._unread_since: float | None = None
        self._partial_since: float | None = None
        self._last_byte = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = inf
        self.last_active = self._loop.time()
        self.conversation: Conversation

    @property
    def peer(self) -> Peer:
        """Who the client is."""
        return self.conversation.peer

    @property
    def quiet(self) -> bool:
        """True when no request of it is open."""
        return self.conversation.quiet

    # --- what the transport calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is one without being of the class
        self._transport = transport
        name = transport.get_extra_info("peername") or ("", 0)
        role, identity = self._host.who(transport)
        peer = Peer(str(name[0]), int(name[1]), self._host.url, role, identity, next(_sessions))
        self.conversation = Conversation(self._host, self._session, self, peer)
        self._kept = self._host.keeps(peer.address)
        self._host.admit(self)
        transport.set_write_buffer_limits(high=self._host.limits.write_buffer)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            set_options(connection)
        self._begin()
        self._watch()

    def _begin(self) -> None:
        """Serve the client, unless the doorkeeper or a made fault does not want it."""
        doorkeeper = self._host.doorkeeper
        try:
            if doorkeeper is not None:
                doorkeeper.arrived(self.peer)
            if not self.conversation.begin():
                raise Disconnect(reset=True)
        except Disconnect as wish:
            self.close(reset=wish.reset)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._closing:
            return
        answered = 0
        if self._at_ease and self._shortcut is not None:
            answered = self._take_shortcut(self._shortcut, nbytes)
            if answered == nbytes:
                return
        elif self._at_ease and self._forwarding is not None:
            answered = self._forwarding.take(self.conversation, self._buffer, nbytes)
            if answered:
                self.last_active = self._loop.time()
            if answered == nbytes or self._closing:
                return
        data = bytes(self._buffer[answered:nbytes])
        indications = self._session.receive_data(data)
        self._note_partial(len(data))
        if indications:
            self.last_active = self._loop.time()
            self.conversation.take(indications)
        self._count_heard()
        self._at_ease = self._session.fresh and (self._shortcut is None or self.quiet)
        if self._session.failure is not None:
            self._close_unreadable(data)

    def _take_shortcut(self, shortcut: Shortcut, nbytes: int) -> int:
        """Answer the plain requests that came first; gives how many bytes they are.

        As many at once as can be answered before the send buffer is full, then the others.
        """
        host, begin = self._host, 0
        while begin < nbytes and self._unread_since is None:
            answers, end = shortcut.answer(self._buffer, begin, nbytes)
            if not answers:
                break
            begin = end
            count = len(answers)
            counted = host.counted
            counted.requests += count
            counted.answers += count
            host.bus.messages += count
            self.transmit(b"".join(answers))
        return begin

    def eof_received(self) -> bool:
        """True while the client has sent its last request and is still to be answered."""
        self._half_closed = True
        self._partial_since = None
        return not self.quiet

    def pause_writing(self) -> None:
        self._unread_since = self._loop.time()
        self._watch()
        self._regulate()

    def resume_writing(self) -> None:
        self._unread_since = None
        self.conversation.work()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._host.counted.resets += isinstance(exc, ConnectionError)
        self.conversation.end()
        self._host.forget(self)
        if self._host.doorkeeper is not None:
            self._host.doorkeeper.left(self.peer)

    # --- what the conversation calls ---

    @property
    def blocked(self) -> bool:
        """Whether the client leaves too many answers unread."""
        return self._unread_since is not None

    def transmit(self, data: bytes) -> None:
        """Send *data*, unless the connection is ending."""
        if not self._transport.is_closing():
            self.last_active = self._loop.time()
            self.served = True
            self._transport.write(data)

    def settled(self) -> None:
        """Read on, or not; a client that sends no more and has all its answers is done."""
        if self._reading_paused or self._unread_since is not None or self.conversation.waiting:
            self._regulate()
        if self._half_closed and self.quiet and not self._closing:
            self.close()

    def close(self, *, reset: bool = False) -> None:
        """End the connection once what was answered is sent; with *reset* at once, by RST."""
        self._end_conversation()
        if not reset:
            self._transport.close()
            return
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self._transport.abort()

    def abort(self) -> None:
        """End the connection at once; what is not sent is lost."""
        self._closing = self.conversation.ended = True
        self._transport.abort()

    def _end_conversation(self) -> None:
        already, self._closing = self._closing, True
        self.conversation.ended = True
        if not already:
            self.conversation.flush()

    def _count_heard(self) -> None:
        heard = self._session.heard
        if heard != self._heard:
            self._host.count_heard(self._heard, heard)
            self._heard = heard

    def _close_unreadable(self, data: bytes) -> None:
        self._host.counted.closed_unreadable += 1
        self._host.seldom.warn(
            "unreadable",
            "%s:%s is closed: %s%s",
            self.peer.address,
            self.peer.port,
            self._session.failure,
            what_it_may_be(data),
        )
        if self._host.doorkeeper is not None:
            self._host.doorkeeper.malformed(self.peer, 0, data, str(self._session.failure))
        self.close()

    def _regulate(self) -> None:
        """Read on only when the requests that are here have been begun and the client reads its answers."""
        pause = self.blocked or self.conversation.waiting
        if pause == self._reading_paused or self._closing or self._half_closed:
            return
        self._reading_paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # --- deadlines ---

    def _note_partial(self, came: int) -> None:
        """Since when a request is unfinished: from its first byte on, however the others trickle in."""
        partial = self._session.partial
        if not partial:
            self._partial_since = None
            return
        self._last_byte = self._loop.time()
        if partial <= came or self._partial_since is None:
            self._partial_since = self._last_byte
            self._watch()

    def _deadlines(self) -> tuple[float, float, float]:
        """When answers are unread, a request is unfinished, and nothing has happened, for too long."""
        limits = self._host.limits
        idle = inf if limits.idle_timeout is None else self.last_active + limits.idle_timeout
        return (
            inf if self._unread_since is None else self._unread_since + limits.stalled_timeout,
            inf if self._partial_since is None else self._complete_by(self._partial_since),
            idle if self._half_closed or (self.quiet and not self._kept) else inf,
        )

    def _complete_by(self, since: float) -> float:
        due = since + self._host.limits.adu_timeout
        return due if self._session.numbered else min(due, self._last_byte + _GAP)

    def _watch(self) -> None:
        """Have a timer for the deadline that comes first; one that is too early does no harm."""
        limits = self._host.limits
        due = min(*self._deadlines(), self._loop.time() + (limits.idle_timeout or inf))
        if due >= self._timer_due or self._closing:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        """Some deadline may have come."""
        self._timer, self._timer_due = None, inf
        if self._closing:
            return
        stalled, incomplete, idle = (due - _DUE <= self._loop.time() for due in self._deadlines())
        counted = self._host.counted
        if stalled:
            counted.closed_stalled += 1
            self.abort()
        elif incomplete:
            self._end_partial()
        elif idle:
            counted.closed_idle += 1
            self.close()
        self._watch()

    def _end_partial(self) -> None:
        """An unfinished request: on a serial line it is left out, elsewhere the client cannot be followed."""
        self._partial_since = None
        if self._session.numbered:
            self._host.counted.closed_incomplete += 1
            self.close()
        else:
            self.conversation.take(self._session.receive_silence())
            self._count_heard()
