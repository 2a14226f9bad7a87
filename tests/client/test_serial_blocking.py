"""The blocking client on a serial line: pseudo terminals, and a device at the other end that is a script."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mbap import Client, ConnectFailed, ConnectionLost, LinkOptions, ModbusError, ResponseTimeout
from mbap.client.sessions import Sessions
from mbap.protocol.adu import Adu
from mbap.protocol.pdu import WriteSingleRegister
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from mbap.transport.endpoint import parse_endpoint
from support.serialports import SETTINGS, Pair, serial_pair

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pseudo terminals")

Answer = Callable[[Adu], bytes]
"""What a device says to a request; it may wait first."""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with serial_pair(tmp_path) as connected:
        yield connected


def frame(unit: int, pdu: str) -> bytes:
    return RtuFraming(Side.SERVER, echo=False).pack(Adu(unit, bytes.fromhex(pdu)))


@contextmanager
def device(port: Path, answer: Answer) -> Iterator[list[Adu]]:
    """A device on *port*; gives what it was asked."""
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
    wake, end = os.pipe()
    asked: list[Adu] = []

    def serve() -> None:
        framing = RtuFraming(Side.SERVER, echo=False)
        while descriptor in select.select([descriptor, wake], [], [])[0]:
            for adu in framing.unpack(os.read(descriptor, 4096)):
                asked.append(adu)
                os.write(descriptor, answer(adu))

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield asked
    finally:
        os.write(end, b"!")
        serving.join()
        for one in (descriptor, wake, end):
            os.close(one)


def holding_its_address(adu: Adu) -> bytes:
    """Each register holds its address."""
    return frame(adu.unit, "0302" + adu.pdu[1:3].hex())


def test_a_late_answer_is_not_handed_to_the_next_request(pair: Pair) -> None:
    def first_one_late(adu: Adu) -> bytes:
        if adu.pdu[2] == 1:
            time.sleep(0.9)
        return holding_its_address(adu)

    with device(pair.far, first_one_late), Client(pair.near_url, unit=1, timeout=0.6) as client:
        with pytest.raises(ResponseTimeout):
            client.read_holding_registers(1, 1)
        assert client.read_holding_registers(2, 1) == [2]
        assert client.read_holding_registers(3, 1) == [3]


def test_another_unit_is_asked_at_once_after_one_was_silent(pair: Pair) -> None:
    def without_unit_1(adu: Adu) -> bytes:
        return b"" if adu.unit == 1 else holding_its_address(adu)

    with device(pair.far, without_unit_1), Client(pair.near_url, unit=1, timeout=1.0) as client:
        with pytest.raises(ResponseTimeout):
            client.read_holding_registers(1, 1)
        began = time.monotonic()
        assert client.unit(2).read_holding_registers(2, 1) == [2]
        assert time.monotonic() - began < 0.9
        with pytest.raises(ResponseTimeout, match=r"others on the line do answer"):
            client.read_holding_registers(1, 1)
        assert time.monotonic() - began > 0.95


def test_a_wrong_answer_does_not_end_the_connection(pair: Pair) -> None:
    answers = iter([lambda adu: frame(adu.unit, "030400010002"), holding_its_address])

    with (
        device(pair.far, lambda adu: next(answers)(adu)),
        Client(pair.near_url, unit=1, timeout=0.5) as client,
    ):
        states = []
        with pytest.raises(ModbusError):
            client.read_holding_registers(1, 1)
        states.append(client.state)
        assert client.read_holding_registers(2, 1) == [2]
        assert client.state is states[0]


class Babble:
    """A port on which a byte is heard whenever somebody looks."""

    def __init__(self) -> None:
        self.sent = b""

    def settimeout(self, seconds: float | None) -> None:
        """It never waits."""

    def recv(self, size: int) -> bytes:
        time.sleep(0.001)
        return b"\x55"

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def shutdown(self, how: int) -> None:
        """Nobody waits."""

    def close(self) -> None:
        """Nothing is open."""


def test_a_line_that_is_never_silent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Babble()
    monkeypatch.setattr("mbap.transport.opening.connect", lambda *_, **__: port)
    with (
        Client("rtu:///dev/x?baudrate=110", unit=1) as client,
        pytest.raises(ResponseTimeout, match="the line was never silent"),
    ):
        client.execute(WriteSingleRegister(1, 1), deadline=0.3)
    assert port.sent == b""


def test_an_adapter_that_is_unplugged_and_comes_back_is_used_again(tmp_path: Path) -> None:
    client = Client(f"rtu://{tmp_path}/near{SETTINGS}", unit=1, timeout=2.0)
    with serial_pair(tmp_path) as pair, device(pair.far, holding_its_address):
        assert client.read_holding_registers(1, 1) == [1]
    with pytest.raises((ConnectionLost, ConnectFailed)):
        client.read_holding_registers(1, 1)
    with serial_pair(tmp_path) as pair, device(pair.far, holding_its_address):
        assert client.read_holding_registers(2, 1) == [2]
    client.close()


def test_closing_wakes_up_who_waits_for_an_answer(pair: Pair) -> None:
    client = Client(pair.near_url, unit=1, timeout=20)
    client.__enter__()
    closing = threading.Timer(0.1, client.close)
    closing.start()
    began = time.monotonic()
    with pytest.raises(ConnectionLost):
        client.read_holding_registers(1, 1)
    assert time.monotonic() - began < 5
    closing.join()


def test_a_told_echo_is_left_out_from_the_first_message_on() -> None:
    session = Sessions(parse_endpoint("rtu:///dev/x?echo=on"), LinkOptions()).new()
    write = session.begin(WriteSingleRegister(1, 7), 1, 1.0)
    sent = session.data_to_send(0.0)
    assert session.receive_data(sent, 0.1) == []
    assert session.receive_data(sent, 0.2) == [write]


def test_an_echo_is_found_out_and_remembered(pair: Pair) -> None:
    def with_echo(adu: Adu) -> bytes:
        return RtuFraming(echo=False).pack(adu) + holding_its_address(adu)

    with device(pair.far, with_echo), Client(pair.near_url, unit=1) as client:
        for address in range(5):
            assert client.read_holding_registers(address, 1) == [address]
