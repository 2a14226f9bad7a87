"""The client's side of a connection: pairs answers with requests, and knows when to give up."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar, cast

from mbap.errors import ConnectionLost, ModbusError, ProtocolError, ResponseTimeout
from mbap.protocol.adu import Adu
from mbap.protocol.pdu.base import Request, raise_exception
from mbap.protocol.tcp import TcpFraming

R = TypeVar("R")

TOMBSTONES = 1024


class Transaction(Generic[R]):
    """One request on its way.

    Attributes:
        sent: its bytes were handed out: from then on the device may act on it.
        deadline: when the session gives up on it; None until it is sent.
        on_end: called once with the transaction when it ends, if set.
    """

    __slots__ = (
        "_error",
        "_result",
        "deadline",
        "done",
        "number",
        "on_end",
        "request",
        "sent",
        "timeout",
        "unit",
    )

    def __init__(self, request: Request[R], unit: int, timeout: float) -> None:
        self.request = request
        self.unit = unit
        self.timeout = timeout
        self.number = 0
        self.sent = False
        self.done = False
        self.deadline: float | None = None
        self.on_end: Callable[[Transaction[R]], None] | None = None
        self._result: R | None = None
        self._error: ModbusError | None = None

    @property
    def error(self) -> ModbusError | None:
        """What it ended with, if it failed."""
        return self._error

    def result(self) -> R:
        """What the device answered; raises what it ended with otherwise."""
        if not self.done:
            raise RuntimeError("the transaction has not ended yet")
        if self._error is not None:
            raise self._error
        return cast("R", self._result)

    def end(self, *, result: R | None = None, error: ModbusError | None = None) -> None:
        """End it, which happens once."""
        self.done, self._result, self._error = True, result, error
        if self.on_end is not None:
            self.on_end(self)


AnyTransaction = Transaction[Any]


class ClientSession:
    """Everything a client decides, told the bytes and the time; it neither reads nor waits.

    Requests queue in the order of `begin` and go out as far as *outstanding* allows. An answer is handed
    over only where transaction, unit and function code fit and the request itself accepts it. A request that
    was given up leaves a tombstone: its late answer is counted and dropped, and its transaction identifier
    is not used again while the tombstone stands.

    Attributes:
        late: answers to requests that had been given up.
        unmatched: answers to nothing that was asked.
        failure: why the connection is of no more use; None while it is.
    """

    def __init__(self, framing: TcpFraming | None = None, *, outstanding: int = 1) -> None:
        if not 1 <= outstanding <= 64:
            raise ValueError(f"outstanding is 1 to 64, not {outstanding}")
        self.framing = framing or TcpFraming()
        self.outstanding = outstanding
        self.late = 0
        self.unmatched = 0
        self.failure: ModbusError | None = None
        self._queue: deque[AnyTransaction] = deque()
        self._pending: dict[int, AnyTransaction] = {}
        self._tombstones: OrderedDict[int, None] = OrderedDict()
        self._last_number = 0

    @property
    def pending(self) -> int:
        """How many requests were sent and wait for their answer."""
        return len(self._pending)

    @property
    def queued(self) -> int:
        """How many requests wait to be sent."""
        return len(self._queue)

    def begin(self, request: Request[R], unit: int, timeout: float) -> Transaction[R]:
        """Queue *request*; it is given up *timeout* seconds after it was sent.

        Raises:
            ValueError: *unit* is not 0 to 255.
        """
        if not 0 <= unit <= 255:
            raise ValueError(f"unit is 0 to 255, not {unit}")
        transaction = Transaction(request, unit, timeout)
        if self.failure is not None:
            transaction.end(error=self.failure)
        else:
            self._queue.append(transaction)
        return transaction

    def data_to_send(self, now: float) -> bytes:
        """The bytes to send now; what they carry counts as sent from here on."""
        chunks = []
        while self._queue and len(self._pending) < self.outstanding:
            chunks.append(self._send(self._queue.popleft(), now))
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def receive_data(self, data: bytes, now: float) -> list[AnyTransaction]:
        """Take in *data*; gives the transactions that ended by it, in the order of their answers."""
        ended = [
            transaction for adu in self.framing.unpack(data) if (transaction := self._answer(adu)) is not None
        ]
        if self.framing.failure is not None:
            ended += self.receive_eof(self.framing.failure)
        return ended

    def receive_eof(self, error: ModbusError | None = None) -> list[AnyTransaction]:
        """The connection is over, for the reason of *error*: every open transaction ends with it, once."""
        if self.failure is not None:
            return []
        self.failure = error or self._closed_by_peer()
        open_ones = [*self._pending.values(), *self._queue]
        self._pending.clear()
        self._queue.clear()
        return _end_all(open_ones, self.failure)

    def next_deadline(self) -> float | None:
        """When `check_deadlines` has something to do; None while nothing is on its way."""
        return min((t.deadline for t in self._pending.values() if t.deadline is not None), default=None)

    def check_deadlines(self, now: float) -> list[AnyTransaction]:
        """End every transaction whose time is over; gives them."""
        late = [t for t in self._pending.values() if t.deadline is not None and t.deadline <= now]
        for transaction in late:
            self._bury(transaction)
            transaction.end(error=ResponseTimeout(f"no answer within {transaction.timeout:g} s"))
        return late

    def cancel(self, transaction: AnyTransaction) -> bool:
        """Nobody waits for *transaction* any more; tells whether its bytes had been sent.

        One that waits is taken out of the queue; one that was sent leaves a tombstone.
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
        transaction.number = number = self._next_number()
        transaction.sent = True
        transaction.deadline = now + transaction.timeout
        self._pending[number] = transaction
        return self.framing.pack(Adu(transaction.unit, transaction.request.encode(), number))

    def _next_number(self) -> int:
        number = self._last_number
        while True:
            number = number % 0xFFFF + 1
            if number not in self._pending and number not in self._tombstones:
                self._last_number = number
                return number

    def _answer(self, adu: Adu) -> AnyTransaction | None:
        transaction = self._pending.pop(adu.transaction or 0, None)
        if transaction is None:
            self._count_stray(adu)
            return None
        try:
            result = _decode(transaction, adu)
        except ModbusError as error:
            transaction.end(error=error)
        else:
            transaction.end(result=result)
        return transaction

    def _count_stray(self, adu: Adu) -> None:
        number = adu.transaction or 0
        if number in self._tombstones:
            del self._tombstones[number]
            self.late += 1
        else:
            self.unmatched += 1

    def _bury(self, transaction: AnyTransaction) -> None:
        del self._pending[transaction.number]
        self._tombstones[transaction.number] = None
        if len(self._tombstones) > TOMBSTONES:
            self._tombstones.popitem(last=False)

    def _closed_by_peer(self) -> ConnectionLost:
        if self.framing.partial:
            return ConnectionLost("the device closed the connection in the middle of an answer")
        if self._pending:
            return ConnectionLost("the device closed the connection instead of answering")
        return ConnectionLost("the device closed the connection")


def _decode(transaction: AnyTransaction, adu: Adu) -> object:
    if adu.unit != transaction.unit:
        raise ProtocolError(f"unit {adu.unit} answers what unit {transaction.unit} was asked")
    raise_exception(adu.pdu, transaction.request.function_code)
    return transaction.request.decode_response(adu.pdu)


def _end_all(transactions: Iterable[AnyTransaction], error: ModbusError) -> list[AnyTransaction]:
    ended = list(transactions)
    for transaction in ended:
        # Each gets an error of its own: whoever names its target must not change another's.
        transaction.end(error=type(error)(error.reason))
    return ended
