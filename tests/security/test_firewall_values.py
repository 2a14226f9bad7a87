"""What a firewall remembers of values, so that none jumps, also while requests are on their way."""

from __future__ import annotations

import struct
from collections.abc import Awaitable

import pytest

from mbap.errors import ExceptionResponse
from mbap.protocol.pdu import ReadHoldingRegisters, WriteMultipleRegisters
from support.firewalls import Scene, Slow
from support.policies import allowing

SETPOINT = '[points.setpoint]\naddress = "100-101"\ntype = "float32"\nmin = 0\nmax = 80\nmax_step = 5'
STEPS = ('points = "setpoint"', 'function = ["read", "write"]', 'address = { holding = "0-199" }')


def floats(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


def test_a_value_may_not_jump_from_what_was_read() -> None:
    scene = Scene(allowing(*STEPS, rest=SETPOINT))
    assert scene.refused(WriteMultipleRegisters(100, floats(3.0))) == 1
    scene.ask(ReadHoldingRegisters(100, 2))
    assert scene.refused(WriteMultipleRegisters(100, floats(6.0))) == 1
    scene.ask(WriteMultipleRegisters(100, floats(5.0)))
    scene.ask(WriteMultipleRegisters(100, floats(10.0)))
    assert "from 10 to 2" in scene.refused_because(WriteMultipleRegisters(100, floats(2.0)))


async def test_while_a_write_is_not_answered_a_value_may_jump_from_neither_before_nor_after_it() -> None:
    scene = Scene(allowing(*STEPS, rest=SETPOINT), Slow())
    await _done(scene.ask(ReadHoldingRegisters(100, 2)))
    up = scene.ask(WriteMultipleRegisters(100, floats(4.0)))
    assert scene.refused(WriteMultipleRegisters(100, floats(8.0))) == 1
    within = scene.ask(WriteMultipleRegisters(100, floats(5.0)))
    await _done(up)
    await _done(within)
    await _done(scene.ask(WriteMultipleRegisters(100, floats(8.0))))


async def test_a_write_that_is_never_begun_makes_the_value_unknown_and_warns_of_nothing() -> None:
    scene = Scene(allowing(*STEPS, rest=SETPOINT), Slow())
    await _done(scene.ask(ReadHoldingRegisters(100, 2)))
    outcome = scene.ask(WriteMultipleRegisters(100, floats(5.0)))
    del outcome
    assert scene.refused(WriteMultipleRegisters(100, floats(5.0))) == 1


async def test_a_read_that_was_sent_before_a_write_does_not_bring_the_old_value_back() -> None:
    scene = Scene(allowing(*STEPS, rest=SETPOINT), Slow())
    await _done(scene.ask(ReadHoldingRegisters(100, 2)))
    read = scene.ask(ReadHoldingRegisters(100, 2))
    write = scene.ask(WriteMultipleRegisters(100, floats(5.0)))
    await _done(read)
    await _done(write)
    await _done(scene.ask(WriteMultipleRegisters(100, floats(10.0))))


async def test_after_a_write_that_failed_the_value_is_not_known() -> None:
    slow = Slow()
    scene = Scene(allowing(*STEPS, rest=SETPOINT), slow)
    await _done(scene.ask(ReadHoldingRegisters(100, 2)))
    slow.error = ExceptionResponse(4)
    with pytest.raises(ExceptionResponse):
        await _done(scene.ask(WriteMultipleRegisters(100, floats(5.0))))
    assert scene.refused(WriteMultipleRegisters(100, floats(5.0))) == 1


async def _done(outcome: object) -> None:
    assert isinstance(outcome, Awaitable)
    await outcome
