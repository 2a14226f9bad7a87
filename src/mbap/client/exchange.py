"""One connection of a blocking client: moves bytes between a socket and a session."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeVar

from mbap.client.direct import Direct, direct_way
from mbap.client.job import BABBLE, NEVER_SILENT, READ_ONLY, Job, Trust
from mbap.client.options import LinkOptions
from mbap.client.pacing import Pacing
from mbap.client.window import Window
from mbap.client.work import Work
from mbap.errors import ConnectFailed, NotProtected
from mbap.protocol.client import AnyTransaction, ClientSession, Transaction
from mbap.protocol.pdu import Request
from mbap.transport import tcp
from mbap.transport.opening import Wire

R = TypeVar("R")

_CHUNK = 8192
_SHORTEST_WAIT = 0.0005


class Exchange:
    """A socket and the session that tells what its bytes mean.

    Attributes:
        session: the state machine of this connection.
        direct: the direct way, while it is open.
        pacing: when the next request may be sent, by the pauses that the device needs.
        at_work: something was begun with it and did not come to its end: an interruption came between.
    """

    def __init__(
        self,
        wire: Wire,
        session: ClientSession,
        window: Window,
        options: LinkOptions,
        *,
        silence: float = 0.0,
    ) -> None:
        """*silence* is how many seconds a serial line has to be silent before anything is sent."""
        self.session = session
        self.at_work = False
        self.pacing = Pacing(options, time.monotonic(), silence)
        self._wire = wire
        self._window = window
        self._read_only = bool(getattr(wire, "read_only", False))
        self._paced = bool(options.pause or options.unit_pause or options.connect_pause or silence)
        self._trust = Trust(kept=session.on_line)
        self._on_way: dict[AnyTransaction, Job[Any]] = {}
        self._side_by_side = self._has_answered = self._answered_well = False
        self._direct = direct_way(wire, session, options)
        self.direct: Direct | None = None

    @property
    def useless(self) -> bool:
        """True when nothing more should be sent on it."""
        return self._trust.lost or self.session.failure is not None

    def ask_many(self, direct: Direct, requests: Sequence[Request[R]], unit: int, timeout: float) -> list[R]:
        """The results of *requests* on the *direct* way, as far as it leads; see it for how far it went."""
        room = self.session.outstanding if self._window.size > 1 else 1
        results = direct.ask_many(requests, unit, room, timeout)
        if room > 1 and len(requests) > 1:
            now = time.monotonic()
            for done in range(0, len(results), room):
                self._window.answered((unit,), min(room, len(results) - done), now)
        return results

    def alive(self) -> bool:
        """Whether the peer has not closed it meanwhile; takes in what came late.

        Leaves the socket not waiting, so that the next send need not ask the system whether it may.
        """
        self._wire.settimeout(0)
        self.at_work = True
        try:
            data = self._wire.recv(_CHUNK)
        except BlockingIOError:
            self.at_work = False
            return True
        except OSError as problem:
            if isinstance(lost := tcp.connection_lost(problem), ConnectFailed):
                self.session.receive_eof(lost)
            return False
        if data:
            self.pacing.quiet_since = now = time.monotonic()
            self.session.receive_data(data, now)
        self.at_work = False
        return bool(data) and not self.useless

    def carry_out(self, work: Work) -> None:
        """Carry out what waits in *work*, until all is done or this connection is of no more use."""
        self.at_work = True
        self.direct = None
        while self._on_way or (work.waiting and not self.useless):
            if not self.useless:
                self._begin(work)
            if self._on_way or work.waiting:
                self._take_in(work)
        if self._direct is not None and self._answered_well and self.session.untouched and not self.useless:
            self.direct = self._direct
            self.direct.borrow()
        self.at_work = False

    def go_on(self, direct: Direct, work: Work) -> None:
        """Carry out what waits in *work*, the first of which *direct* has sent."""
        self.at_work = True
        self.direct = None
        begun = 0
        for at in range(direct.answered, direct.sent):
            job = work.waiting.popleft()
            transaction = Transaction(job.request, job.unit, job.timeout)
            self.session.adopt(transaction, direct.number(at), direct.sent_at[at])
            self._on_way[transaction] = job
            begun += 1
        self._side_by_side |= direct.sent > 1
        if direct.unsent:
            self._send(direct.unsent, [], work)  # some bytes went: each may have been sent
        if begun:
            self._settle(self._arrived(direct.came), work)
        self.carry_out(work)

    def interrupt(self) -> None:
        """End it from another thread: whoever waits for its bytes wakes up."""
        with suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self._wire.close()

    def _begin(self, work: Work) -> None:
        now = time.monotonic()
        work.refresh(now, NEVER_SILENT if self.session.on_line and self._babbles(now) else "")
        waiting, on_way, session = work.waiting, self._on_way, self.session
        if session.on_line and not on_way:
            session.check_deadlines(now)
        if session.quarantined:
            return
        begun = []
        room = session.outstanding if self._window.size > 1 else 1
        while waiting and len(on_way) < room:
            job = waiting[0]
            if self._paced and self._ready_for(job) > now:
                break
            waiting.popleft()
            if self._read_only and job.request.writes:
                work.fail(job, NotProtected(READ_ONLY), sent=False)
                continue
            timeout = job.attempt_timeout(now, session.time_on_line(job.request))
            transaction = session.begin(job.request, job.unit, timeout, job.answered)
            on_way[transaction] = job
            begun.append(transaction)
            if self._paced:
                self.pacing.sent(job.unit, now)
        if begun:
            self._side_by_side |= len(on_way) > 1
            self._send(self.session.data_to_send(now), begun, work)

    def _babbles(self, now: float) -> bool:
        """Whether something is heard on the serial line that was not asked for."""
        return not self._on_way and now - self.pacing.quiet_since < BABBLE

    def _ready_for(self, job: Job[Any]) -> float:
        if self.session.on_line and job.unit in self.session.absent:
            return math.inf
        return self.pacing.ready_for(job.unit)

    def _send(self, data: bytes, begun: list[AnyTransaction], work: Work) -> None:
        sent = 0
        try:
            while sent < len(data):
                try:
                    sent += self._wire.send(data[sent:])
                except BlockingIOError:
                    self._wire.settimeout(self._wait(work))
        except OSError as problem:
            for transaction in begun:
                transaction.sent = sent > 0
            self._settle(self.session.receive_eof(tcp.connection_lost(problem)), work)

    def _take_in(self, work: Work) -> None:
        """Wait for bytes, or until something is due; settle what ended."""
        ended = self._receive(self._wait(work))
        self._settle(ended + self.session.check_deadlines(time.monotonic()), work)

    def _receive(self, wait: float) -> list[AnyTransaction]:
        self._wire.settimeout(wait)
        try:
            data = self._wire.recv(_CHUNK)
        except OSError as problem:
            if isinstance(problem, TimeoutError) and problem.errno is None:
                return []  # our own waiting time; with a number it is the system that gave up
            return self._arrived(problem)
        return self._arrived(data)

    def _arrived(self, came: bytes | OSError | None) -> list[AnyTransaction]:
        """What ended by what came: bytes, none at the end of the connection, or an error."""
        if came is None:
            return []
        if isinstance(came, OSError):
            return self.session.receive_eof(tcp.connection_lost(came))
        if not came:
            return self.session.receive_eof()
        self._has_answered = True
        self.pacing.quiet_since = now = time.monotonic()
        return self.session.receive_data(came, now)

    def _wait(self, work: Work) -> float:
        """How long to wait for bytes: until an answer is overdue, or the next request may be sent."""
        until = self.session.next_deadline()
        if not self._on_way and work.waiting:
            first = work.waiting[0]
            if until is None or not self.session.quarantined:
                until = min(math.inf if until is None else until, self._ready_for(first))
            until = min(until, first.give_up_at)
        return _SHORTEST_WAIT if until is None else max(until - time.monotonic(), _SHORTEST_WAIT)

    def _settle(self, ended: list[AnyTransaction], work: Work) -> None:
        now = time.monotonic()
        for transaction in ended:
            job = self._on_way.pop(transaction)
            if transaction.answered:
                self._trust.ended(transaction.error, torn=self.session.framing.partial > 0)
                self._answered_well = transaction.error is None
            if self._side_by_side:
                self._window.ended(transaction, now)
            if not transaction.sent and self._has_answered:
                work.waiting.appendleft(job)  # it closed between two requests: a new connection may do
            else:
                work.settle(job, transaction, now)
        if ended and not self._on_way:
            self.pacing.quiet_since = now
            self._side_by_side = False
