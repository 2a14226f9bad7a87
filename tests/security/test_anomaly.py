"""security.anomaly: what is learned, and what is told then."""

from __future__ import annotations

from typing import Any

import pytest

from mbap.protocol.pdu import (
    Diagnostics,
    EncapsulatedInterface,
    MaskWriteRegister,
    ReadHoldingRegisters,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.security.alerts import Alert, Alerts
from mbap.security.anomaly import Anomaly, AnomalyOptions
from support.hand_clock import HandClock
from support.watching import CLIENT, exchange

HOUR = 3_600.0


class Watched:
    """An anomaly detection that has learned *usual* for an hour, and what it tells."""

    def __init__(self, *usual: Request[Any], options: AnomalyOptions | None = None) -> None:
        self.clock = HandClock()
        self.told: list[Alert] = []
        self.alerts = Alerts(self.told.append)
        self.anomaly = Anomaly(self.alerts, options or AnomalyOptions(learn_for=HOUR), self.clock)
        for request in usual:
            self.saw(request)
        self.clock.now += HOUR

    def saw(
        self, request: Request[Any], *, client: str = CLIENT, unit: int = 1, exception: int | None = None
    ) -> None:
        self.anomaly.saw(
            exchange(request, client=client, unit=unit, exception=exception, time=self.clock.now)
        )

    @property
    def kinds(self) -> list[str]:
        return [alert.kind for alert in self.told]


READ = ReadHoldingRegisters(0, 10)
WRITE = WriteSingleRegister(100, 50)


def test_what_was_learned_is_not_told() -> None:
    watched = Watched(READ, WRITE)
    watched.saw(READ)
    watched.saw(WRITE)
    watched.saw(ReadHoldingRegisters(3, 2))
    assert watched.told == []


def test_nothing_is_told_while_it_learns() -> None:
    watched = Watched(READ)
    watched.clock.now -= 1
    watched.saw(WRITE)
    assert watched.told == []
    assert watched.anomaly.learning


@pytest.mark.parametrize(
    ("request_", "client", "unit", "exception", "kind", "said"),
    [
        (
            READ,
            "10.0.0.9",
            1,
            None,
            "pair",
            "10.0.0.9 talks to plc1 for the first time; its clients are 10.0.0.5",
        ),
        (READ, CLIENT, 7, None, "unit", "asks unit 7 of plc1 for the first time; its units are 1"),
        (WriteSingleCoil(0, True), CLIENT, 1, None, "function", "function 5 (write single coil)"),
        (Diagnostics(1, b"\0\0"), CLIENT, 1, None, "function", "function 8/1 (diagnostics)"),
        (EncapsulatedInterface(13, b""), CLIENT, 1, None, "function", "function 43/13"),
        (
            ReadHoldingRegisters(9, 2),
            CLIENT,
            1,
            None,
            "address",
            "reads holding registers 9 to 10 (references 40010 to 40011) of unit 1 of plc1 with function 3;"
            " known: 0-9",
        ),
        (WriteSingleRegister(101, 50), CLIENT, 1, None, "address", "writes holding register 101"),
        (READ, CLIENT, 1, 2, "exception", "with exception 02 for the first time; known exceptions: none"),
        (WriteSingleRegister(100, 56), CLIENT, 1, None, "value", "writes 56 to holding register 100"),
    ],
)
def test_what_is_new_is_told_with_what_is_known(
    request_: Request[Any], client: str, unit: int, exception: int | None, kind: str, said: str
) -> None:
    watched = Watched(READ, WRITE)
    watched.saw(request_, client=client, unit=unit, exception=exception)
    assert watched.kinds == [kind]
    assert said in watched.told[0].text


def test_values_have_a_margin_of_a_tenth() -> None:
    watched = Watched(WriteSingleRegister(100, 0), WriteMultipleRegisters(100, [50, 7]))
    watched.saw(WriteMultipleRegisters(100, [55, 7]))
    assert watched.kinds == []
    watched.saw(WriteMultipleRegisters(100, [56, 7]))
    assert watched.kinds == ["value"]


def test_a_coil_that_was_only_switched_on_is_told_when_it_is_switched_off() -> None:
    watched = Watched(WriteMultipleCoils(0, [True, False, True]))
    watched.saw(WriteMultipleCoils(0, [True, False, True]))
    assert watched.told == []
    watched.saw(WriteMultipleCoils(0, [True, True, True]))
    assert [one.text for one in watched.told] == [
        "10.0.0.5 writes coil 1 (reference 00002) of unit 1 of plc1 on; written before: off"
    ]


def test_a_mask_counts_as_a_write_of_its_register() -> None:
    watched = Watched(MaskWriteRegister(5, 0xFF, 1))
    watched.saw(MaskWriteRegister(5, 0xF0, 2))
    assert watched.told == []
    watched.saw(MaskWriteRegister(6, 0xFF, 1))
    assert watched.kinds == ["address"]
