"""The blocking client's connection: made when it is needed, moves bytes between socket and session."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, TypeVar

from mbap.client.job import Job, Trust, copy_of
from mbap.errors import ConnectionLost, ModbusError, Target
from mbap.protocol.client import AnyTransaction, ClientSession
from mbap.transport import tcp
from mbap.transport.endpoint import Endpoint

R = TypeVar("R")

_CHUNK = 8192
_SHORTEST_WAIT = 0.0005


class Line:
    """What a blocking client and all its units share: one connection at a time, and its lock."""

    def __init__(self, endpoint: Endpoint, outstanding: int) -> None:
        ClientSession(outstanding=outstanding)  # complains of a number that cannot be
        self._endpoint = endpoint
        self._outstanding = outstanding
        self._connection: _Connection | None = None
        self._closed = False
        self._lock = threading.Lock()

    def connect(self, timeout: float) -> None:
        """Connect, if there is no connection.

        Raises:
            ConnectFailed: with the reason in plain words.
        """
        with self._lock:
            try:
                self._ready(timeout)
            except ConnectionLost as error:
                raise error.at(Target(self._endpoint.url)) from error.__cause__

    def close(self) -> None:
        """Close the connection; every later call fails."""
        with self._lock:
            self._closed = True
            self._drop()

    def carry_out(self, jobs: Sequence[Job[R]]) -> list[R | ModbusError]:
        """The results, or the final errors, of *jobs* in their order."""
        work = _Work(jobs, self._endpoint.url)
        if not self._lock.acquire(timeout=_patience(jobs)):
            work.drop_overdue(math.inf)
            return work.outcomes()
        try:
            while work.waiting:
                self._go_on(work)
        finally:
            self._lock.release()
        return work.outcomes()

    def _go_on(self, work: _Work) -> None:
        """Carry out what waits, as far as one connection goes."""
        now = time.monotonic()
        work.drop_overdue(now)
        if not work.waiting:
            return
        try:
            connection = self._ready(work.waiting[0].attempt_timeout(now))
        except ConnectionLost as error:
            work.fail_all(error)
            return
        try:
            connection.carry_out(work)
        except BaseException:
            self._drop()  # interrupted: nobody knows how much of a request was sent
            raise
        if connection.useless:
            self._drop()

    def _ready(self, timeout: float) -> _Connection:
        if self._closed:
            raise ConnectionLost("this client was closed")
        if self._connection is not None and not self._connection.alive():
            self._drop()
        if self._connection is None:
            opened = tcp.connect(self._endpoint, timeout)
            self._connection = _Connection(opened, ClientSession(outstanding=self._outstanding))
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _patience(jobs: Sequence[Job[Any]]) -> float:
    """How long to wait for other threads' jobs: to the deadline; -1 is for ever."""
    give_up_at = min((job.give_up_at for job in jobs), default=math.inf)
    return -1 if give_up_at == math.inf else max(give_up_at - time.monotonic(), 0.0)


class _Work:
    """Calls that wait, and what came of the others."""

    def __init__(self, jobs: Sequence[Job[Any]], endpoint: str) -> None:
        self.waiting = deque(jobs)
        self._jobs = jobs
        self._outcomes: dict[Job[Any], Any] = {}
        self._endpoint = endpoint

    def outcomes(self) -> list[Any]:
        return [self._outcomes[job] for job in self._jobs]

    def drop_overdue(self, now: float) -> None:
        """Fail the jobs in front whose deadline has passed: they were given together, so theirs is one."""
        while self.waiting and (overdue := self.waiting[0].overdue(now)) is not None:
            self.fail(self.waiting.popleft(), overdue, sent=False)

    def fail_all(self, error: ModbusError) -> None:
        while self.waiting:
            self.fail(self.waiting.popleft(), copy_of(error), sent=False)

    def fail(self, job: Job[Any], error: ModbusError, *, sent: bool) -> None:
        self._outcomes[job] = job.failure(error, self._endpoint, sent=sent)

    def settle(self, job: Job[Any], transaction: AnyTransaction, now: float) -> None:
        """*transaction* ended: keep its result, put the job back for another attempt, or fail it."""
        error = transaction.error
        if error is None:
            self._outcomes[job] = transaction.result()
        elif job.take_retry(error, now):
            self.waiting.appendleft(job)
        else:
            self.fail(job, error, sent=transaction.sent)


class _Connection:
    """A socket and the session that tells what its bytes mean."""

    def __init__(self, opened: socket.socket, session: ClientSession) -> None:
        self._socket = opened
        self._session = session
        self._trust = Trust()
        self._on_way: dict[AnyTransaction, Job[Any]] = {}
        self._has_answered = False

    @property
    def useless(self) -> bool:
        """True when nothing more should be sent on it."""
        return self._trust.lost or self._session.failure is not None

    def alive(self) -> bool:
        """Whether the peer has not closed it meanwhile; takes in what came late.

        Leaves the socket not waiting, so that the next send need not ask the system whether it may.
        """
        self._socket.settimeout(0)
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if data:
            self._session.receive_data(data, time.monotonic())
        return bool(data) and not self.useless

    def carry_out(self, work: _Work) -> None:
        """Carry out what waits in *work*, until all is done or this connection is of no more use."""
        while self._on_way or (work.waiting and not self.useless):
            if not self.useless:
                self._begin(work)
            self._await_answer(work)

    def close(self) -> None:
        self._socket.close()

    def _begin(self, work: _Work) -> None:
        now = time.monotonic()
        begun = []
        work.drop_overdue(now)
        while work.waiting and len(self._on_way) < self._session.outstanding:
            job = work.waiting.popleft()
            transaction = self._session.begin(job.request, job.unit, job.attempt_timeout(now))
            self._on_way[transaction] = job
            begun.append(transaction)
        if begun:
            self._send(self._session.data_to_send(now), begun, work)

    def _send(self, data: bytes, begun: list[AnyTransaction], work: _Work) -> None:
        sent = 0
        try:
            while sent < len(data):
                try:
                    sent += self._socket.send(data[sent:])
                except BlockingIOError:
                    self._socket.settimeout(self._wait())
        except OSError as problem:
            for transaction in begun:
                transaction.sent = sent > 0
            self._settle(self._session.receive_eof(tcp.connection_lost(problem)), work)

    def _await_answer(self, work: _Work) -> None:
        if self._on_way:
            ended = self._receive()
            self._settle(ended + self._session.check_deadlines(time.monotonic()), work)

    def _receive(self) -> list[AnyTransaction]:
        self._socket.settimeout(self._wait())
        try:
            data = self._socket.recv(_CHUNK)
        except OSError as problem:
            if isinstance(problem, TimeoutError) and problem.errno is None:
                return []  # our own waiting time; with a number it is the system that gave up
            return self._session.receive_eof(tcp.connection_lost(problem))
        if not data:
            return self._session.receive_eof()
        self._has_answered = True
        self._trust.heard()
        return self._session.receive_data(data, time.monotonic())

    def _wait(self) -> float:
        deadline = self._session.next_deadline()
        return _SHORTEST_WAIT if deadline is None else max(deadline - time.monotonic(), _SHORTEST_WAIT)

    def _settle(self, ended: list[AnyTransaction], work: _Work) -> None:
        now = time.monotonic()
        for transaction in ended:
            job = self._on_way.pop(transaction)
            self._trust.ended(transaction.error, torn=self._session.framing.partial > 0)
            if not transaction.sent and self._has_answered:
                work.waiting.appendleft(job)  # it closed between two requests: a new connection may do
            else:
                work.settle(job, transaction, now)
