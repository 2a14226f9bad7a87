"""Units: each unit's requests go to its handler, and others get what was chosen for them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mbap.errors import GatewayPathUnavailable, GatewayTargetFailedToRespond, NoAnswer
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.server.device import Device
from mbap.server.handler import Call, Peer, Units


def read(handler: Units, unit: int) -> Sequence[int]:
    answer = handler.handle(Call(ReadHoldingRegisters(0, 1), unit, Peer()))
    assert isinstance(answer, Sequence)
    return answer


def device(value: int) -> Device:
    return Device(holding_registers=[value])


def test_each_unit_has_its_own_handler() -> None:
    units = Units({1: device(11), 255: device(22)})
    assert [read(units, 1), read(units, 255)] == [[11], [22]]


def test_another_unit_is_answered_with_0b() -> None:
    with pytest.raises(GatewayTargetFailedToRespond):
        read(Units({1: device(11)}), 2)


def test_another_unit_can_be_answered_with_0a() -> None:
    with pytest.raises(GatewayPathUnavailable):
        read(Units({1: device(11)}, unknown=0x0A), 2)


def test_another_unit_can_be_left_in_silence() -> None:
    with pytest.raises(NoAnswer):
        read(Units({1: device(11)}, unknown=None), 2)


def test_another_unit_can_have_a_handler_that_answers_for_all() -> None:
    assert read(Units({1: device(11)}, unknown=device(33)), 2) == [33]


@pytest.mark.parametrize("unit", [-1, 256, "1"])
def test_what_is_not_a_unit_is_refused(unit: int) -> None:
    with pytest.raises(ValueError, match="a unit is 0 to 255"):
        Units({unit: device(1)})


def test_what_is_not_an_exception_code_is_refused() -> None:
    with pytest.raises(ValueError, match="an exception code is 1 to 255"):
        Units({1: device(1)}, unknown=0)
