from __future__ import annotations

import pytest

from mbap.collect.counters import POINTS, RECENT, Counters, Recent, is_silence, quality_of
from mbap.collect.readings import Quality
from mbap.errors import (
    ConnectFailed,
    ConnectionLost,
    ExceptionResponse,
    GatewayPathUnavailable,
    GatewayTargetFailedToRespond,
    IllegalDataAddress,
    ModbusError,
    NotAsked,
    ProtocolError,
    ResponseTimeout,
    ServerDeviceBusy,
)

QUALITIES: list[tuple[ModbusError, Quality]] = [
    (ResponseTimeout("late"), Quality.TIMEOUT),
    (NotAsked("left alone"), Quality.TIMEOUT),
    (ConnectionLost("reset"), Quality.CONNECTION),
    (ConnectFailed("refused"), Quality.CONNECTION),
    (ProtocolError("rubbish"), Quality.PROTOCOL),
    (IllegalDataAddress(), Quality.exception(2)),
    (ExceptionResponse(0x55), Quality.exception(0x55)),
]


@pytest.mark.parametrize(("error", "quality"), QUALITIES)
def test_every_error_has_its_quality(error: ModbusError, quality: Quality) -> None:
    assert quality_of(error) == quality


@pytest.mark.parametrize(
    "error",
    [
        ResponseTimeout("late"),
        NotAsked("left alone"),
        ConnectFailed("refused"),
        GatewayPathUnavailable(),
        GatewayTargetFailedToRespond(),
    ],
)
def test_nobody_there_is_silence(error: ModbusError) -> None:
    assert is_silence(error)


@pytest.mark.parametrize("error", [ServerDeviceBusy(), IllegalDataAddress(), ProtocolError("rubbish")])
def test_a_refusal_and_rubbish_are_not_silence(error: ModbusError) -> None:
    assert not is_silence(error)


def test_quantiles_of_nothing_are_none() -> None:
    assert Recent().quantile_ms(0.5) is None


def test_quantiles_are_in_milliseconds() -> None:
    recent = Recent(100)
    for n in range(1, 101):
        recent.record(n / 1000)
    assert recent.quantile_ms(0.5) == pytest.approx(51)
    assert recent.quantile_ms(0.99) == pytest.approx(100)
    assert recent.quantile_ms(1.0) == pytest.approx(100)


def test_only_the_recent_past_counts() -> None:
    recent = Recent(10)
    for seconds in [9.0] * 10 + [1.0] * 10:
        recent.record(seconds)
    assert recent.quantile_ms(0.99) == 1000


def test_a_new_duration_shows_in_the_quantiles() -> None:
    recent = Recent()
    recent.record(1.0)
    recent.quantile_ms(0.5)
    recent.record(3.0)
    assert recent.quantile_ms(0.99) == 3000


def test_a_request_that_was_not_made_is_counted_apart() -> None:
    counters = Counters()
    counters.failed(NotAsked("left alone"))
    assert (counters.requests, counters.not_asked, counters.timeouts) == (0, 1, 0)


def test_a_refusal_leaves_the_device_degraded_and_not_failing() -> None:
    counters = Counters()
    for _ in range(10):
        counters.failed(IllegalDataAddress())
    assert counters.state == "degraded"


def test_one_silence_of_the_only_request_is_failing() -> None:
    counters = Counters()
    counters.failed(ResponseTimeout("late"))
    assert counters.state == "failing"


@pytest.mark.parametrize(("answers", "state"), [(1, "degraded"), (15, "degraded"), (16, "ok")])
def test_a_fault_is_forgotten_after_enough_answers(answers: int, state: str) -> None:
    counters = Counters()
    counters.failed(ResponseTimeout("late"))
    for _ in range(answers):
        counters.answered(0.01, 1)
    assert counters.state == state


def test_the_published_values_are_in_the_order_of_their_names() -> None:
    counters = Counters()
    counters.answered(0.02, 5)
    counters.failed(IllegalDataAddress())
    counters.failed(ResponseTimeout("late"))
    counters.lateness.record(0.5)
    values = dict(zip(POINTS, counters.values(reconnects=4, overruns=7), strict=True))
    assert values == {
        "comm_requests": 3,
        "comm_timeouts": 1,
        "comm_exceptions": 1,
        "comm_errors": 2,
        "comm_reconnects": 4,
        "comm_latency_p50_ms": 20.0,
        "comm_latency_p99_ms": 20.0,
        "comm_lateness_ms": 500.0,
        "comm_overruns": 7,
    }


def test_memory_for_durations_is_bounded() -> None:
    recent = Recent()
    for _ in range(RECENT * 3):
        recent.record(1.0)
    assert len(recent) == RECENT


def test_a_device_that_gave_values_a_moment_ago_is_in_no_trouble() -> None:
    counters = Counters()
    counters.answered(0.01, 3)
    for _ in range(3):
        counters.failed(IllegalDataAddress())
    assert counters.trouble is None


def test_silence_is_trouble_and_an_answer_ends_it() -> None:
    counters = Counters()
    counters.answered(0.01, 3)
    for _ in range(3):
        counters.failed(ResponseTimeout("no answer"))
    assert counters.trouble == Quality.TIMEOUT
    counters.answered(0.01, 3)
    assert counters.trouble is None


def test_refusing_everything_from_the_start_is_trouble() -> None:
    counters = Counters()
    for _ in range(3):
        counters.failed(IllegalDataAddress())
    assert counters.trouble == Quality.exception(2)


def test_a_request_that_was_not_made_has_the_quality_of_what_others_met() -> None:
    counters = Counters()
    refusal = NotAsked("not asked")
    refusal.__cause__ = ConnectFailed("refused")
    assert counters.failed(refusal) == Quality.CONNECTION
