"""Rates of a firewall's rules: how many requests pass, and who shares them."""

from __future__ import annotations

import pytest

from mbap.errors import ExceptionResponse
from mbap.protocol.pdu import ReadWriteMultipleRegisters, WriteSingleRegister
from mbap.security.firewall import Firewall
from mbap.security.policy import Moment
from mbap.server.device import Device
from mbap.server.handler import Call, Peer
from support.firewalls import READ, Scene
from support.policies import HMI, allowing


def test_too_many_requests_are_answered_with_exception_06() -> None:
    scene = Scene(allowing('rate = { requests = "2/s", burst = 3 }'))
    for _ in range(3):
        scene.ask(READ)
    assert scene.refused(READ) == 6
    scene.seconds = 0.5
    scene.ask(READ)
    assert scene.refused(READ) == 6
    assert scene.firewall.statistics().rate_limited == 2


def test_a_rate_of_writes_leaves_reads_alone() -> None:
    scene = Scene(allowing('rate = { writes = "1/min" }'))
    scene.ask(WriteSingleRegister(0, 1))
    assert scene.refused(WriteSingleRegister(0, 1)) == 6
    assert scene.refused(ReadWriteMultipleRegisters(0, 1, 0, (1,))) == 6
    assert scene.ask(READ) == [1, 8]


@pytest.mark.parametrize(
    ("per", "other_unit", "other_client"),
    [("unit", True, True), ("client", False, True), ("rule", False, False)],
)
def test_a_rate_is_shared_as_the_rule_says(per: str, other_unit: bool, other_client: bool) -> None:
    def passes(unit: int, peer: Peer) -> bool:
        scene = Scene(allowing(f'rate = {{ requests = "1/h", per = "{per}" }}'))
        scene.ask(READ)
        try:
            scene.ask(READ, unit, peer)
        except ExceptionResponse as error:
            return error.code != 6
        return True

    assert passes(2, HMI) is other_unit
    assert passes(1, Peer("10.1.0.8")) is other_client


def test_h156_a_clock_that_jumps_gives_no_more_requests() -> None:
    now = [Moment(0.0, 10**15)]
    firewall = Firewall(
        allowing('rate = { requests = "1/h" }'), Device(holding_registers=[1, 2]), clock=lambda: now[0]
    )
    call = Call(READ, 1, HMI)
    firewall.handle(call)
    for wall in (10**15 + 10**12, 0, 10**16):
        now[0] = Moment(1.0, wall)
        with pytest.raises(ExceptionResponse) as caught:
            firewall.handle(call)
        assert caught.value.code == 6


def test_h156_a_monotonic_clock_that_goes_back_takes_nothing() -> None:
    scene = Scene(allowing('rate = { requests = "1/s" }'))
    scene.seconds = 100.0
    scene.ask(READ)
    scene.seconds = 50.0
    assert scene.refused(READ) == 6
