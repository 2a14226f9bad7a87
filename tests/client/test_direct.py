"""The direct way of the blocking client: what goes wrong on it ends as it would without it.

Each test makes one good read first, which opens the way.
"""

from __future__ import annotations

import itertools
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mbap import (
    TLS,
    Client,
    ConnectionLost,
    IllegalDataAddress,
    ModbusError,
    OutcomeUnknown,
    ProtocolError,
    ReadHoldingRegisters,
    ResponseTimeout,
    WriteSingleRegister,
)
from mbap.client.turn import Visit
from mbap.protocol.adu import Adu
from mbap.protocol.direct import Otherwise
from mbap.protocol.tcp import TcpFraming
from support.certificates import plant
from support.scripted import Held, Reply, ScriptedServer, Silence, registers, scripted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no direct way on Windows")

READS = [ReadHoldingRegisters(address, 2) for address in range(8)]


@contextmanager
def opened(
    *steps: Reply | Silence | Held, timeout: float = 5.0, outstanding: int = 1
) -> Iterator[tuple[Client, ScriptedServer]]:
    """A client whose direct way is open, to a server that goes on with *steps*."""
    context, tls = _protection()
    with (
        scripted(Reply(), *steps, tls=context) as server,
        Client(server.url, timeout=2.0, outstanding=outstanding, tls=tls) as plc,
    ):
        plc.read_holding_registers(0, 2)
        assert is_open(plc)
        plc._timeout = timeout  # of what is asked from now on: a handshake may take longer
        yield plc, server


_over = "tcp"


