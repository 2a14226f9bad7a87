"""Both ends of a connection: a device that is asked anything, and a client that is answered anything."""

from __future__ import annotations

from itertools import count
from typing import Any

from fuzz.source import Source

from mbap.errors import Disconnect, ExceptionResponse, NoAnswer
from mbap.protocol.adu import Adu
from mbap.protocol.client import ClientSession, Transaction
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.server import Indication, ServerSession
from mbap.protocol.sides import Side
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.wire import Registers
from mbap.server.device import Device
from mbap.server.handler import Call, Peer

LONGEST_PDU = 253
PEER = Peer("127.0.0.1", 40_000, "tcp://127.0.0.1:502")


def server(data: bytes) -> None:
    """A device behind a server session answers every stream with ADUs that are right, or not at all."""
    source = Source(data)
    session, device = ServerSession(), a_device()
    stream = b"".join(frames(source))
    for piece in Source(data[:8]).pieces(stream):
        for indication in session.receive_data(piece):
            answer(session, indication, device)
        assert session.framing.partial < 260


def a_device() -> Device:
    """A device with holes in its tables."""
    return Device(
        coils={0: [True] * 40, 100: [False] * 8},
        discrete_inputs=[True, False] * 10,
        holding_registers={0: range(30), 1246: [1, 2]},
        input_registers=range(130),
        files={1: range(20), 4: range(9)},
        fifos={1246: [440, 4740], 1300: range(40)},
        identification={0: "V" * 100, 1: "P", 2: "1.0", 0x90: "X" * 200},
        server_id=b"\x2a\xff",
        exception_status=0x6D,
        diagnostics="control",
    )


def frames(source: Source) -> list[bytes]:
    """ADUs with a header that is right, and among them bytes that are no ADU."""
    made = []
    framing = TcpFraming()
    while source.left:
        size = source.number()
        if size < 8:
            made.append(source.take(size))
        else:
            pdu = source.take(min(size - 7, LONGEST_PDU))
            made.append(framing.pack(Adu(size & 1, pdu, size)) if pdu else b"")
    return made


def answer(session: ServerSession, indication: Indication[Any], device: Device) -> None:
    """Have *device* answer, and look at the answer with the eyes of the client."""
    before = contents(device)
    outcome = outcome_of(indication, device)
    if isinstance(outcome, (ExceptionResponse, NoAnswer, Disconnect)):
        assert contents(device) == before, "refused, and yet changed"
    if isinstance(outcome, (NoAnswer, Disconnect)):
        return
    (adu,) = TcpFraming().unpack(session.pack_response(indication, outcome))
    assert (adu.unit, adu.transaction) == (indication.unit, indication.transaction)
    assert len(adu.pdu) <= LONGEST_PDU
    if isinstance(outcome, ExceptionResponse):
        assert adu.pdu == bytes((indication.function_code | 0x80, outcome.code))
    elif not isinstance(indication.request, ExceptionResponse):
        assert indication.request.decode_response(adu.pdu) == outcome


def outcome_of(indication: Indication[Any], device: Device) -> object:
    """The result of the request, or why there is none."""
    if isinstance(indication.request, ExceptionResponse):
        return indication.request
    try:
        return device.handle(Call(indication.request, indication.unit, PEER))
    except (ExceptionResponse, NoAnswer, Disconnect) as wanted:
        return wanted


def contents(device: Device) -> list[bytes]:
    """All that a device has in its tables and files."""
    memories = (device.coils, device.discrete_inputs, device.holding_registers, device.input_registers)
    tables = [memory.read(span.start, len(span)).wire for memory in memories for span in memory.ranges]
    return tables + [Registers.of(tuple(file)).wire for file in device.files.values()]


def client(data: bytes) -> None:
    """No sequence of events ends a request twice, or hands one request what another was answered."""
    _Conversation(Source(data)).run()


class _Conversation:
    """Requests that are told apart by what they are answered with, and a peer that answers them badly.

    Over TCP it answers in any order, too late, twice, and to somebody else. On a serial line only the order
    tells answers apart; there it answers each request once at most, sometimes late, and breaks frames.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._serial = source.number() % 4 == 3
        self._session = ClientSession(
            RtuFraming(Side.CLIENT, echo=False) if self._serial else TcpFraming(),
            outstanding=source.number() % 8 + 1,
            last_number=0xFFFF - source.number() % 16,
        )
        self._peer = ServerSession(RtuFraming(Side.SERVER, echo=False) if self._serial else TcpFraming())
        self._now = 0.0
        self._tokens = count(1)
        self._open: dict[int, Transaction[Registers]] = {}
        self._ends: dict[int, int] = {}
        self._received: list[Indication[Any]] = []
        self._honest = True

    def run(self) -> None:
        steps = (self._ask, self._send, self._respond, self._respond, self._distort, self._wait, self._cancel)
        while self._source.left:
            self._source.choose((*steps, self._babble) if self._source.number() > 250 else steps)()
            assert self._session.pending <= self._session.outstanding
            assert self._session.framing.partial < 260
        self._session.receive_eof()
        for token, transaction in self._open.items():
            assert transaction.done, "left open at the end of the connection"
            assert self._ends[token] <= 1, "ended twice"
            self._look_at(token, transaction)

    def _ask(self) -> None:
        token = next(self._tokens)
        transaction = self._session.begin(ReadHoldingRegisters(token & 0xFFFF, 2), 1, 1.0)
        self._open[token] = transaction
        self._ends[token] = int(transaction.done)
        transaction.on_end = lambda _, token=token: self._ended(token)

    def _ended(self, token: int) -> None:
        self._ends[token] += 1

    def _look_at(self, token: int, transaction: Transaction[Registers]) -> None:
        """A result is what this very request was answered; where strangers babble, they may forge it."""
        if self._ends[token] == 0 or transaction.error is not None or not self._honest:
            return
        assert transaction.result() == answered(token), "another request's answer"

    def _send(self) -> None:
        self._received += self._peer.receive_data(self._session.data_to_send(self._now))

    def _respond(self) -> None:
        """Answer a request that came, whichever."""
        if self._received:
            indication = self._source.choose(self._received)
            if self._serial:
                self._received.remove(indication)
            self._deliver(self._right_answer(indication))

    def _distort(self) -> None:
        """Answer with one byte changed that says what the answer is to."""
        if self._received:
            frame = bytearray(self._right_answer(self._source.choose(self._received)))
            place = self._source.choose((0, 1, 2) if self._serial else (2, 3, 6, 7, 8))
            frame[place] ^= self._source.number() or 1
            self._deliver(bytes(frame))

    def _right_answer(self, indication: Indication[Any]) -> bytes:
        assert isinstance(indication.request, ReadHoldingRegisters)
        return self._peer.pack_response(indication, answered(indication.request.address))

    def _babble(self) -> None:
        self._honest = False
        self._deliver(self._source.take(self._source.number()))

    def _deliver(self, data: bytes) -> None:
        for piece in self._source.pieces(data) if self._source.number() & 1 else [data]:
            self._session.receive_data(piece, self._now)

    def _wait(self) -> None:
        self._now += self._source.number() / 100
        self._session.check_deadlines(self._now)

    def _cancel(self) -> None:
        if self._open:
            self._session.cancel(self._source.choose(list(self._open.values())))


def answered(token: int) -> Registers:
    """What the request with *token* for an address is answered."""
    return Registers.of((token & 0xFFFF, ~token & 0xFFFF))
