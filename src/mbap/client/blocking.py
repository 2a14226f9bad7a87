"""The blocking client: a plain socket, no event loop, no thread of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast, overload

from mbap.client.dialogue import Dialogue, carry_out
from mbap.client.events import LinkState, OnEvent
from mbap.client.job import Job, check_broadcast
from mbap.client.leeway import Leeway
from mbap.client.line import Line
from mbap.client.operations import BlockingOperations
from mbap.client.options import RETRY_PAUSES, LinkOptions
from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.client.timing import LinkName
from mbap.errors import ModbusError
from mbap.protocol.direct import Otherwise
from mbap.protocol.execute import RequestFor
from mbap.protocol.pdu import Request
from mbap.transport.endpoint import parse_endpoint

if TYPE_CHECKING:
    from mbap.client.typed import Answer, Given
    from mbap.protocol.pdu import DeviceIdentification
    from mbap.transport.tls import TLS

R = TypeVar("R")


class BlockingUnit(BlockingOperations):
    """One unit on the connection of a client."""

    __slots__ = ("_assumed", "_line", "_timeout", "number")

    def __init__(self, line: Line, number: int, *, timeout: float, assumed: bool = False) -> None:
        if not 0 <= number <= 255:
            raise ValueError(f"unit is 0 to 255, not {number}")
        if timeout <= 0:
            raise ValueError(f"timeout is more than 0 seconds, not {timeout:g}")
        self._line = line
        self._timeout = timeout
        self._assumed = assumed
        self.number = number

    def execute(self, request: Request[R], *, deadline: float | None = None) -> R:
        """Carry out *request* and give its result.

        *deadline* bounds the whole call, in seconds from now: other threads' calls, connecting, attempts
        and the pauses between them. Without one it has as long as all its attempts need.

        Raises:
            ModbusError: one of its kinds, see `mbap.errors`.
        """
        if deadline is None:
            result = self._line.ask(request, self.number, self._timeout, assumed=self._assumed)
            if not isinstance(result, Otherwise):
                return result
        (outcome,) = self._carry_out_many((request,), deadline)
        if isinstance(outcome, ModbusError):
            raise outcome
        return outcome

    @overload
    def execute_many(
        self, requests: Sequence[Request[R]], *, deadline: float | None = None
    ) -> list[R | ModbusError]: ...
    @overload
    def execute_many(
        self, requests: Sequence[RequestFor[object]], *, deadline: float | None = None
    ) -> list[object]: ...
    def execute_many(
        self, requests: Sequence[RequestFor[object]], *, deadline: float | None = None
    ) -> list[R | ModbusError] | list[object]:
        """Carry out *requests*, as many at once as `outstanding` says; results or errors in their order.

        They may be of different classes. *deadline* bounds all of them together, in seconds from now.
        """
        requests = cast("Sequence[Request[Any]]", requests)
        if deadline is None and len(requests) > 1:
            outcomes = self._line.ask_many(requests, self.number, self._timeout, assumed=self._assumed)
            if outcomes:
                return outcomes
        return self._carry_out_many(requests, deadline)

    def _carry_out_many(
        self, requests: Sequence[Request[R]], deadline: float | None
    ) -> list[R | ModbusError]:
        if self._line.options.quirks.rewrites:
            give_up_at = None if deadline is None else time.monotonic() + deadline
            return [cast("R | ModbusError", self._outcome(request, give_up_at)) for request in requests]
        return self._line.carry_out([self._job(request, deadline) for request in requests])

    def unit(self, number: int, *, timeout: float | None = None) -> BlockingUnit:
        """Another unit on the same connection, with a timeout of its own if given."""
        return BlockingUnit(self._line, number, timeout=self._timeout if timeout is None else timeout)

    def read(self, item: str, *, word_order: str = "") -> Answer:
        """The value of *item*: `"40108:float32"`, `"hr10.3"`, `"co7"`; a list of them for `"hr0..9"`.

        None where the device says "no value". *word_order* is ABCD, CDAB, BADC or DCBA, or their names.

        Raises:
            ValueError: *item* cannot be understood; the sentence says how to write it.
            ModbusError: one of its kinds.
        """
        from mbap.client.typed import reading

        return self.carry_out(reading(item, word_order).dialogue(self.leeway))

    def write(self, item: str, value: Given, *, word_order: str = "") -> None:
        """Write *value* to *item*: `write("40108:float32", 1.5)`, `write("co3", True)`.

        One bit of a register, `"hr10.3"`, is changed in the device by function code 22.

        Raises:
            ValueError: *item* or *value* cannot be understood, or *item* cannot be written.
            ModbusError: one of its kinds; `OutcomeUnknown` when nobody can say whether it was written.
        """
        from mbap.client.typed import writing

        self.execute(writing(item, value, word_order).request)

    def read_device_identification(self, code: int = 1, object_id: int = 0) -> DeviceIdentification:
        """Who the device is, with what does not fit into one answer (function code 43, type 14).

        *code* is 1 for the basic objects, 2 for the regular, 3 for all, 4 for *object_id* alone; otherwise
        *object_id* is the first. `ReadDeviceIdCode` and `ObjectId` have names for them.

        Raises:
            ModbusError: one of its kinds.
        """
        from mbap.client.identification import identification

        return self.carry_out(identification(code, object_id))

    def carry_out(self, dialogue: Dialogue[R], *, deadline: float | None = None) -> R:
        """What *dialogue* returns, a generator of requests; *deadline* bounds all of them together."""
        give_up_at = None if deadline is None else time.monotonic() + deadline

        def one(request: Request[Any]) -> Any:
            left = None if give_up_at is None else give_up_at - time.monotonic()
            return self.execute(request, deadline=left)

        return carry_out(dialogue, one)

    @property
    def leeway(self) -> Leeway:
        """The quirks at work."""
        return self._line.sessions.leeway.at(self.number)

    def _job(self, request: Request[R], deadline: float | None) -> Job[R]:
        return Job(
            request,
            self.number,
            self._line.options,
            timeout=self._timeout,
            now=time.monotonic(),
            deadline=deadline,
            unit_assumed=self._assumed,
        )

    def _outcome(self, request: Request[R], give_up_at: float | None) -> object:
        from mbap.client.rewriting import in_parts

        parts = in_parts(request, self._line.options.quirks)
        try:
            if parts is None:
                return self._one(request, give_up_at)
            self.leeway.used(parts.quirk)
            return carry_out(parts.dialogue(), lambda part: self._one(part, give_up_at))
        except ModbusError as error:
            return error

    def _one(self, request: Request[R], give_up_at: float | None) -> R:
        deadline = None if give_up_at is None else give_up_at - time.monotonic()
        (outcome,) = self._line.carry_out([self._job(request, deadline)])
        if isinstance(outcome, ModbusError):
            raise outcome
        return outcome

    _execute = execute


class Client(BlockingUnit):
    """A blocking Modbus client: `with mbap.Client("tcp://192.168.1.100", unit=6) as plc: ...`

    Connects on entry or at the first call, and anew at the next call after the connection was lost. Threads
    may share it: their calls are carried out one after the other. An interruption (Ctrl-C) leaves it usable.

    Args:
        url: `tcp://host:port`; a bare host will do, and `#5` at the end is the unit. `rtu+tcp://`,
            `ascii+tcp://`, `udp://` and `tls://` (port 802) work too; `?source=ADDRESS` says from which
            address of this machine.
            `rtu:///dev/ttyUSB0?baudrate=9600&parity=N` is a serial line, `ascii://` as well.
        unit: the unit that calls go to; 1 where neither this nor the URL says.
        timeout: seconds for one attempt, and for connecting; None leaves it to *link*. Looking up a name
            cannot be interrupted.
        link: "lan", "wan" or "satellite": a timeout of 3, 10 or 40 s, and other times that grow with it.
        retries: how often a read is repeated after silence or a lost connection, and anything that a busy
            device refused. Another write never is.
        retry_pauses: seconds before the first, second... retry, each a quarter longer or shorter by chance.
        outstanding: how many requests `execute_many` keeps on their way; many devices take only 1.
        pause: seconds between the last byte of an answer and the next request.
        connect_pause: seconds between connecting and the first request.
        unit_pause: seconds between the last byte of one unit and a request to another.
        quirks: how the device breaks the rules: `Quirks(transaction="zero")`.
        tls: who we are and whom we trust; `tls://` needs it.
        on_event: called with a `LinkEvent` when the connection is made, lost and so on, in the thread that
            carries out a call; it must not use the client.

    Raises:
        ValueError: an argument is wrong.
        ConnectFailed: on entry, when no connection could be made.
    """

    __slots__ = ()

    def __init__(
        self,
        url: str,
        *,
        unit: int | None = None,
        timeout: float | None = None,
        link: LinkName = "lan",
        retries: int = 0,
        retry_pauses: Sequence[float] = RETRY_PAUSES,
        outstanding: int = 1,
        pause: float = 0.0,
        connect_pause: float = 0.0,
        unit_pause: float = 0.0,
        quirks: Quirks | None = None,
        tls: TLS | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        endpoint = parse_endpoint(url)
        number = endpoint.unit if unit is None else unit
        options = LinkOptions(
            timeout=timeout,
            link=link,
            retries=retries,
            retry_pauses=tuple(retry_pauses),
            outstanding=outstanding,
            pause=pause,
            connect_pause=connect_pause,
            unit_pause=unit_pause,
            breaker=None,
            quirks=quirks or NO_QUIRKS,
            tls=tls,
        )
        super().__init__(
            Line(endpoint, options, on_event),
            1 if number is None else number,
            timeout=options.attempt_timeout,
            assumed=number is None,
        )

    def __enter__(self) -> Self:
        self._line.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def broadcast(self, request: Request[Any], *, deadline: float | None = None) -> None:
        """Send a write to every unit behind the connection: to unit 0, and nobody answers.

        It returns when the write was sent; nobody knows who carried it out.

        Raises:
            ValueError: *request* does not only write.
            OutcomeUnknown: the connection ended while it was sent.
            ModbusError: it could not be sent.
        """
        check_broadcast(request)
        job = Job(
            request,
            0,
            self._line.options,
            timeout=self._timeout,
            now=time.monotonic(),
            deadline=deadline,
            answered=False,
        )
        (outcome,) = self._line.carry_out([job])
        if isinstance(outcome, ModbusError):
            raise outcome

    @property
    def state(self) -> LinkState:
        """Whether there is a connection, as far as was seen: a lost one is noticed at the next call."""
        return self._line.events.state

    @property
    def quirks_used(self) -> Mapping[str, int]:
        """How often each of the quirks was needed."""
        return dict(self._line.sessions.leeway.counts)

    def close(self) -> None:
        """Close the connection, for good; a call on its way in another thread ends with `ConnectionLost`."""
        self._line.close()
