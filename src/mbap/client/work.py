"""What a blocking client is to do at once: calls that wait or pause, and what came of the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from mbap.client.job import Job, copy_of
from mbap.errors import ModbusError
from mbap.protocol.client import AnyTransaction


class Work:
    """Some calls that were given together.

    Attributes:
        waiting: those to be sent next, in order.
    """

    def __init__(self, jobs: Sequence[Job[Any]], endpoint: str) -> None:
        self.waiting = deque(jobs)
        self._jobs = jobs
        self._outcomes: dict[Job[Any], Any] = {}
        self._pausing: list[tuple[float, Job[Any]]] = []
        self._endpoint = endpoint

    @property
    def going_on(self) -> bool:
        """Whether anything waits or pauses."""
        return bool(self.waiting or self._pausing)

    def outcomes(self) -> list[Any]:
        """A result or an error for each call, in their order."""
        return [self._outcomes[job] for job in self._jobs]

    def wake(self, now: float) -> None:
        """Those whose pause is over wait again."""
        self.waiting.extend(job for until, job in self._pausing if until <= now)
        self._pausing = [(until, job) for until, job in self._pausing if until > now]

    def refresh(self, now: float, why: str = "") -> None:
        """Wake those whose pause is over, and fail those whose deadline is, because of *why*."""
        if self._pausing:
            self.wake(now)
        if self.waiting and self.waiting[0].give_up_at <= now:
            self.drop_overdue(now, why)

    def next_wake(self) -> float:
        """When the next pause is over; there is one."""
        return min(until for until, _ in self._pausing)

    def drop_overdue(self, now: float, why: str = "") -> None:
        """Fail the calls in front whose deadline has passed: they were given together, so theirs is one."""
        while self.waiting and (overdue := self.waiting[0].overdue(now, why)) is not None:
            self.fail(self.waiting.popleft(), overdue, sent=False)

    def unreachable(self, error: ModbusError, now: float) -> None:
        """There is no connection, because of *error*: fail what waits, unless it may be tried once more."""
        while self.waiting:
            self._repeat_or_fail(self.waiting.popleft(), copy_of(error), now, sent=False)

    def settle(self, job: Job[Any], transaction: AnyTransaction, now: float) -> None:
        """*transaction* ended: keep its result, let *job* pause before another attempt, or fail it."""
        error = transaction.error
        if error is None:
            self._outcomes[job] = transaction.result()
        else:
            self._repeat_or_fail(job, error, now, sent=transaction.sent)

    def fail(self, job: Job[Any], error: ModbusError, *, sent: bool) -> None:
        """*job* ends with *error*."""
        self._outcomes[job] = job.failure(error, self._endpoint, sent=sent)

    def _repeat_or_fail(self, job: Job[Any], error: ModbusError, now: float, *, sent: bool) -> None:
        pause = job.take_retry(error, now)
        if pause is None:
            self.fail(job, error, sent=sent)
        else:
            self._pausing.append((now + pause, job))