@pytest.fixture(autouse=True, params=["tcp", "tls 1.2", "tls 1.3"])
def over(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Over what `opened` asks: all of these do the same."""
    monkeypatch.setattr(sys.modules[__name__], "_over", request.param)
    return str(request.param)


def _protection() -> tuple[ssl.SSLContext | None, TLS | None]:
    if _over == "tcp":
        return None, None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(plant()["server"].chain, plant()["server"].key)
    context.load_verify_locations(plant().ca)
    context.verify_mode = ssl.CERT_REQUIRED
    version = ssl.TLSVersion.TLSv1_2 if _over == "tls 1.2" else ssl.TLSVersion.TLSv1_3
    context.minimum_version = context.maximum_version = version
    return context, plant()["client"].tls()


def is_open(plc: Client) -> bool:
    exchange = plc._line._exchange
    return exchange is not None and exchange.direct is not None


def test_answers_that_fit_keep_it_open() -> None:
    with opened(Reply()) as (plc, _):
        assert [plc.read_holding_registers(at, 2) for at in range(3)] == [registers(at, 2) for at in range(3)]
        assert is_open(plc)


def test_an_exception_is_raised_and_names_its_target() -> None:
    with opened(Reply(pdu=b"\x83\x02"), Reply()) as (plc, server):
        with pytest.raises(IllegalDataAddress, match=r"unit 1, read holding registers"):
            plc.read_holding_registers(7, 2)
        assert plc.read_holding_registers(0, 2) == registers(0, 2)
        assert len(server.requests) == 3


def test_the_answer_of_another_unit_is_refused() -> None:
    with opened(Reply(unit=9)) as (plc, _), pytest.raises(ProtocolError, match="unit 9 answers"):
        plc.read_holding_registers(0, 2)


@pytest.mark.parametrize("wrong", [Reply(transaction=0x7777), Reply(protocol=1)])
def test_what_answers_nothing_is_not_taken_for_the_answer(wrong: Reply) -> None:
    with opened(wrong, timeout=0.5) as (plc, _), pytest.raises(ResponseTimeout):
        plc.read_holding_registers(0, 2)


def test_an_answer_of_the_wrong_length_is_refused() -> None:
    with (
        opened(Reply(pdu=b"\x03\x02\x11\x00")) as (plc, _),
        pytest.raises(ProtocolError, match="2 registers"),
    ):
        plc.read_holding_registers(0, 2)


def test_an_answer_that_comes_byte_by_byte_is_whole() -> None:
    with opened(Reply(by_the_byte=True)) as (plc, _):
        assert plc.read_holding_registers(3, 2) == registers(3, 2)


def test_an_answer_that_takes_its_time_is_awaited() -> None:
    with opened(Reply(delay=0.05)) as (plc, _):
        assert plc.read_holding_registers(3, 2) == registers(3, 2)


def test_silence_is_a_timeout() -> None:
    with opened(Silence(), timeout=0.05) as (plc, _), pytest.raises(ResponseTimeout, match=r"within 0\.05 s"):
        plc.read_holding_registers(0, 2)


def test_a_late_answer_is_not_taken_for_the_next() -> None:
    with opened(Held(), Reply(), timeout=0.5) as (plc, _):
        with pytest.raises(ResponseTimeout):
            plc.read_holding_registers(3, 2)
        assert plc.read_holding_registers(5, 2) == registers(5, 2)
        assert plc.read_holding_registers(6, 2) == registers(6, 2)


def test_a_write_whose_connection_ends_is_in_doubt() -> None:
    with (
        opened(Silence(close=True)) as (plc, _),
        pytest.raises(OutcomeUnknown, match="may have been carried"),
    ):
        plc.write_single_register(0, 1)


def test_a_read_whose_connection_is_reset_is_lost_and_the_next_has_another() -> None:
    with opened(Silence(close=True, reset=True), Reply()) as (plc, server):
        with pytest.raises(ConnectionLost):
            plc.read_holding_registers(0, 2)
        assert plc.read_holding_registers(0, 2) == registers(0, 2)
        server.wait_for_connections(2)


def test_a_connection_that_ended_between_two_calls_is_made_anew() -> None:
    with opened(Reply(close=True), Reply()) as (plc, server):
        plc.read_holding_registers(0, 2)
        server.wait_for_ends(1)
        plc.write_single_register(0, 1)
        server.wait_for_connections(2)


def test_an_answer_that_comes_twice_is_given_once() -> None:
    with opened(Reply(times=2), Reply()) as (plc, _):
        assert plc.read_holding_registers(3, 2) == registers(3, 2)
        assert plc.read_holding_registers(5, 2) == registers(5, 2)


def test_numbers_go_on_with_1_after_65535() -> None:
    with opened(Reply(), outstanding=4) as (plc, server):
        exchange = plc._line._exchange
        assert exchange is not None
        exchange.session.next_numbers((0xFFFF - exchange.session.next_numbers(1) - 2) % 0xFFFF)
        before = len(server.requests)
        plc.execute_many(READS)
        assert is_open(plc)
        numbers = [request.transaction for request in server.requests[before:]]
        assert 0 not in numbers
        assert all(after == number % 0xFFFF + 1 for number, after in itertools.pairwise(numbers))


def test_it_opens_again_after_silence_and_uses_another_number() -> None:
    with opened(Silence(), Reply(), timeout=0.5) as (plc, server):
        with pytest.raises(ResponseTimeout):
            plc.read_holding_registers(0, 2)
        plc.read_holding_registers(0, 2)
        assert is_open(plc)
        exchange = plc._line._exchange
        assert exchange is not None
        given_up = server.requests[1].transaction
        exchange.session.last_number = (given_up - 2) % 0xFFFF + 1
        plc.read_holding_registers(0, 2)
        assert server.requests[-1].transaction == given_up % 0xFFFF + 1


def test_many_come_in_their_order() -> None:
    with opened(Reply(), outstanding=3) as (plc, _):
        assert plc.execute_many(READS) == [registers(read.address, 2) for read in READS]
        assert is_open(plc)


def test_one_of_many_that_is_refused_leaves_the_others() -> None:
    with opened(Reply(), Reply(), Reply(pdu=b"\x83\x02"), Reply(), outstanding=3) as (plc, server):
        outcomes = plc.execute_many(READS)
        assert [type(one) for one in outcomes if isinstance(one, ModbusError)] == [IllegalDataAddress]
        assert isinstance(outcomes[2], IllegalDataAddress)
        assert outcomes[3:] == [registers(read.address, 2) for read in READS[3:]]
        assert len(server.requests) == 1 + len(READS)


def test_many_that_are_answered_out_of_order_get_their_own() -> None:
    with opened(Reply(), Held(), Reply(), outstanding=3) as (plc, _):
        assert plc.execute_many(READS) == [registers(read.address, 2) for read in READS]


def test_of_many_the_one_that_is_left_out_is_a_timeout() -> None:
    with opened(Reply(), Silence(), Reply(), outstanding=3, timeout=0.5) as (plc, _):
        outcomes = plc.execute_many(READS)
        assert [type(one) for one in outcomes if isinstance(one, ModbusError)] == [ResponseTimeout]
        assert isinstance(outcomes[1], ResponseTimeout)


def test_of_many_writes_only_those_that_were_sent_are_in_doubt() -> None:
    writes = [WriteSingleRegister(address, 1) for address in range(4)]
    with opened(Reply(), Silence(close=True), Reply(), outstanding=2) as (plc, _):
        outcomes = plc.execute_many(writes)
        assert [isinstance(one, OutcomeUnknown) for one in outcomes][:2] == [False, True]
        assert outcomes[0] is None


def test_closing_ends_a_call_of_another_thread() -> None:
    with opened(Silence(), timeout=30) as (plc, server):
        errors: list[BaseException] = []

        def ask() -> None:
            try:
                plc.read_holding_registers(0, 2)
            except ConnectionLost as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        server.wait_for_requests(2)
        plc.close()
        thread.join(5)
        assert len(errors) == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no interval timers here")
def test_signals_do_not_put_off_the_deadline() -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    with opened(Silence(), timeout=0.1) as (plc, _):
        begun = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        try:
            with pytest.raises(ResponseTimeout):
                plc.read_holding_registers(0, 2)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert time.monotonic() - begun < 5


def test_an_interruption_leaves_the_client_usable() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    with opened(Silence(), Reply(), timeout=30) as (plc, _):
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            with pytest.raises(KeyboardInterrupt):
                plc.read_holding_registers(0, 2)
        finally:
            signal.signal(signal.SIGALRM, before)
        assert plc.read_holding_registers(0, 2) == registers(0, 2)


def test_a_connection_on_which_a_call_was_interrupted_is_not_used_again() -> None:
    with opened(Reply()) as (plc, server):
        exchange = plc._line._exchange
        assert exchange is not None
        exchange.at_work = True  # and so was what should have closed it
        assert plc.read_holding_registers(3, 2) == registers(3, 2)
        assert plc.execute_many(READS) == [registers(read.address, 2) for read in READS]
        assert [request.connection for request in server.requests[:2]] == [1, 2]


def test_what_the_request_would_not_have_taken_is_no_late_answer_to_it() -> None:
    wrong_and_right = b"\x03\x02\x00\x07", b"\x03\x04\x00\x05\x00\x06"
    with opened(Silence(), Reply(), timeout=0.5) as (plc, server):
        with pytest.raises(ResponseTimeout):
            plc.read_holding_registers(3, 2)
        exchange = plc._line._exchange
        assert exchange is not None
        session, number = exchange.session, server.requests[1].transaction
        for pdu, stands in zip(wrong_and_right, (True, False), strict=True):
            session.receive_data(TcpFraming().pack(Adu(1, pdu, number)), time.monotonic())
            assert (number in session.buried) is stands
        assert (session.unmatched, session.late) == (1, 1)


def test_an_answer_that_was_wrong_leaves_its_number_unused() -> None:
    with opened(Reply(pdu=b"\x03\x02\x11\x00")) as (plc, server):
        exchange = plc._line._exchange
        assert exchange is not None
        with pytest.raises(ProtocolError):
            plc.read_holding_registers(3, 2)
        assert server.requests[1].transaction in exchange.session.buried


def test_while_another_thread_waits_nobody_takes_it() -> None:
    with opened(Reply()) as (plc, server):
        exchange, turn = plc._line._exchange, plc._line._turn
        assert exchange is not None
        waiting = Visit(0, jobs=1)
        turn._waiting[waiting] = None
        ask = plc._line.ask(READS[0], 1, 1.0, assumed=False)
        assert isinstance(ask, Otherwise)
        assert plc._line.ask_many(READS, 1, 1.0, assumed=False) == []
        assert len(server.requests) == 1


def test_it_is_not_open_to_a_device_that_needs_pauses() -> None:
    with scripted(Reply()) as server, Client(server.url, pause=0.001) as plc:
        plc.read_holding_registers(0, 2)
        assert not is_open(plc)


def test_without_it_everything_works_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mbap.client.direct._NOT_WAITING", 0)
    with scripted(Reply()) as server, Client(server.url) as plc:
        assert [plc.read_holding_registers(at, 2) for at in range(3)] == [registers(at, 2) for at in range(3)]
        assert not is_open(plc)


def test_the_socket_it_is_lent_waits_no_longer_than_a_moment() -> None:
    with opened(Reply()) as (plc, _):
        exchange = plc._line._exchange
        assert exchange is not None
        wire = getattr(exchange._wire, "_socket", exchange._wire)  # over TLS, the one below
        assert isinstance(wire, socket.socket)
        assert any(wire.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16))
