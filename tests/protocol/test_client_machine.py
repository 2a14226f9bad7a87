"""No order of events hands one request the data of another: a machine tries them on the client's session.

Every register of an answer holds the number of its request, so data that came to the wrong request shows.
Answers come late, twice, in any order, in pieces, and with those of strangers between them; requests are
given up and cancelled; connections end. What nobody could tell from the right answer is left out: a stranger
that forges transaction, unit, function and length; without transactions an answer that comes again for the
first time after the next request was sent; and two answers to a request that is 65,535 requests old.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.client import ClientSession, Transaction
from mbap.protocol.framing import Framing
from mbap.protocol.lineclient import LineSession
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.wire import Registers

FORGED = 0xDEAD
ARRIVING = st.sampled_from([0, 0, 0, 7, 12])
STEPS = settings(
    max_examples=300, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


class Asked:
    """A request that went over the wire, with the transaction that it belongs to."""

    def __init__(self, transaction: Transaction[Registers], number: int, wire_number: int | None) -> None:
        self.transaction = transaction
        self.number = number
        self.wire_number = wire_number
        self.answered = self.is_old = False

    @property
    def request(self) -> Any:
        return self.transaction.request

    def answer(self, value: int | None = None) -> Adu:
        """Its right answer, or one with another value."""
        count: int = self.request.count
        word = (self.number if value is None else value).to_bytes(2, "big")
        return Adu(self.transaction.unit, bytes((3, 2 * count)) + word * count, self.wire_number)


class Machine(RuleBasedStateMachine):
    """One client, whose connections go over `wire`: bytes on their way to it."""

    begun: Bundle[Transaction[Registers]] = Bundle("begun")
    outstanding = 1

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.numbers: dict[Transaction[Registers], int] = {}
        self.ended: list[Transaction[Registers]] = []
        self.connect()

    def client_framing(self) -> Framing:
        raise NotImplementedError

    def server_framing(self) -> Framing:
        raise NotImplementedError

    def connect(self) -> None:
        """A new connection: what was on its way over the old one never comes."""
        self.session = ClientSession(self.client_framing(), outstanding=self.outstanding)
        self.server = self.server_framing()
        self.queue: list[Transaction[Registers]] = []
        self.asked: list[Asked] = []
        self.wire = b""

    @rule(
        target=begun,
        unit=st.sampled_from([1, 1, 2]),
        count=st.sampled_from([1, 1, 2]),
        timeout=st.sampled_from([1, 5]),
        sent=st.sampled_from([True, True, True, False]),
    )
    def begin(self, unit: int, count: int, timeout: int, sent: bool) -> Transaction[Registers]:
        if self.session.failure is not None:
            self.connect()
        transaction = self.session.begin(ReadHoldingRegisters(0, count), unit, timeout)
        self.numbers[transaction] = len(self.numbers) + 1
        transaction.on_end = self.ended.append
        self.queue.append(transaction)
        if sent:
            self.send()
        return transaction

    @rule(unit=st.sampled_from([1, 1, 2]), seconds=st.sampled_from([1, 1, 3]))
    def one_is_given_up_and_the_next_is_sent(self, unit: int, seconds: float) -> None:
        self.begin(unit=1, count=1, timeout=1, sent=True)
        self.time_passes(seconds=seconds)
        self.begin(unit=unit, count=1, timeout=5, sent=True)

    @rule()
    def send(self) -> None:
        for adu in self.server.unpack(self.session.data_to_send(self.now)):
            waiting = [one for one in self.queue if one.sent]
            sent = next(one for one in waiting if one.unit == adu.unit and one.request.encode() == adu.pdu)
            self.queue.remove(sent)
            self.asked.append(Asked(sent, self.numbers[sent], adu.transaction))

    def answer_comes(self, data: bytes, arriving: int) -> None:
        """*data* goes over the wire; so many bytes of the wire arrive at once, 0 is all."""
        self.wire += data
        if self.session.failure is None:
            self.bytes_arrive(arriving or len(self.wire))

    @rule(transaction=consumes(begun))
    def cancel(self, transaction: Transaction[Registers]) -> None:
        if not transaction.done and transaction in self.numbers and self.is_here(transaction):
            if transaction in self.queue and not transaction.sent:
                self.queue.remove(transaction)
            self.session.cancel(transaction)
            self.ended.append(transaction)

    def is_here(self, transaction: Transaction[Registers]) -> bool:
        """Whether it belongs to this connection."""
        return transaction in self.queue or any(one.transaction is transaction for one in self.asked)

    @rule(seconds=st.sampled_from([0.5, 1, 5, 20]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.session.check_deadlines(self.now)

    @rule(size=st.integers(1, 60))
    def bytes_arrive(self, size: int) -> None:
        data, self.wire = self.wire[:size], self.wire[size:]
        if data:
            self.session.receive_data(data, self.now)

    @precondition(lambda self: len(self.asked) > 5)
    @rule()
    def the_connection_ends(self) -> None:
        self.session.receive_eof()
        self.connect()

    @invariant()
    def each_ends_once(self) -> None:
        assert len(self.ended) == len(set(self.ended))

    @invariant()
    def nobody_has_the_data_of_another(self) -> None:
        for transaction, number in self.numbers.items():
            if transaction.done and transaction._error is None and transaction._result is not None:
                assert transaction.result() == [number] * transaction.request.count  # type: ignore[attr-defined]


class TcpMachine(Machine):
    """With transaction identifiers: anything may come, at any time and in any order."""

    outstanding = 3

    def client_framing(self) -> Framing:
        return TcpFraming()

    def server_framing(self) -> Framing:
        return TcpFraming()

    @precondition(lambda self: self.asked)
    @rule(which=st.integers(0, 7), arriving=ARRIVING)
    def any_request_is_answered_for_the_first_time_or_again(self, which: int, arriving: int) -> None:
        asked = self.asked[-1 - which % len(self.asked)]
        asked.answered = True
        if asked.is_old:
            self.asked.remove(asked)
        self.answer_comes(self.server.pack(asked.answer()), arriving)

    @precondition(lambda self: any(not one.answered for one in self.asked))
    @rule(which=st.integers(0, 7))
    def so_many_requests_pass_that_the_numbers_come_round(self, which: int) -> None:
        self.bytes_arrive(len(self.wire))
        self.asked = [one for one in self.asked if not one.answered]
        for one in self.asked:
            one.is_old = True
        first = self.asked[which % len(self.asked)].wire_number or 1
        self.session.last_number = first - 1

    @precondition(lambda self: self.asked)
    @rule(
        which=st.integers(0, 7),
        change=st.sampled_from(["transaction", "unit", "function", "length"]),
        arriving=ARRIVING,
    )
    def a_stranger_answers(self, which: int, change: str, arriving: int) -> None:
        right = self.asked[-1 - which % len(self.asked)].answer(FORGED)
        if change == "transaction":
            right = right._replace(transaction=(right.transaction or 0) + 0x4000)
        elif change == "unit":
            right = right._replace(unit=9)
        elif change == "function":
            right = right._replace(pdu=b"\x04" + right.pdu[1:])
        else:
            right = right._replace(pdu=bytes((3, 6)) + FORGED.to_bytes(2, "big") * 3)
        self.answer_comes(self.server.pack(right), arriving)

    @precondition(lambda self: len(self.asked) > 3)
    @rule(noise=st.binary(min_size=1, max_size=9))
    def noise_comes(self, noise: bytes) -> None:
        self.answer_comes(noise, 0)


class RtuMachine(Machine):
    """Without transaction identifiers: a device answers one request after the other, or not at all."""

    outstanding = 4  # asked for, and not given

    def __init__(self) -> None:
        self.last: Asked | None = None
        super().__init__()

    def client_framing(self) -> Framing:
        return RtuFraming(echo=False)

    def server_framing(self) -> Framing:
        return RtuFraming(Side.SERVER, echo=False)

    def connect(self) -> None:
        super().connect()
        self.last = None
        self.known = 0
        self.doubles = False

    def nothing_is_asked(self) -> bool:
        return not self.session.pending and not self.session.quarantined

    @invariant()
    def one_is_on_its_way(self) -> None:
        assert self.session.pending + self.session.quarantined <= 1

    @precondition(lambda self: self.known < len(self.asked))
    @rule(times=st.sampled_from([1, 1, 1, 0, 2]), arriving=ARRIVING)
    def the_oldest_is_answered(self, times: int, arriving: int) -> None:
        """Once, or twice at once, or never."""
        self.last = self.asked[self.known]
        self.known += 1
        self.doubles |= times > 1
        # What comes twice at once comes in one piece: the second may not wait for the next request.
        self.answer_comes(self.server.pack(self.last.answer()) * times, 0 if times > 1 else arriving)

    @precondition(lambda self: self.last is not None and not self.wire and self.nothing_is_asked())
    @rule()
    def the_last_answer_comes_again_while_nothing_is_asked(self) -> None:
        if self.last is not None and self.session.failure is None:
            self.doubles = True
            self.answer_comes(self.server.pack(self.last.answer()), 0)

    @precondition(lambda self: self.doubles and self.last is not None)
    @rule()
    def it_comes_once_more_at_any_time(self) -> None:
        if self.last is not None and self.session.failure is None:
            self.answer_comes(self.server.pack(self.last.answer()), 0)

    @precondition(lambda self: self.asked)
    @rule(change=st.sampled_from(["unit", "function", "length"]), arriving=ARRIVING)
    def a_stranger_answers(self, change: str, arriving: int) -> None:
        right = self.asked[-1].answer(FORGED)
        wrong = {
            "unit": right._replace(unit=9),
            "function": right._replace(pdu=b"\x04" + right.pdu[1:]),
            "length": right._replace(pdu=bytes((3, 6)) + FORGED.to_bytes(2, "big") * 3),
        }
        self.answer_comes(self.server.pack(wrong[change]), arriving)


class AsciiMachine(RtuMachine):
    """The same in the other framing."""

    def client_framing(self) -> Framing:
        return AsciiFraming(echo=False)

    def server_framing(self) -> Framing:
        return AsciiFraming(Side.SERVER, echo=False)


class LineMachine(Machine):
    """A serial line with two devices: each answers within twice the timeout, or never.

    What a device says arrives at once: bytes on a line wait nowhere. Opening it anew changes nothing for the
    devices: they still answer what they were asked before.
    """

    outstanding = 4  # asked for, and not given

    def __init__(self) -> None:
        self.owing: list[Asked] = []
        super().__init__()

    def client_framing(self) -> Framing:
        return RtuFraming(echo=False)

    def server_framing(self) -> Framing:
        return RtuFraming(Side.SERVER, echo=False)

    def connect(self) -> None:
        owed = self.session.owed if self.numbers else {}
        super().connect()
        self.session = LineSession(self.client_framing(), byte_time=0.001, owed=owed)

    @rule()
    def send(self) -> None:
        before = len(self.asked)
        super().send()
        self.owing += self.asked[before:]

    @rule(seconds=st.sampled_from([0.5, 1.0, 1.5]))
    def time_passes(self, seconds: float) -> None:
        super().time_passes(seconds)

    @rule(
        unit=st.sampled_from([1, 1, 2]),
        meanwhile=st.sampled_from(["time", "time", "time", "wrong answer", "opened anew", "cancelled"]),
        seconds=st.sampled_from([0.5, 1.0, 1.5, 2.0]),
    )
    def one_ends_without_its_answer_and_another_is_sent(
        self, unit: int, meanwhile: str, seconds: float
    ) -> None:
        first = self.begin(unit=unit, count=1, timeout=1, sent=True)
        assert isinstance(first, Transaction)
        if meanwhile == "wrong answer":
            self.a_stranger_answers(change="length")
        elif meanwhile == "opened anew":
            self.session.receive_eof()
            self.connect()
        elif meanwhile == "cancelled" and first.sent:
            self.session.cancel(first)
        self.time_passes(seconds=seconds)
        self.begin(unit=unit, count=1, timeout=1, sent=True)

    def may_answer(self) -> list[Asked]:
        times = [((one.transaction.deadline or 0.0) + one.transaction.timeout, one) for one in self.owing]
        return [one for until, one in times if self.now < until]

    @precondition(lambda self: self.may_answer())
    @rule(which=st.integers(0, 7), times=st.sampled_from([1, 1, 2]))
    def a_device_answers(self, which: int, times: int) -> None:
        """One of what it was asked, perhaps twice at once; what it was asked before that it has forgotten."""
        waiting = self.may_answer()
        chosen = waiting[which % len(waiting)]
        same = [one for one in self.owing if one.transaction.unit == chosen.transaction.unit]
        for forgotten in same[: same.index(chosen) + 1]:
            self.owing.remove(forgotten)
        self.answer_comes(self.server.pack(chosen.answer()) * times, 0)

    @rule(change=st.sampled_from(["unit", "function", "length"]))
    def a_stranger_answers(self, change: str) -> None:
        if not self.asked:
            return
        right = self.asked[-1].answer(FORGED)
        if change == "unit":
            right = right._replace(unit=9)
        elif change == "function":
            right = right._replace(pdu=b"\x04" + right.pdu[1:])
        else:
            right = right._replace(pdu=bytes((3, 6)) + FORGED.to_bytes(2, "big") * 3)
        self.answer_comes(self.server.pack(right), 0)

    @rule(noise=st.binary(min_size=1, max_size=9))
    def noise_comes(self, noise: bytes) -> None:
        self.answer_comes(noise, 0)

    @invariant()
    def one_has_the_line(self) -> None:
        assert self.session.pending + self.session.quarantined <= 1

    @invariant()
    def it_goes_on(self) -> None:
        assert self.session.failure is None


TestTcp = TcpMachine.TestCase
TestRtu = RtuMachine.TestCase
TestAscii = AsciiMachine.TestCase
TestLine = LineMachine.TestCase
TestLine.settings = settings(STEPS, max_examples=300, stateful_step_count=50)
TestTcp.settings = TestRtu.settings = TestAscii.settings = STEPS
