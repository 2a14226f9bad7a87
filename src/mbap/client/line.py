"""The blocking client's way to its device: a connection made when it is needed, and one thread at a time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, TypeAlias, TypeVar

from mbap.client.circuits import Circuits
from mbap.client.direct import FIRST_WAIT, Direct
from mbap.client.events import Events, LinkState, OnEvent
from mbap.client.exchange import Exchange
from mbap.client.job import DIAGNOSTICS, Job
from mbap.client.options import LinkOptions
from mbap.client.sessions import Sessions
from mbap.client.turn import Turn, Visit
from mbap.client.work import Work
from mbap.errors import CertificateRefused, ConnectFailed, ConnectionLost, ModbusError, NotAsked, Target
from mbap.protocol.direct import OTHERWISE, Otherwise
from mbap.protocol.pdu import Request
from mbap.transport import opening
from mbap.transport.endpoint import Endpoint

R = TypeVar("R")
_Way: TypeAlias = tuple[Exchange, Direct, int, float, bool]
"""Where a request goes directly: the unit, the timeout, and whether the unit is assumed."""

CLOSING_PATIENCE: Final = 1.0
"""So many seconds `close` waits for a call of another thread, which closes by itself otherwise."""
CLOSED: Final = "this client was closed"
INTERRUPTED: Final = "a call was interrupted"
CLOSE, WRITE, READ = range(3)
"""Who goes first where several threads wait."""


class Line:
    """What a blocking client and all its units share: one connection at a time, and its lock.

    Attributes:
        options: how the device is treated.
        sessions: what is known of it.
        events: its state, and who listens.
    """

    def __init__(self, endpoint: Endpoint, options: LinkOptions, on_event: OnEvent | None = None) -> None:
        self.options = options.checked_for(endpoint)
        self.sessions = Sessions(endpoint, options)
        self.events = Events(endpoint.url, on_event)
        self._endpoint = endpoint
        self._circuits = Circuits(None, options.backoff)
        self._allowance = options.allowance_on(endpoint.line)
        self._silence = 0.0 if endpoint.line is None else endpoint.line.silence
        self._longest_idle = options.quirks.reconnect_idle
        self._exchange: Exchange | None = None
        self._closing = threading.Event()
        self._turn = Turn()

    def connect(self) -> None:
        """Connect, if there is no connection.

        Raises:
            ConnectFailed: with the reason in plain words.
            NotAsked: connecting failed several times just now, and is not tried for a while.
        """
        self._check_not_inside()
        try:
            self._turn.hold(Visit(READ), lambda: math.inf, self._connect)
        except (ConnectionLost, NotAsked) as error:
            raise error.at(Target(self._endpoint.url)) from error.__cause__

    def close(self) -> None:
        """Close the connection; every later call fails, and one on its way in another thread ends now.

        One that looks up a name, or connects, ends when that does, and closes what it made.
        """
        self._closing.set()
        if self._exchange is not None:
            self._exchange.interrupt()
        if (
            not self._turn.is_mine
        ):  # otherwise a listener of ours calls: the call that goes on ends, and closes
            self._turn.hold(Visit(CLOSE), lambda: CLOSING_PATIENCE, lambda: self._drop(CLOSED))

    def carry_out(self, jobs: Sequence[Job[R]]) -> list[R | ModbusError]:
        """The results, or the final errors, of *jobs* in their order."""
        if not jobs:
            return []
        self._check_not_inside()
        work = Work(jobs, self._endpoint.url)
        visit = Visit(WRITE if jobs[0].request.writes else READ, len(jobs))
        if not self._turn.hold(visit, lambda: self._patience(jobs), lambda: self._work_off(work, jobs)):
            work.drop_overdue(math.inf)
        return work.outcomes()

    def ask(self, request: Request[R], unit: int, timeout: float, *, assumed: bool) -> R | Otherwise:
        """The result of *request*, on the direct way; `OTHERWISE` where that is not open: nothing was sent.

        Raises:
            ModbusError: what it ended with.
        """
        exchange = self._exchange
        if (
            exchange is None
            or (direct := exchange.direct) is None
            or timeout < FIRST_WAIT
            or request.function_code == DIAGNOSTICS
        ):
            return OTHERWISE
        way = exchange, direct, unit, timeout, assumed
        return self._turn.at_once(1, OTHERWISE, self._ask, request, way)

    def ask_many(
        self, requests: Sequence[Request[R]], unit: int, timeout: float, *, assumed: bool
    ) -> list[R | ModbusError]:
        """As `ask`, for several; without any result where the direct way is not open."""
        exchange = self._exchange
        if (
            exchange is None
            or (direct := exchange.direct) is None
            or timeout < FIRST_WAIT
            or DIAGNOSTICS in [one.function_code for one in requests]
        ):
            return []
        way = exchange, direct, unit, timeout, assumed
        return self._turn.at_once(len(requests), [], self._ask_many, requests, way)

    def _ask(self, request: Request[R], way: _Way) -> R | Otherwise:
        exchange, direct, unit, _timeout, _assumed = way
        if exchange is not self._exchange or direct is not exchange.direct or exchange.at_work:
            return OTHERWISE
        exchange.at_work = True
        try:
            result = direct.ask(request, unit)
        except BaseException:
            self._drop(INTERRUPTED)
            raise
        if result is not OTHERWISE or not direct.sent:
            exchange.at_work = False
            return result
        (outcome,) = self._continued((request,), way)
        if isinstance(outcome, ModbusError):
            raise outcome
        return outcome

    def _ask_many(self, requests: Sequence[Request[R]], way: _Way) -> list[R | ModbusError]:
        exchange, direct, unit, timeout, _assumed = way
        if exchange is not self._exchange or direct is not exchange.direct or exchange.at_work:
            return []
        exchange.at_work = True
        try:
            results = exchange.ask_many(direct, requests, unit, timeout)
        except BaseException:
            self._drop(INTERRUPTED)
            raise
        if len(results) == len(requests) or not direct.sent:
            exchange.at_work = False
            return list(results)
        return [*results, *self._continued(requests[len(results) :], way)]

    def _continued(self, requests: Sequence[Request[R]], way: _Way) -> list[R | ModbusError]:
        """What came of *requests*, which the direct way began to carry out."""
        exchange, direct, unit, timeout, assumed = way
        begun = direct.sent_at[0]
        jobs = [
            Job(request, unit, self.options, timeout=timeout, now=begun, unit_assumed=assumed)
            for request in requests
        ]
        self._bound(jobs, begun, direct.answered)
        work = Work(jobs, self._endpoint.url)
        try:
            exchange.go_on(direct, work)
        except BaseException:
            self._drop(INTERRUPTED)
            raise
        self._drop_useless(exchange)
        while work.going_on:
            self._go_on(work)
        return work.outcomes()

    def _patience(self, jobs: Sequence[Job[Any]]) -> float:
        """How long *jobs* may wait for other threads' calls."""
        now = time.monotonic()
        self._bound(jobs, now, self._turn.ahead)
        return min(job.give_up_at for job in jobs) - now

    def _bound(self, jobs: Sequence[Job[Any]], now: float, others: int = 0) -> None:
        for job in jobs:
            job.bound(now, len(jobs) - 1 + others, self._allowance)

    def _work_off(self, work: Work, jobs: Sequence[Job[Any]]) -> None:
        self._bound(jobs, time.monotonic())
        while work.going_on:
            self._go_on(work)

    def _connect(self) -> None:
        self._ready(self.options.attempt_timeout)

    def _check_not_inside(self) -> None:
        if self._turn.is_mine:
            raise RuntimeError("a listener to events must not use the client that it listens to")

    def _go_on(self, work: Work) -> None:
        """Carry out what waits, as far as one connection goes."""
        now = time.monotonic()
        work.refresh(now)
        if not work.waiting:
            self._pause(work, now)
            return
        try:
            exchange = self._ready(work.waiting[0].attempt_timeout(now))
            exchange.carry_out(work)
        except (ConnectionLost, NotAsked) as error:
            work.unreachable(error, time.monotonic())
            return
        except BaseException:
            self._drop(INTERRUPTED)  # nobody knows how much of a request was sent
            raise
        self._drop_useless(exchange)

    def _drop_useless(self, exchange: Exchange) -> None:
        if exchange.useless:
            self._drop_dead(exchange, "the device was silent")

    def _drop_dead(self, exchange: Exchange, otherwise: str = "the device closed the connection") -> None:
        """Drop *exchange*, whose connection is over; who refused us late is left alone, too."""
        failure = exchange.session.failure
        self._drop(str(failure or otherwise))
        if isinstance(failure, CertificateRefused):
            self._connect_failed(failure, late=True)

    def _pause(self, work: Work, now: float) -> None:
        """Wait for the next of *work* whose pause is over, unless the client is closed."""
        if work.going_on:
            self._closing.wait(max(work.next_wake() - now, 0.0))
            if self._closing.is_set():
                work.wake(math.inf)

    def _ready(self, timeout: float) -> Exchange:
        if self._closing.is_set():
            raise ConnectionLost(CLOSED)
        if self._exchange is not None and self._exchange.at_work:
            self._drop(INTERRUPTED)  # and so was what came after
        elif self._exchange is not None and not self._exchange.alive():
            failure = self._exchange.session.failure
            self._drop_dead(self._exchange)
            if isinstance(failure, CertificateRefused):
                raise failure
        elif self._longest_idle is not None and self._exchange is not None and self._was_idle(self._exchange):
            self._drop("it was idle for long")
        return self._exchange or self._open(timeout)

    def _was_idle(self, exchange: Exchange) -> bool:
        if time.monotonic() - exchange.pacing.quiet_since <= (self._longest_idle or math.inf):
            return False
        self.sessions.leeway.used("reconnect_idle")
        return True

    def dial(self, timeout: float) -> opening.Wire:
        """A new way to the device, open within *timeout* seconds; extended by who wants to see its bytes.

        Raises:
            ConnectFailed: with the reason in plain words.
        """
        return opening.connect(
            self._endpoint, timeout, user_timeout=self.options.user_timeout, tls=self.options.tls
        )

    def _open(self, timeout: float) -> Exchange:
        refusal = self._circuits.endpoint_refusal(time.monotonic())
        if refusal is not None:
            raise refusal
        self._circuits.admit_connecting()
        self.events.change(LinkState.CONNECTING)
        self.events.deliver()
        try:
            wire = self.dial(timeout)
        except ConnectFailed as error:
            self._connect_failed(error)
            raise
        except BaseException:
            self._circuits.connecting_withdrawn()
            self.events.change(LinkState.DOWN, "connecting was interrupted")
            raise
        self._circuits.connected()
        session, window = self.sessions.new(), self.sessions.window
        self._exchange = exchange = Exchange(wire, session, window, self.options, silence=self._silence)
        self.events.change(LinkState.UP)
        self.events.deliver()
        if self._closing.is_set():
            self._drop(CLOSED)
            raise ConnectionLost(CLOSED)
        return exchange

    def _connect_failed(self, error: ConnectFailed, *, late: bool = False) -> None:
        """No connection could be made; *late*: it seemed to be made first."""
        now = time.monotonic()
        if late:
            self._circuits.refused_late(error, now)
        else:
            self._circuits.connect_failed(error, now)
        self.events.change(LinkState.DOWN, error.reason)
        wait = self._circuits.backing_off(now)
        if wait:
            self.events.change(LinkState.BACKING_OFF, error.reason, wait)
        self.events.deliver()

    def _drop(self, reason: str) -> None:
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            exchange.close()
            self.sessions.ended(exchange.session)
            self.events.change(LinkState.DOWN, reason)
            self.events.deliver()
