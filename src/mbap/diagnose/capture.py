"""What Modbus clients and servers said to each other, out of a capture: requests with their answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from mbap.diagnose.adus import LONGEST, AduReader
from mbap.diagnose.packetfile import PacketFile
from mbap.diagnose.segments import Segments, address_text
from mbap.diagnose.streams import TLS, Direction, Streams
from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu.base import Request, decode_request, request_class
from mbap.protocol.tcp import HEADER

MODBUS_PORTS: Final = (502,)
MOST_PENDING: Final = 256
"""Requests of one connection that wait for an answer; the oldest of more is taken for unanswered (H033)."""
PATIENCE: Final = 30_000_000
"""Microseconds after which a request is taken for unanswered."""
AT_ONCE: Final = 128
"""Exchanges to read before they are used, where all are there already.

Reading and using them in turn costs a tenth more: a processor is quicker at what it has just done.
"""
_MOST_DECODED: Final = 4096
_UNKNOWN: Final[Any] = object()
_Decoded = Request[Any] | None
_header, _HEADER_SIZE = HEADER.unpack_from, HEADER.size
_NOTHING: Final[tuple[Captured, ...]] = ()
_made: Final = object.__new__
"""Makes a `Captured` in half the time that calling its class takes: there is one for every request."""


@dataclass(slots=True)
class Captured(Exchange):
    """An exchange, and where in the capture it is.

    Attributes:
        frame, response_frame: the numbers of the packets that completed request and answer; 0 where not seen.
        connection: the number of the connection in the capture.
        repeated: the same request came before it on its connection, and had not been answered.
    """

    frame: int = 0
    response_frame: int = 0
    connection: int = 0
    repeated: bool = False


class Capture:
    """The exchanges in a capture, in the order in which they were completed, in memory that does not grow.

    Args:
        file: a pcap or pcapng file, or a pipe that gives one.
        ports: those of Modbus servers.

    Attributes:
        packets: how many there were so far.
        adus: how many of them were Modbus, by who sent them: (to servers, to clients).
        foreign: bytes that were not Modbus.
    """

    def __init__(self, file: BinaryIO, *, ports: Collection[int] = MODBUS_PORTS) -> None:
        self._file = PacketFile(file)
        self.segments = Segments()
        self.streams = Streams(ports)
        self._pairing: dict[int, _Pairing] = {}
        self._requests: dict[bytes, Request[Any] | None] = {}
        self._renumbered = 0
        self.packets = 0
        self.adus = [0, 0]
        self.foreign = 0

    @property
    def problem(self) -> str | None:
        """Why reading ended before the end of the file; None while it did not."""
        return self._file.problem

    @property
    def renumbered(self) -> int:
        """Answers with a transaction number of nobody, while the same was asked with another and waited.

        A single one of a connection is none: a capture that begins in the middle may have it by chance.
        """
        return self._renumbered + sum(one.renumbered for one in self._pairing.values() if one.renumbered > 1)

    def __iter__(self) -> Iterator[Captured]:
        time, heard = 0, self._heard
        segment_of, usual, take = self.segments.of, self.streams.usual, self.streams.take
        for packet in self._file:
            self.packets = number = packet.number
            segment = segment_of(packet)
            if segment is None:
                continue
            time = packet.time
            direction = usual(segment)
            if direction is not None:
                if ended := heard(direction, segment.data, False, time, number):
                    yield from ended
                continue
            for direction, data, after_gap in take(segment):
                yield from heard(direction, data, after_gap, time, number)
        for direction, data, after_gap in self.streams.finish():
            yield from heard(direction, data, after_gap, time, self.packets)
        for pairing in self._pairing.values():
            yield from pairing.rest()

    def _heard(
        self, direction: Direction, data: bytes, after_gap: bool, time: int, frame: int
    ) -> Iterable[Captured]:
        """What is complete with *data*."""
        pairing = self._pairing.get(direction.number)
        if pairing is None:
            return (*self._forget_old(), *self._begun(direction, data, after_gap, time, frame))
        to_server = direction.to_server
        reader = pairing.readers[to_server]
        if reader.steady and not after_gap and len(data) > _HEADER_SIZE:
            transaction, protocol, length, unit = _header(data)
            # As nearly all are: one, whole, and too long to be an RTU frame that looks like one.
            if not protocol and 2 < length <= LONGEST and length == len(data) - 6:
                pdu = data[7:]
                self.adus[not to_server] += 1
                if to_server:
                    return pairing.asked(unit, pdu, transaction, self._decoded(pdu), time, frame)
                return (pairing.answered(unit, pdu, transaction, time, frame),)
        return self._several(pairing, to_server, data, after_gap, time, frame)

    def _begun(
        self, direction: Direction, data: bytes, after_gap: bool, time: int, frame: int
    ) -> Iterable[Captured]:
        """The same for the first bytes of a connection."""
        self._pairing[direction.number] = _Pairing(direction)
        return self._heard(direction, data, after_gap, time, frame)

    def _several(
        self, pairing: _Pairing, to_server: bool, data: bytes, after_gap: bool, time: int, frame: int
    ) -> list[Captured]:
        """The same for data that is anything but one whole ADU."""
        reader, ended = pairing.readers[to_server], list[Captured]()
        foreign = reader.foreign
        adus = reader.take(data, after_gap=after_gap)
        if reader.foreign != foreign and data[:2] in TLS:
            self.streams.encrypted += 1
        self.foreign += reader.foreign - foreign
        self.adus[not to_server] += len(adus)
        for unit, pdu, transaction in adus:
            if to_server:
                ended += pairing.asked(unit, pdu, transaction, self._decoded(pdu), time, frame)
            else:
                ended.append(pairing.answered(unit, pdu, transaction, time, frame))
        return ended

    def _forget_old(self) -> list[Captured]:
        """Few connections of a capture are open at a time: the oldest go, with what they still wait for."""
        if len(self._pairing) < MOST_OPEN:
            return []
        oldest = self._pairing.pop(next(iter(self._pairing)))
        self._renumbered += oldest.renumbered if oldest.renumbered > 1 else 0
        return oldest.rest()

    def _decoded(self, pdu: bytes) -> Request[Any] | None:
        """The request; most are the same again and again, and are decoded once."""
        known: Request[Any] | None = self._requests.get(pdu, _UNKNOWN)
        if known is not _UNKNOWN:
            return known
        if len(self._requests) >= _MOST_DECODED:
            self._requests.clear()
        request = self._requests[pdu] = decoded(pdu)
        return request


MOST_OPEN: Final = 4096
"""Connections whose requests are paired at a time."""


def decoded(pdu: bytes) -> Request[Any] | None:
    """The request that *pdu* is, `Opaque` for an unknown function; None where it breaks the standard."""
    if pdu and pdu[0] < 0x80 and request_class(pdu[0]) is None:
        from mbap.protocol.pdu.opaque import Opaque

        return Opaque(pdu[0], pdu[1:])
    try:
        return decode_request(pdu)
    except ExceptionResponse:
        return None


class _Pairing:
    """One connection: what was asked and is not answered yet."""

    __slots__ = ("_connection", "_ends", "_pending", "readers", "renumbered")

    def __init__(self, direction: Direction) -> None:
        (client, client_port), (server, server_port) = direction.client, direction.server
        self._ends = address_text(client), client_port, address_text(server), server_port
        self._connection = direction.number
        self._pending: dict[tuple[int | None, int], list[Captured]] = {}
        self.readers = (AduReader(), AduReader())
        self.renumbered = 0

    def asked(
        self,
        unit: int,
        pdu: bytes,
        transaction: int | None,
        request: Request[Any] | None,
        time: int,
        frame: int,
    ) -> Iterable[Captured]:
        """Note a request; gives those that are given up with it."""
        key = transaction, unit
        new = _made(Captured)
        new.client, new.client_port, new.server, new.server_port = self._ends
        new.time, new.frame, new.connection = time, frame, self._connection
        new.unit, new.transaction, new.request, new.pdu = unit, transaction, request, pdu
        new.response, new.response_time, new.response_frame = None, None, 0
        new.role, new.repeated = None, False
        waiting = self._pending.get(key)
        if waiting is None:
            self._pending[key] = [new]
            return _NOTHING if len(self._pending) <= MOST_PENDING else self._expired(time)
        new.repeated = any(one.pdu == pdu for one in waiting)
        waiting.append(new)
        return _NOTHING if len(waiting) <= MOST_PENDING else self._expired(time)

    def answered(self, unit: int, pdu: bytes, transaction: int | None, time: int, frame: int) -> Captured:
        """The exchange that an answer ends."""
        key = transaction, unit
        waiting = self._pending.get(key)
        # As nearly always: the first asked for what is answered. One of another function is looked for.
        at = 0 if waiting and waiting[0].pdu[0] == pdu[0] else _fitting(waiting, pdu)
        if waiting is None or at is None:
            # Nothing was asked, or it was not captured: the answer alone.
            self.renumbered += self._waits(unit, pdu)
            exchange = Captured(time, *self._ends, unit, transaction, None, b"", connection=self._connection)
        else:
            exchange = waiting.pop(at)
            if not waiting:
                del self._pending[key]
        exchange.response, exchange.response_time, exchange.response_frame = pdu, time, frame
        return exchange

    def _waits(self, unit: int, pdu: bytes) -> bool:
        """Whether the only transaction that waits has asked *unit* for what the answer *pdu* is.

        Of several, one may have been answered where a packet was lost, or before the capture began.
        """
        if len(self._pending) != 1:
            return False
        (((_, asked), waiting),) = self._pending.items()
        at = _fitting(waiting, pdu) if asked == unit else None
        return at is not None and _answers(waiting[at].request, pdu)

    def rest(self) -> list[Captured]:
        """What was never answered."""
        rest = [one for waiting in self._pending.values() for one in waiting]
        self._pending.clear()
        return rest

    def _expired(self, now: int) -> Iterator[Captured]:
        """The oldest, and whatever else has waited for too long."""
        for key, waiting in list(self._pending.items()):
            while waiting and (waiting[0].time < now - PATIENCE or len(waiting) > MOST_PENDING):
                yield waiting.pop(0)
            if not waiting:
                del self._pending[key]
        if len(self._pending) > MOST_PENDING:
            key = next(iter(self._pending))
            yield from self._pending.pop(key)


def _answers(request: Request[Any] | None, pdu: bytes) -> bool:
    """Whether *pdu* is as long as its answer has to be, or an exception."""
    if request is None or pdu[0] & 0x80:
        return request is not None
    try:
        request.decode_response(pdu)
    except ProtocolError:
        return False
    return True


def _fitting(waiting: list[Captured] | None, pdu: bytes) -> int | None:
    """The first that asked for the answer's function, well or not."""
    function = pdu[0] & 0x7F
    return next((at for at, one in enumerate(waiting or ()) if one.pdu[0] & 0x7F == function), None)


def exchanges(path: Path | str, *, ports: Collection[int] = MODBUS_PORTS) -> Iterator[Captured]:
    """The exchanges in the capture at *path*; what is broken ends it, and is told by `Capture` alone.

    Raises:
        OSError: it cannot be read.
    """
    with Path(path).open("rb", buffering=1 << 20) as file:
        yield from Capture(file, ports=ports)
