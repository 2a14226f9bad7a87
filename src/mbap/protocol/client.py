"""The client's side of a connection: pairs answers with requests, and knows when to give up."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection, Container, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from mbap.errors import ConnectionLost, ExceptionResponse, ModbusError, ProtocolError, ResponseTimeout
from mbap.protocol.adu import Adu
from mbap.protocol.framing import Framing
from mbap.protocol.leniency import Leniency
from mbap.protocol.pdu.base import EXCEPTION_FLAG, Request, raise_exception
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.transaction import AnyTransaction, Transaction, end_all
from mbap.protocol.unanswered import closed, timed_out

if TYPE_CHECKING:
    from mbap.protocol.absence import Absence

R = TypeVar("R")

TOMBSTONES: Final = 1024
TURNAROUND: Final = 0.2
"""How long a line is left alone after a request that nobody answers (Serial Line V1.02, 2.4.1)."""
NOTHING_OWED: Final[Mapping[int, Absence]] = MappingProxyType({})

__all__ = ["TOMBSTONES", "TURNAROUND", "AnyTransaction", "ClientSession", "Leniency", "Transaction"]


class ClientSession:
    """Everything a client decides, told the bytes and the time; it neither reads nor waits.

    Requests queue in the order of `begin` and go out as far as *outstanding* allows. An answer is handed
    over only where transaction, unit and function code fit and the request itself accepts it.

    On a numbered framing a request that was given up leaves a tombstone: its late answer is counted and
    dropped, and its transaction identifier is not used again while the tombstone stands.

    Where nothing but the order tells answers apart, one request is on its way, and one that was given up
    leaves a quarantine: nothing is sent until its answer came late and was dropped. When *quarantine*
    seconds after its deadline (by default as long as its timeout) it did not come, nobody knows whether it
    still will: the session ends, and a fresh connection is needed. It also ends after an answer that fits
    no request but the last, and after one that the request does not accept. On a serial line it is different:
    see `LineSession`.

    Attributes:
        on_line: whether it is on a serial line.
        outstanding: how many requests may be on their way at once; always 1 where only the order tells.
        answers: answers that were handed over. late: those to requests that had been given up.
        unmatched: answers to nothing that was asked.
        last_number: the transaction identifier that was used last.
        forgotten: tombstones that made room for younger ones: 1,024 stand at most.
        failure: why the connection is of no more use; None while it is.
    """

    on_line: ClassVar[bool] = False

    def __init__(
        self,
        framing: Framing | None = None,
        *,
        outstanding: int = 1,
        leniency: Leniency | None = None,
        quarantine: float | None = None,
        last_number: int = 0,
    ) -> None:
        """*last_number* is the transaction identifier before the first that is used."""
        if not 1 <= outstanding <= 64:
            raise ValueError(f"outstanding is 1 to 64, not {outstanding}")
        self.framing: Framing = framing or TcpFraming()
        self.in_order = not self.framing.numbered or (leniency is not None and leniency.in_order)
        self.outstanding = 1 if self.in_order else outstanding
        self.answers = self.late = self.unmatched = self.forgotten = 0
        self.failure: ModbusError | None = None
        self._leniency = leniency
        self._quarantine = quarantine
        self._queue: deque[AnyTransaction] = deque()
        self._pending: dict[int, AnyTransaction] = {}
        self._tombstones: OrderedDict[int, AnyTransaction] = OrderedDict()
        self.last_number = last_number
        self._given_up: AnyTransaction | None = None
        self._last: AnyTransaction | None = None
        self._doubt: str = ""
        self._stands_noise = not self.in_order
        self._heard: set[int] = set()

    @property
    def pending(self) -> int:
        """How many requests were sent and wait for their answer."""
        return len(self._pending)

    @property
    def queued(self) -> int:
        """How many requests wait to be sent."""
        return len(self._queue)

    @property
    def buried(self) -> Collection[int]:
        """The transaction identifiers that are not used again, because a late answer may have them."""
        return self._tombstones

    @property
    def quarantined(self) -> bool:
        """Whether nothing is sent because an answer to a request that was given up may still come."""
        return self._given_up is not None

    @property
    def late_awaited(self) -> int:
        """How many late answers something waits for."""
        return int(self._given_up is not None)

    @property
    def absent(self) -> Container[int]:
        """The units of a serial line that are not asked for now."""
        return ()

    @property
    def owed(self) -> Mapping[int, Absence]:
        """What the next session on the same serial line has to know."""
        return NOTHING_OWED

    def time_on_line(self, request: Request[R], *, answered: bool = True) -> float:
        """How many seconds *request* takes with its longest answer on the serial line; 0 elsewhere."""
        return 0.0

    def begin(self, request: Request[R], unit: int, timeout: float, answered: bool = True) -> Transaction[R]:
        """Queue *request*; it is given up *timeout* seconds after it was sent.

        With *answered* False silence is right, and ends it without an error after `TURNAROUND`: a broadcast,
        which is to unit 0, or what makes a device listen only. Where transaction identifiers tell answers
        apart, a broadcast ends at once, and whatever answers it is dropped.

        Raises:
            ValueError: *unit* is not 0 to 255.
        """
        if not 0 <= unit <= 255:
            raise ValueError(f"unit is 0 to 255, not {unit}")
        if not answered:
            timeout = TURNAROUND if self.in_order or unit else 0.0
            timeout += self.time_on_line(request, answered=False)
        transaction = Transaction(request, unit, timeout, answered)
        if self.failure is not None:
            transaction.end(error=self.failure)
        else:
            self._queue.append(transaction)
        return transaction

    @property
    def untouched(self) -> bool:
        """Whether nothing is on its way: what comes next is taken as if nothing had come before."""
        waits = self._pending or self._queue or self.in_order
        return not waits and self.failure is None and not self.framing.partial

    def next_numbers(self, count: int) -> int:
        """The first of *count* transaction identifiers, one behind the other, for one `untouched`."""
        first = self.last_number % 0xFFFF + 1
        while self._tombstones and any(
            (first + i - 1) % 0xFFFF + 1 in self._tombstones for i in range(count)
        ):
            first = first % 0xFFFF + 1
        self.last_number = (first + count - 2) % 0xFFFF + 1
        return first

    def adopt(self, transaction: AnyTransaction, number: int, now: float) -> None:
        """*transaction* was sent at *now* with *number* of `next_numbers`: its answer is awaited here."""
        transaction.number = number
        transaction.sent = True
        transaction.deadline = now + transaction.timeout
        transaction.strays = self.unmatched
        self._pending[number] = transaction

    def data_to_send(self, now: float) -> bytes:
        """The bytes to send now; what they carry counts as sent from here on."""
        if self._given_up is not None or not self._queue:
            return b""
        if not self._pending and not self._tombstones and self.framing.partial:
            self.framing.clear()  # nothing is owed to us: what is here is no part of an answer
        chunks = []
        while self._queue and len(self._pending) < self.outstanding:
            chunks.append(self._send(self._queue.popleft(), now))
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def receive_data(self, data: bytes, now: float) -> list[AnyTransaction]:
        """Take in *data*; gives the transactions that ended by it, in the order of their answers."""
        answer = self._answer_in_order if self.in_order else self._answer
        ended = [transaction for adu in self.framing.unpack(data) if (transaction := answer(adu)) is not None]
        if self.framing.failure is not None:
            if not self._pending and not self._tombstones and self._stands_noise:
                self.framing.clear()  # noise while nothing was asked
                self.unmatched += 1
            else:
                ended += self.receive_eof(self._explained(self.framing.failure, data))
        if self._doubt:
            ended += self.receive_eof(ConnectionLost(self._doubt))
        return ended

    def receive_eof(self, error: ModbusError | None = None) -> list[AnyTransaction]:
        """The connection is over, for the reason of *error*: every open transaction ends with it, once."""
        if self.failure is not None:
            return []
        self.failure = error or closed(self.framing.partial, self.pending, self.answers)
        open_ones = [*self._pending.values(), *self._queue]
        self._pending.clear()
        self._queue.clear()
        self._given_up = None
        return end_all(open_ones, self.failure)

    def _explained(self, failure: ProtocolError, data: bytes) -> ProtocolError:
        """*failure*, with advice where *data* shows who answers there; who answered before is a device."""
        if not self.answers and self.framing.numbered:
            from mbap.protocol.strangers import advice_on

            failure.advice = advice_on(data)
        return failure

    def next_deadline(self) -> float | None:
        """When `check_deadlines` has something to do; None while nothing is on its way."""
        if self._given_up is not None:
            return self._quarantine_end(self._given_up)
        return min((t.deadline for t in self._pending.values() if t.deadline is not None), default=None)

    def check_deadlines(self, now: float) -> list[AnyTransaction]:
        """End every transaction whose time is over; gives them."""
        if self._given_up is not None and now >= self._quarantine_end(self._given_up):
            return self.receive_eof(
                ConnectionLost("an earlier answer may still come, and nothing would tell it from the next")
            )
        late = [t for t in self._pending.values() if t.deadline is not None and t.deadline <= now]
        for transaction in late:
            self._bury(transaction, now)
            if transaction.answered:
                transaction.end(error=self._silence(transaction))
            else:
                transaction.end(result=None if transaction.broadcast else b"")  # of diagnostics, no data
        return late

    def cancel(self, transaction: AnyTransaction) -> bool:
        """Nobody waits for *transaction* any more; tells whether its bytes had been sent.

        One that waits is taken out of the queue; one that was sent leaves a tombstone or a quarantine.
        """
        if transaction.done:
            return transaction.sent
        if transaction.sent:
            self._bury(transaction)
        else:
            self._queue.remove(transaction)
        transaction.done = True
        return transaction.sent

    def _send(self, transaction: AnyTransaction, now: float) -> bytes:
        self.adopt(transaction, number := self._next_number(), now)
        return self.framing.pack(Adu(transaction.unit, transaction.request.encode(), number))

    def _next_number(self) -> int:
        number = self.last_number
        while True:
            number = number % 0xFFFF + 1
            if number not in self._pending and number not in self._tombstones:
                self.last_number = number
                return number

    # Where transaction identifiers tell.

    def _answer(self, adu: Adu) -> AnyTransaction | None:
        transaction = self._pending.pop(adu.transaction or 0, None)
        if transaction is None:
            self._count_stray(adu)
        else:
            self._settle(transaction, adu)
            if isinstance(transaction.error, ProtocolError):
                self._set_tombstone(transaction)  # the right answer may still come
        return transaction

    def _count_stray(self, adu: Adu) -> None:
        number = adu.transaction or 0
        given_up = self._tombstones.get(number)
        if given_up is not None and self._fits(adu, given_up):
            del self._tombstones[number]
            self.late += 1
        else:
            self.unmatched += 1

    # Where only the order tells.

    def _answer_in_order(self, adu: Adu) -> AnyTransaction | None:
        transaction = self._given_up or next(iter(self._pending.values()), None)
        if transaction is None or transaction.broadcast or not self._may_answer(adu, transaction):
            self.unmatched += 1
            if transaction is None and self._last is not None and self._may_answer(adu, self._last):
                self._mistrust(self._last, "an answer came twice, and nothing tells what else is on its way")
            return None
        if transaction is self._given_up:
            self._take_late(transaction, adu)
            return None
        del self._pending[transaction.number]
        self._last = transaction
        self._settle(transaction, adu)
        if isinstance(transaction.error, ProtocolError):
            reason = "an answer did not fit, and nothing tells whether the right one still comes"
            self._mistrust(transaction, reason)
        return transaction

    def _mistrust(self, transaction: AnyTransaction, reason: str) -> None:
        """Something came that *transaction* should not have brought: what comes next proves nothing."""
        self._doubt = reason

    def _may_answer(self, adu: Adu, transaction: AnyTransaction) -> bool:
        function_code = adu.pdu[0] & ~EXCEPTION_FLAG if adu.pdu else 0
        if function_code != transaction.request.function_code or not self._unit_fits(adu, transaction):
            return False
        if adu.transaction is None or adu.transaction == transaction.number or self._leniency is None:
            return True
        return self._leniency.number_fits(adu.transaction, transaction.number)

    def _take_late(self, transaction: AnyTransaction, adu: Adu) -> None:
        if self._fits(adu, transaction):
            self.late += 1
            self._given_up, self._last = None, transaction
        else:
            self.unmatched += 1

    # Both.

    def _settle(self, transaction: AnyTransaction, adu: Adu) -> None:
        try:
            result = None if transaction.broadcast else self._decode(transaction, adu)
        except ModbusError as error:
            transaction.end(error=error)
            if not isinstance(error, ExceptionResponse):
                return
        else:
            transaction.end(result=result)
        self.answers += 1
        if self._leniency is not None:
            self._heard.add(transaction.unit)

    def _decode(self, transaction: AnyTransaction, adu: Adu) -> object:
        request, pdu = transaction.request, adu.pdu
        if adu.unit != transaction.unit and not self._unit_fits(adu, transaction):
            wrong = ProtocolError(f"unit {adu.unit} answers what unit {transaction.unit} was asked")
            wrong.advice = "a device that always names another unit needs the quirk answer-unit"
            raise wrong
        if pdu and pdu[0] >= EXCEPTION_FLAG:
            raise_exception(pdu, request.function_code)
        if self._leniency is None:
            return request.decode_response(pdu)
        try:
            return request.decode_response(pdu)
        except ProtocolError as error:
            return self._leniency.decode(request, transaction.unit, pdu, error)

    def _fits(self, adu: Adu, transaction: AnyTransaction) -> bool:
        """Whether *adu* is an answer that *transaction*, which was given up, would have taken."""
        try:
            self._decode(transaction, adu)
        except ExceptionResponse:
            return True
        except ModbusError:
            return False
        return True

    def _unit_fits(self, adu: Adu, transaction: AnyTransaction) -> bool:
        if adu.unit == transaction.unit:
            return True
        return self._leniency is not None and self._leniency.unit_fits(adu.unit, transaction.unit)

    def _silence(self, transaction: AnyTransaction) -> ModbusError:
        """What to end *transaction* with, which nobody answered."""
        if self._leniency is not None and transaction.unit in self._heard:
            self._heard.discard(transaction.unit)  # a second silence in a row is one
            meaning = self._leniency.silence(transaction)
            if meaning is not None:
                return meaning
        return self._timeout(transaction)

    def _timeout(self, transaction: AnyTransaction) -> ResponseTimeout:
        """That nobody answered, with what came instead: it hints at how the device breaks the rules."""
        partial = 0 if self._pending else self.framing.partial
        return timed_out(transaction.timeout, self.unmatched - transaction.strays, partial)

    def _bury(self, transaction: AnyTransaction, now: float | None = None) -> None:
        """It is given up: at *now* because its time is over, else because nobody waits for it any more."""
        del self._pending[transaction.number]
        if self.in_order:
            self._given_up = transaction if transaction.answered else None
        else:
            self._set_tombstone(transaction)

    def _set_tombstone(self, transaction: AnyTransaction) -> None:
        self._tombstones[transaction.number] = transaction
        if len(self._tombstones) > TOMBSTONES:
            self._tombstones.popitem(last=False)
            self.forgotten += 1

    def _quarantine_end(self, transaction: AnyTransaction) -> float:
        longest = transaction.timeout if self._quarantine is None else self._quarantine
        return (transaction.deadline or 0.0) + longest
