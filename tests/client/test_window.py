"""mbap.client.window."""

from __future__ import annotations

import pytest

from mbap import ConnectionLost, ModbusError, ProtocolError, ReadHoldingRegisters, ResponseTimeout
from mbap.client.window import Window
from mbap.protocol.client import AnyTransaction, Transaction


def ended(error: ModbusError | None = None, *, unit: int = 1, sent_at: float = 0.0) -> AnyTransaction:
    transaction: AnyTransaction = Transaction(ReadHoldingRegisters(0, 1), unit, 1.0)
    transaction.sent, transaction.deadline = True, sent_at + 1.0
    transaction.end(error=error)
    return transaction


def test_three_that_were_left_out_while_others_were_answered_narrow_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    window = Window(4, "tcp://plc:502")
    window.ended(ended(), 0.1)
    for _ in range(3):
        assert window.size == 4
        window.ended(ended(ResponseTimeout("")), 1.0)
    assert window.size == 1
    assert caplog.messages == [
        "tcp://plc:502: one request at a time from now on:"
        " the device left out answers while 4 requests were on their way"
    ]


def test_a_device_that_is_silent_altogether_proves_nothing() -> None:
    window = Window(4, "plc")
    for _ in range(10):
        window.ended(ended(ResponseTimeout("")), 1.0)
    assert window.size == 4


def test_a_dead_unit_beside_others_proves_nothing() -> None:
    window = Window(4, "plc")
    for _ in range(10):
        window.ended(ended(unit=1), 0.1)
        window.ended(ended(ResponseTimeout(""), unit=9), 1.0)
    assert window.size == 4


def test_two_connections_that_ended_beside_others_narrow_it() -> None:
    window = Window(4, "plc")
    for now in (1.0, 2.0):
        for _ in range(4):
            window.ended(ended(ConnectionLost("")), now)
    assert window.size == 1


def test_one_connection_that_ended_does_not() -> None:
    window = Window(4, "plc")
    for _ in range(4):
        window.ended(ended(ConnectionLost("")), 1.0)
    assert window.size == 4


def test_few_failures_among_many_answers_do_not() -> None:
    window = Window(4, "plc")
    for _ in range(100):
        for _ in range(20):
            window.ended(ended(), 0.1)
        window.ended(ended(ProtocolError("")), 1.0)
    assert window.size == 4
