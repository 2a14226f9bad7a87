"""The client's side of a serial line: what is different where opening it anew would cure nothing."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TypeVar

from mbap.errors import ModbusError, ResponseTimeout
from mbap.protocol.absence import Absence, bytes_on_line
from mbap.protocol.adu import Adu
from mbap.protocol.client import NOTHING_OWED, ClientSession, Leniency
from mbap.protocol.framing import Framing
from mbap.protocol.pdu.base import Request
from mbap.protocol.transaction import AnyTransaction

R = TypeVar("R")


class LineSession(ClientSession):
    """A session on a serial line, where opening it anew would cure nothing, and an answer names its unit.

    A unit that did not answer, or answered wrongly, is not asked until its answer came late or the quarantine
    is over; then it is asked again. Others are asked meanwhile. A request that is cancelled still has the
    line until its answer came or its time is over: two would talk at once otherwise.
    """

    on_line = True

    def __init__(
        self,
        framing: Framing,
        *,
        byte_time: float,
        leniency: Leniency | None = None,
        quarantine: float | None = None,
        last_number: int = 0,
        owed: Mapping[int, Absence] = NOTHING_OWED,
    ) -> None:
        """*byte_time* is how many seconds a byte of a frame takes on the line.

        *owed* is what the session before it on this line still waited for.
        """
        super().__init__(framing, leniency=leniency, quarantine=quarantine, last_number=last_number)
        self._byte_time = byte_time
        self._absent = dict(owed)
        self._now = 0.0
        self._noise_before = 0
        self._stands_noise = True

    @property
    def late_awaited(self) -> int:
        """How many late answers something waits for."""
        return super().late_awaited + len(self._absent)

    @property
    def absent(self) -> Container[int]:
        """The units of a serial line that are not asked for now."""
        if self._absent and self._leniency is not None:
            return range(256)  # who may answer for another cannot be told from him
        return self._absent

    @property
    def owed(self) -> Mapping[int, Absence]:
        """What the next session on the same serial line has to know."""
        on_way = [*self._pending.values(), *([self._given_up] if self._given_up else [])]
        return {**self._absent, **{t.unit: self._absence(t) for t in on_way if t.answered}}

    def time_on_line(self, request: Request[R], *, answered: bool = True) -> float:
        """How many seconds *request* takes with its longest answer on the line."""
        return self._byte_time * bytes_on_line(request, answered=answered)

    def data_to_send(self, now: float) -> bytes:
        """The bytes to send now; what they carry counts as sent from here on."""
        if self._given_up is not None or self._pending:
            return b""
        transaction = self._next_askable()
        if transaction is None:
            return b""
        packed = self._send(transaction, now)
        self._noise_before = getattr(self.framing, "noise", 0)
        return packed

    def receive_data(self, data: bytes, now: float) -> list[AnyTransaction]:
        """Take in *data*; gives the transactions that ended by it, in the order of their answers."""
        self._now = now
        return super().receive_data(data, now)

    def receive_eof(self, error: ModbusError | None = None) -> list[AnyTransaction]:
        """The connection is over, for the reason of *error*: every open transaction ends with it, once."""
        if self.failure is None:
            self._absent = dict(self.owed)
        return super().receive_eof(error)

    def next_deadline(self) -> float | None:
        """When `check_deadlines` has something to do; None while nothing is on its way."""
        due = [t.deadline for t in self._pending.values() if t.deadline is not None]
        due += [absence.until for absence in self._absent.values()]
        if self._given_up is not None:
            due.append(self._given_up.deadline or 0.0)
        return min(due, default=None)

    def check_deadlines(self, now: float) -> list[AnyTransaction]:
        """End every transaction whose time is over; gives them."""
        for unit in [unit for unit, absence in self._absent.items() if absence.until <= now]:
            del self._absent[unit]
        given_up = self._given_up
        if given_up is not None and now >= (given_up.deadline or 0.0):
            self._given_up = None
            self._leave(given_up, now)
        return super().check_deadlines(now)

    def _next_askable(self) -> AnyTransaction | None:
        """Take the first out of the queue whose unit may be asked."""
        absent = self.absent
        found = next((t for t in self._queue if t.unit not in absent), None)
        if found is not None:
            self._queue.remove(found)
        return found

    def _answer_in_order(self, adu: Adu) -> AnyTransaction | None:
        return None if self._is_late(adu) else super()._answer_in_order(adu)

    def _is_late(self, adu: Adu) -> bool:
        """Whether *adu* answers what was given up, and is dropped."""
        for unit, absence in self._absent.items():
            if self._may_answer(adu, absence.transaction):
                self._count_late(unit, absence, adu)
                return True
        return False

    def _count_late(self, unit: int, absence: Absence, adu: Adu) -> None:
        if not self._fits(adu, absence.transaction):
            self.unmatched += 1
            return
        self.late += 1
        if not absence.lasts:
            del self._absent[unit]
            self._last = absence.transaction

    def _mistrust(self, transaction: AnyTransaction, reason: str) -> None:
        until = max(self._quarantine_end(transaction), self._now + transaction.timeout)
        self._absent[transaction.unit] = Absence(transaction, until, lasts=True)

    def _timeout(self, transaction: AnyTransaction) -> ResponseTimeout:
        """That nobody answered, with what else was heard, and with advice for serial lines."""
        plain = f"no answer within {round(transaction.timeout, 3):g} s"
        heard = getattr(self.framing, "noise", 0) + self.framing.partial - self._noise_before
        error = ResponseTimeout(plain)
        if heard:
            error = ResponseTimeout(f"{plain}, but {heard} bytes that are no message")
            error.advice = "check speed and parity, the wires, and whether two devices have this unit"
        elif self.answers:
            error.advice = "others on the line do answer: check the unit, and whether the device is on"
        else:
            error.advice = "check the unit, speed and parity, and whether A and B are swapped"
        return error

    def _bury(self, transaction: AnyTransaction, now: float | None = None) -> None:
        del self._pending[transaction.number]
        if now is None:
            self._given_up = transaction
        else:
            self._leave(transaction, now)

    def _leave(self, transaction: AnyTransaction, now: float) -> None:
        """The unit of *transaction* has not answered in time: ask others, for a while."""
        absence = self._absence(transaction)
        if transaction.answered and absence.until > now:
            self._absent[transaction.unit] = absence

    def _absence(self, transaction: AnyTransaction) -> Absence:
        return Absence(transaction, self._quarantine_end(transaction), lasts=False)
