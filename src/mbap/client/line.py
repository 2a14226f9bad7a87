"""The blocking client's way to its device: a connection made when it is needed, and one thread at a time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mbap.client.circuits import Circuits
from mbap.client.direct import FIRST_WAIT, Direct
from mbap.client.events import Events, LinkState, OnEvent
from mbap.client.exchange import Exchange
from mbap.client.job import DIAGNOSTICS, Job
from mbap.client.options import LinkOptions
from mbap.client.sessions import Sessions
from mbap.client.work import Work
from mbap.errors import ConnectFailed, ConnectionLost, ModbusError, NotAsked, Target
from mbap.protocol.direct import OTHERWISE, Otherwise
from mbap.protocol.pdu import Request
from mbap.transport import opening
from mbap.transport.endpoint import Endpoint

R = TypeVar("R")


class Line:
    """What a blocking client and all its units share: one connection at a time, and its lock.

    Attributes:
        options: how the device is treated.
        sessions: what is known of it.
        events: its state, and who listens.
    """

    def __init__(self, endpoint: Endpoint, options: LinkOptions, on_event: OnEvent | None = None) -> None:
        self.options = options
        self.sessions = Sessions(endpoint, options)
        self.events = Events(endpoint.url, on_event)
        self._endpoint = endpoint
        self._circuits = Circuits(None, options.backoff)
        self._allowance = options.allowance
        self._longest_idle = options.quirks.reconnect_idle
        self._exchange: Exchange | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._at_work = 0
        self._waiting = 0
        self._waiting_lock = threading.Lock()

    def connect(self) -> None:
        """Connect, if there is no connection.

        Raises:
            ConnectFailed: with the reason in plain words.
            NotAsked: connecting failed several times just now, and is not tried for a while.
        """
        self._check_not_inside()
        try:
            self._enter(math.inf)
            self._ready(self.options.attempt_timeout)
        except (ConnectionLost, NotAsked) as error:
            raise error.at(Target(self._endpoint.url)) from error.__cause__
        finally:
            self._leave()

    def close(self) -> None:
        """Close the connection; every later call fails, and one on its way in another thread ends now."""
        self._closing.set()
        if self._exchange is not None:
            self._exchange.interrupt()
        if self._owner == threading.get_ident():
            return  # called by a listener of ours: the call that goes on will end, and close
        try:
            self._enter(math.inf)
            self._drop("the client was closed")
        finally:
            self._leave()

    def carry_out(self, jobs: Sequence[Job[R]]) -> list[R | ModbusError]:
        """The results, or the final errors, of *jobs* in their order."""
        work = Work(jobs, self._endpoint.url)
        if not jobs:
            return []
        self._check_not_inside()
        try:
            if self._enter_for(jobs):
                while work.going_on:
                    self._go_on(work)
            else:
                work.drop_overdue(math.inf)
        finally:
            self._leave()
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
        if not self._lock.acquire(blocking=False):
            return OTHERWISE
        self._owner, self._at_work = threading.get_ident(), 1
        try:
            if exchange is not self._exchange or direct is not exchange.direct:
                return OTHERWISE
            try:
                result = direct.ask(request, unit)
            except BaseException:
                self._drop("a call was interrupted")
                raise
            if result is not OTHERWISE or not direct.sent:
                return result
            (outcome,) = self._continued(exchange, direct, (request,), unit, timeout, assumed)
        finally:
            self._owner, self._at_work = None, 0
            self._lock.release()
        if isinstance(outcome, ModbusError):
            raise outcome
        return outcome

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
        if not self._lock.acquire(blocking=False):
            return []
        self._owner, self._at_work = threading.get_ident(), len(requests)
        try:
            if exchange is not self._exchange or direct is not exchange.direct:
                return []
            try:
                results = exchange.ask_many(direct, requests, unit, timeout)
            except BaseException:
                self._drop("a call was interrupted")
                raise
            if len(results) == len(requests) or not direct.sent:
                return list(results)
            return [
                *results,
                *self._continued(exchange, direct, requests[len(results) :], unit, timeout, assumed),
            ]
        finally:
            self._owner, self._at_work = None, 0
            self._lock.release()

    def _continued(
        self,
        exchange: Exchange,
        direct: Direct,
        requests: Sequence[Request[R]],
        unit: int,
        timeout: float,
        assumed: bool,
    ) -> list[R | ModbusError]:
        """What came of *requests*, which *direct* began to carry out."""
        begun = direct.sent_at[0]
        jobs = [
            Job(request, unit, self.options, timeout=timeout, now=begun, unit_assumed=assumed)
            for request in requests
        ]
        for job in jobs:
            job.bound(begun, direct.answered + len(jobs) - 1, self._allowance)
        work = Work(jobs, self._endpoint.url)
        self._use(exchange, lambda: exchange.go_on(direct, work))
        while work.going_on:
            self._go_on(work)
        return work.outcomes()

    def _use(self, exchange: Exchange, act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException:
            self._drop("a call was interrupted")  # nobody knows how much of a request was sent
            raise
        if exchange.useless:
            self._drop(str(exchange.session.failure or "the device was silent"))

    def _go_on(self, work: Work) -> None:
        """Carry out what waits, as far as one connection goes."""
        now = time.monotonic()
        work.refresh(now)
        if not work.waiting:
            self._pause(work, now)
            return
        try:
            exchange = self._ready(work.waiting[0].attempt_timeout(now))
        except (ConnectionLost, NotAsked) as error:
            work.unreachable(error, time.monotonic())
            return
        self._use(exchange, lambda: exchange.carry_out(work))

    def _pause(self, work: Work, now: float) -> None:
        """Wait for the next of *work* whose pause is over, unless the client is closed."""
        if work.going_on:
            self._closing.wait(max(work.next_wake() - now, 0.0))
            if self._closing.is_set():
                work.wake(math.inf)

    def _ready(self, timeout: float) -> Exchange:
        if self._closing.is_set():
            raise ConnectionLost("this client was closed")
        if self._exchange is not None and not self._exchange.alive():
            self._drop(str(self._exchange.session.failure or "the device closed the connection"))
        elif self._longest_idle is not None and self._exchange is not None and self._was_idle(self._exchange):
            self._drop("it was idle for long")
        return self._exchange or self._open(timeout)

    def _was_idle(self, exchange: Exchange) -> bool:
        if time.monotonic() - exchange.quiet_since <= (self._longest_idle or math.inf):
            return False
        self.sessions.leeway.used("reconnect_idle")
        return True

    def _open(self, timeout: float) -> Exchange:
        refusal = self._circuits.endpoint_refusal(time.monotonic())
        if refusal is not None:
            raise refusal
        self._circuits.admit_connecting()
        self.events.change(LinkState.CONNECTING)
        self.events.deliver()
        try:
            wire = opening.connect(self._endpoint, timeout, user_timeout=self.options.user_timeout)
        except ConnectFailed as error:
            self._connect_failed(error)
            raise
        except BaseException:
            self._circuits.connecting_withdrawn()
            self.events.change(LinkState.DOWN, "connecting was interrupted")
            raise
        self._circuits.connected()
        self._exchange = exchange = Exchange(wire, self.sessions.new(), self.sessions.window, self.options)
        self.events.change(LinkState.UP)
        self.events.deliver()
        return exchange

    def _connect_failed(self, error: ConnectFailed) -> None:
        now = time.monotonic()
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

    # One thread at a time.

    def _enter_for(self, jobs: Sequence[Job[Any]]) -> bool:
        """Wait for other threads' calls; False when the deadline of *jobs* passed meanwhile."""
        now = time.monotonic()
        ahead = len(jobs) - 1
        if self._lock.acquire(blocking=False):
            self._take(len(jobs))
            for job in jobs:
                job.bound(now, ahead, self._allowance)
            return True
        ahead += self._waiting + self._at_work
        for job in jobs:
            job.bound(now, ahead, self._allowance)
        return self._enter(min(job.give_up_at for job in jobs) - now, len(jobs))

    def _enter(self, patience: float, jobs: int = 1) -> bool:
        with self._waiting_lock:
            self._waiting += jobs
        try:
            entered = self._lock.acquire(timeout=-1 if patience == math.inf else max(patience, 0.0))
        finally:
            with self._waiting_lock:
                self._waiting -= jobs
        if entered:
            self._take(jobs)
        return entered

    def _check_not_inside(self) -> None:
        if self._owner == threading.get_ident():
            raise RuntimeError("a listener to events must not use the client that it listens to")

    def _take(self, jobs: int) -> None:
        self._owner, self._at_work = threading.get_ident(), jobs

    def _leave(self) -> None:
        """Let the next thread in, if this one was; an interruption may have come before it was."""
        if self._owner == threading.get_ident():
            self._owner, self._at_work = None, 0
            self._lock.release()
