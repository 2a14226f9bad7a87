"""Plain requests that a gateway passes on as they came: no task, and no object that takes them apart.

Most of what passes through a gateway is whole, well-formed and for a device behind that needs no special
care. It is judged here, handed to the line as the bytes that it is, and so is what comes back. Whatever is
not plain in every respect goes the long way; tests/server/test_forwarding.py compares the two.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from mbap.errors import ExceptionResponse, ModbusError
from mbap.protocol.execute import Priority, Relay
from mbap.protocol.relayed import SHORTEST, Relayed, begin_of, relayed
from mbap.protocol.server import Indication
from mbap.server.conversation import Conversation, Slot
from mbap.server.handler import Forwards, Peer
from mbap.server.traffic import Latencies, UnitTraffic


class Judge(Protocol):
    """Says what becomes of a request that did not end with a result."""

    def __call__(self, error: ModbusError, sent: Forwarded) -> ExceptionResponse | Awaitable[bytes]:
        """What to answer instead, or to wait for."""
        ...


class Lane:
    """Where the plain requests for one unit go.

    Attributes:
        way: the line. unit: the unit behind. deadline: seconds that a request may take.
        counted: what is counted of the unit. times: and of the line, by *clock*.
        reading, writing: the priorities of what does.
        permits: whether a client may have a request passed on here; None: everything. What it may not goes
            the long way, where somebody says why.
        first: whether a client comes before all others; None: none does.
        judge: what becomes of errors.
        begun: is told of each request that `permits` was just asked about and that goes to the line.
        ended: is told of each that was answered, and with what PDU; None: the client left before.
    """

    __slots__ = (
        "begun",
        "clock",
        "counted",
        "deadline",
        "ended",
        "first",
        "judge",
        "permits",
        "reading",
        "times",
        "unit",
        "way",
        "writing",
    )

    def __init__(
        self,
        way: Relay,
        unit: int,
        deadline: float | None,
        counted: UnitTraffic,
        times: Latencies,
        clock: Callable[[], float],
        reading: Priority,
        writing: Priority,
        permits: Callable[[Relayed, Peer], bool] | None,
        first: Callable[[Peer], bool] | None,
        judge: Judge,
        begun: Callable[[Forwarded], None] | None = None,
        ended: Callable[[Forwarded, bytes | None], None] | None = None,
    ) -> None:
        self.way = way
        self.unit = unit
        self.deadline = deadline
        self.counted = counted
        self.times = times
        self.clock = clock
        self.reading = reading
        self.writing = writing
        self.permits = permits
        self.first = first
        self.judge = judge
        self.begun = begun
        self.ended = ended

    def followed(
        self,
        permits: Callable[[Relayed, Peer], bool],
        judge: Judge,
        begun: Callable[[Forwarded], None],
        ended: Callable[[Forwarded, bytes | None], None] | None,
    ) -> Lane:
        """The same for somebody who decides before it, and follows what becomes of requests."""
        return Lane(
            self.way,
            self.unit,
            self.deadline,
            self.counted,
            self.times,
            self.clock,
            self.reading,
            self.writing,
            permits,
            self.first,
            judge,
            begun,
            ended,
        )


class Forwarded(Slot):
    """A plain request on its way; the line's `Waiter`.

    Attributes:
        asked: what the line calls it, until there is an outcome.
        began: when it came.
        priority: on the line.
        note: of who follows it.
    """

    __slots__ = (
        "_conversation",
        "_transaction",
        "_unit",
        "asked",
        "began",
        "lane",
        "note",
        "priority",
        "request",
    )

    def __init__(
        self,
        conversation: Conversation,
        lane: Lane,
        request: Relayed,
        unit: int,
        transaction: int,
        priority: Priority,
    ) -> None:
        self.ready = self.forgotten = False
        self.outcome: object = None
        self.asked: object = None
        self.note: Any = None
        self.request = request
        self.lane = lane
        self.priority = priority
        self.began = lane.clock()
        self._conversation = conversation
        self._unit = unit
        self._transaction = transaction

    @property
    def indication(self) -> Indication[Any]:  # type: ignore[override]  # made where it is needed
        """The request as it is on the long way."""
        return Indication(self._unit, self._transaction, self.request.function_code, self.request)

    @property
    def peer(self) -> Peer:
        """Who asked."""
        return self._conversation.peer

    @property
    def origin(self) -> str:
        """On whose behalf it is asked."""
        return self._conversation.origin

    def withdraw(self) -> None:
        """The client has left."""
        if not self.ready and self.asked is not None:
            self.lane.counted.cancelled += 1
            asked, self.asked = self.asked, None
            self.lane.way.give_up(asked)
            if self.lane.ended is not None:
                self.lane.ended(self, None)

    # What the line calls.

    def done(self) -> bool:
        """Whether nobody waits for the outcome any more."""
        return self.ready

    def cancel(self) -> bool:
        """Take no outcome any more."""
        self.ready = True
        return True

    def set_result(self, outcome: Any, /) -> Callable[[], None] | None:
        """Answer the client with *outcome*, or with what is answered instead."""
        lane, conversation = self.lane, self._conversation
        self.asked = None  # it knows this one: both would stay until the garbage collector comes
        if outcome.__class__ is bytes:
            lane.times.add(lane.clock() - self.began)
            lane.counted.answers += 1
            if lane.ended is not None:
                lane.ended(self, outcome)
            return conversation.forwarded(self, self._unit, self._transaction, outcome)
        instead = lane.judge(outcome, self)
        if isinstance(instead, ExceptionResponse):
            return conversation.settled(self, instead)
        conversation.wait_for(self, instead)
        return None


class Forwarding:
    """Passes on the plain requests of all connections to *handler*.

    It is for Modbus TCP alone, and for connections on which nothing is unfinished.
    """

    __slots__ = ("_handler",)

    def __init__(self, handler: Forwards) -> None:
        self._handler = handler

    def take(self, conversation: Conversation, data: bytearray, end: int) -> int:
        """Pass on the plain requests that *data* begins with; gives where they end.

        What comes behind is not plain, or not whole before *end*, or has to wait.
        """
        begin, last, lane_of = 0, end - SHORTEST, self._handler.lane
        while begin <= last:
            transaction, protocol, length, unit, _, _, _ = begin_of(data, begin)
            stop = begin + 6 + length
            if protocol or stop > end or (request := relayed(data, begin)) is None:
                break
            lane = lane_of(unit)
            if lane is None or (lane.permits is not None and not lane.permits(request, conversation.peer)):
                break
            priority = lane.writing if request.writes else lane.reading
            if lane.first is not None and lane.first(conversation.peer):
                priority = Priority.FIRST
            one = Forwarded(conversation, lane, request, unit, transaction, priority)
            if not conversation.begun(one, unit):
                break
            begin = stop
            lane.counted.requests += 1
            if lane.begun is not None:
                lane.begun(one)
            asked = lane.way.relay(request, lane.unit, one, lane.deadline, priority, conversation.origin)
            if not one.ready:
                one.asked = asked
        return begin
