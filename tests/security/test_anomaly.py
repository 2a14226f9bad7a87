"""security.anomaly: what is learned, and what is told then."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from mbap.security.anomaly import MOST_PLACES, Anomaly, AnomalyOptions
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


def test_the_same_again_is_one_alert_and_counted() -> None:
    watched = Watched(READ)
    for _ in range(5):
        watched.saw(WRITE)
    assert watched.kinds == ["function"]
    assert [one.count for one in watched.alerts.items()] == [5]


def test_reads_of_new_addresses_are_one_alert_and_each_place_that_is_written_has_its_own() -> None:
    watched = Watched(READ, WRITE)
    for address in range(200, 205):
        watched.saw(ReadHoldingRegisters(address, 1))
    assert [one.seen for one in watched.alerts.items()] == ["200, 201, 202, 203, 204"]
    for address in range(300, 303):
        watched.saw(WriteSingleRegister(address, 1))
    assert watched.kinds == ["address"] * 4


def test_after_many_places_the_others_are_one_alert() -> None:
    watched = Watched(READ, WRITE)
    for address in range(1_000, 2_000):
        watched.saw(WriteSingleRegister(address, 1))
        watched.clock.now += 1
    assert watched.kinds == ["address"] * MOST_PLACES + ["addresses"]
    assert watched.alerts.items()[-1].count == 1_000 - MOST_PLACES


def test_what_is_accepted_is_usual_from_then_on() -> None:
    watched = Watched(READ, WRITE)
    news: list[tuple[Request[Any], dict[str, Any]]] = [
        (ReadHoldingRegisters(50, 2), {}),
        (WriteSingleRegister(101, 50), {}),
        (WriteSingleRegister(100, 90), {}),
        (WriteSingleCoil(1, True), {}),
        (READ, {"exception": 4}),
        (READ, {"unit": 9}),
        (READ, {"client": "10.0.0.9"}),
    ]
    for request, how in news:
        watched.saw(request, **how)
    assert len(watched.told) == len(news)
    while new := [one for one in watched.alerts.items() if not one.accepted]:
        for alert in new:
            watched.alerts.accept(alert.key)
            for fact in alert.facts:
                watched.anomaly.learn(fact)
        for request, how in news:
            watched.saw(request, **how)
    told = len(watched.told)
    for request, how in news:
        watched.saw(request, **how)
    assert len(watched.told) == told


@pytest.mark.parametrize(
    "fact", [[], ["nothing"], ["pair"], ["unit", "a", "b"], ["pair", "a", "b", "c", 1, 2]]
)
def test_a_fact_that_somebody_spoilt_is_left_alone(fact: list[str | int]) -> None:
    watched = Watched(READ)
    watched.anomaly.learn(fact)
    watched.saw(READ)
    assert watched.told == []


def test_more_requests_than_ever_are_told_and_the_wall_clock_does_not_matter() -> None:
    watched = Watched(*[READ] * 15)
    for number in range(31):
        watched.anomaly.saw(exchange(READ, time=-number * HOUR))
    assert watched.kinds == ["rate"]
    assert (
        "sent 31 requests to plc1 within 10 s; the most was 15, and the limit is 30" in watched.told[0].text
    )


def test_a_request_that_comes_twice_as_often_is_told() -> None:
    watched = Watched()
    for _ in range(20):
        watched.saw(READ)
        watched.clock.now += 2
    watched.clock.now += HOUR
    for _ in range(20):
        watched.saw(READ)
        watched.clock.now += 2
    assert watched.told == []
    for _ in range(30):
        watched.saw(READ)
        watched.clock.now += 1
    assert watched.kinds == ["period"]
    assert "its period is 2.000 s" in watched.told[0].text


def test_what_it_learned_and_how_long_survives_a_restart() -> None:
    watched, after = Watched(READ, WRITE), Watched()
    after.anomaly.restore(json.loads(json.dumps(watched.anomaly.as_json())))
    after.saw(READ)
    after.saw(WRITE)
    assert after.told == []
    after.saw(WriteSingleRegister(100, 90))
    assert after.kinds == ["value"]


def test_a_period_that_was_learned_is_still_known_after_a_restart() -> None:
    watched, after = Watched(), Watched()
    watched.clock.now -= HOUR
    for _ in range(20):
        watched.saw(READ)
        watched.clock.now += 2
    after.anomaly.restore(json.loads(json.dumps({**watched.anomaly.as_json(), "learned": HOUR})))
    for _ in range(30):
        after.saw(READ)
        after.clock.now += 1
    assert after.kinds == ["period"]


def test_the_time_to_learn_goes_on_after_a_restart_where_it_stood() -> None:
    options = AnomalyOptions(learn_for=HOUR)
    clock = HandClock()
    first = Anomaly(Alerts(), options, clock)
    first.saw(exchange(READ))
    clock.now += HOUR - 10
    second = Anomaly(Alerts(), options, clock)
    second.restore(first.as_json())
    clock.now += 5 * HOUR  # it was not running
    second.saw(exchange(READ))
    clock.now += 9
    assert second.learning
    clock.now += 2
    assert not second.learning


def test_a_longer_time_to_learn_than_before_is_taken_up() -> None:
    watched = Watched(READ)
    longer = Anomaly(Alerts(), AnomalyOptions(learn_for=3 * HOUR), watched.clock)
    longer.restore(watched.anomaly.as_json())
    assert longer.learning


def test_after_learning_again_a_restart_does_not_learn_once_more() -> None:
    watched = Watched(READ)
    watched.anomaly.learn_again(60)
    watched.saw(READ)
    watched.clock.now += 61
    after = Anomaly(Alerts(), AnomalyOptions(HOUR), watched.clock)
    after.restore(watched.anomaly.as_json())
    assert not after.learning


def test_learning_again_for_a_moment_does_not_end_the_learning_that_goes_on() -> None:
    watched = Watched(READ)
    watched.clock.now -= HOUR - 100
    watched.anomaly.learn_again(60)
    watched.saw(READ)
    watched.clock.now += HOUR - 200
    assert watched.anomaly.learning


def test_it_can_learn_again_besides_what_is_known() -> None:
    watched = Watched(READ)
    watched.anomaly.learn_again(HOUR)
    watched.saw(WRITE)
    watched.clock.now += HOUR
    watched.saw(WRITE)
    watched.saw(READ)
    assert watched.told == []


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"pairs": 1},
        {"pairs": [{}]},
        {"learned": "x"},
        {"periods": {"a": [1]}},
        {"written": [{"server": "a", "unit": 1, "registers": [], "on": [[float("inf"), 1]], "off": []}]},
        {"written": [{"server": "a", "unit": 1, "registers": [], "on": [[5, 3]], "off": []}]},
    ],
)
def test_what_was_kept_and_is_damaged_is_refused(change: dict[str, object]) -> None:
    watched = Watched(READ)
    with pytest.raises(ValueError, match="what was learned is"):
        Anomaly(Alerts()).restore({**watched.anomaly.as_json(), **change})


def size_of(baseline: dict[str, Any]) -> int:
    """How many things there are in it, however they are nested."""
    if isinstance(baseline, dict):
        return sum(1 + size_of(one) for one in baseline.values())
    return sum(1 + size_of(one) for one in baseline) if isinstance(baseline, list) else 0


requests = st.builds(
    lambda client, server, unit, request, exception: exchange(
        request, client=str(client), server=str(server), unit=unit, exception=exception
    ),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 255),
    st.builds(WriteSingleRegister, st.integers(0, 65_535), st.integers(0, 65_535))
    | st.builds(ReadHoldingRegisters, st.integers(0, 65_000), st.integers(1, 125))
    | st.builds(WriteSingleCoil, st.integers(0, 65_535), st.booleans()),
    st.none() | st.integers(1, 11),
)


@given(st.lists(requests, max_size=200), st.integers(5, 40))
def test_whatever_comes_no_more_is_kept_than_may_be(exchanges: list[Any], most: int) -> None:
    clock, alerts = HandClock(), Alerts(most=20)
    anomaly = Anomaly(alerts, AnomalyOptions(HOUR, entries=most, periods=10), clock)
    for one in exchanges:
        anomaly.saw(one)
    kept = anomaly.as_json()
    assert size_of({"pairs": kept["pairs"], "written": kept["written"]}) <= 12 * most
    assert len(anomaly.as_json()["periods"]) <= 10  # type: ignore[arg-type]
    clock.now += HOUR
    for one in exchanges:
        anomaly.saw(one)
    assert len(alerts.items()) <= 21
    assert anomaly.as_json()["pairs"] == kept["pairs"]


def test_a_million_keys_are_counted_and_told_once() -> None:
    """H155, with less of them: the table is full after forty."""
    watched = Watched(options=AnomalyOptions(HOUR, entries=40, periods=40))
    for number in range(2_000):
        watched.clock.now = 1_000.0
        watched.saw(ReadHoldingRegisters(number, 1), client=f"10.0.{number // 256}.{number % 256}")
    assert watched.kinds == ["overflow"]
    assert "somebody may be scanning it" in watched.told[0].text
    metrics = watched.anomaly.metrics()
    assert metrics["anomaly_overflow"].value > 1_900
    assert metrics["anomaly_entries"].value <= 44
