"""The rounds of what is watched: one request at a time, halved where refused, ended by a silence."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import pytest

from mbap.diagnose.watcher import MOST_REFUSED, REPLANNED, Watcher, short
from mbap.diagnose.watching import retyped, rows_of
from mbap.errors import (
    ConnectFailed,
    ExceptionResponse,
    ModbusError,
    NotAsked,
    OutcomeUnknown,
    ProtocolError,
    ResponseTimeout,
)
from mbap.protocol.pdu import Request
from mbap.protocol.wire import Registers

R = TypeVar("R")


class Asked:
    """Answers with the address of each register; refuses some addresses, or fails altogether."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, int]] = []
        self.refused: set[int] = set()
        self.failure: ModbusError | None = None
        self.now = 0.0

    async def execute(self, request: Request[R], *, deadline: float | None = None) -> R:
        asked: Any = request
        self.requests.append((asked.address, asked.count))
        self.now += 0.25
        if self.failure is not None:
            raise self.failure
        places = range(asked.address, asked.address + asked.count)
        if self.refused & set(places):
            raise ExceptionResponse(2)
        return cast("R", Registers.of(list(places)))


def watching(*items: str) -> tuple[Asked, Watcher]:
    device = Asked()
    return device, Watcher(device, rows_of(items), clock=lambda: device.now)


async def test_a_round_brings_every_value_with_its_time() -> None:
    device, watcher = watching("hr0..2", "hr10")
    await watcher.round()
    assert [one.value for one in watcher.rows] == [0, 1, 2, 10]
    assert [one.latency for one in watcher.rows] == [0.25] * 4
    assert watcher.rows[3].read_at == 0.5
    assert device.requests == [(0, 3), (10, 1)]


async def test_what_a_device_refuses_is_found_once_and_then_left_apart() -> None:
    device, watcher = watching("hr0..7")
    device.refused = {5}
    await watcher.round()
    assert [one.trouble for one in watcher.rows] == ["", "", "", "", "", "exc 02", "", ""]
    device.requests.clear()
    await watcher.round()
    assert device.requests == [(0, 4), (4, 1), (5, 1), (6, 2)]


async def test_a_map_full_of_holes_is_found_out_over_many_rounds_with_few_refusals_in_each() -> None:
    device, watcher = watching("hr0..499")
    device.refused = set(range(100, 500))
    for _ in range(REPLANNED + 5):
        device.requests.clear()
        await watcher.round()
        refused = [one for one in device.requests if device.refused & set(range(one[0], sum(one)))]
        assert len(refused) <= MOST_REFUSED + 4  # which are the reads that were planned
    assert [one.trouble for one in watcher.rows] == [""] * 100 + ["exc 02"] * 400
    assert isinstance(watcher.error, ExceptionResponse)


async def test_each_of_many_that_are_refused_has_its_turn() -> None:
    device, watcher = watching("hr0..99")
    device.refused = set(range(100))
    for _ in range(20):
        await watcher.round()
    device.refused = set()
    for _ in range(2):
        await watcher.round()
    assert {one.trouble for one in watcher.rows} == {""}


async def test_what_was_refused_together_is_tried_together_again_once_a_minute() -> None:
    device, watcher = watching("hr0..7")
    device.refused = {5}
    await watcher.round()
    device.refused = set()
    for _ in range(REPLANNED - 1):
        await watcher.round()
    device.requests.clear()
    await watcher.round()
    assert device.requests == [(0, 8)]


async def test_after_a_silence_the_rest_of_the_round_is_not_asked() -> None:
    device, watcher = watching("hr0", "hr10", "hr20")
    device.failure = ResponseTimeout("no answer")
    await watcher.round()
    assert device.requests == [(0, 1)]
    assert [one.trouble for one in watcher.rows] == ["silent"] * 3
    assert (watcher.requests, watcher.failures) == (1, 1)


async def test_the_round_after_a_silence_asks_for_everything_again() -> None:
    device, watcher = watching("hr0", "hr10")
    device.failure = ConnectFailed("refused")
    await watcher.round()
    device.failure = None
    await watcher.round()
    assert [one.trouble for one in watcher.rows] == ["", ""]
    assert watcher.error is None


async def test_while_a_round_is_on_its_way_the_last_error_is_still_known() -> None:
    device, watcher = watching("hr0")
    device.failure = ResponseTimeout("no answer")
    await watcher.round()
    seen = []
    original = device.execute

    async def execute(request: Request[R], *, deadline: float | None = None) -> R:
        seen.append(watcher.error)
        return await original(request, deadline=deadline)

    device.execute = execute  # type: ignore[method-assign]
    await watcher.round()
    assert seen == [device.failure]


async def test_an_exception_does_not_end_a_round() -> None:
    device, watcher = watching("hr0", "hr10")
    device.refused = {0}
    await watcher.round()
    assert [one.trouble for one in watcher.rows] == ["exc 02", ""]
    assert isinstance(watcher.error, ExceptionResponse)


async def test_another_type_is_planned_for_the_next_round() -> None:
    device, watcher = watching("hr0")
    await watcher.round()
    watcher.rows[0].reread(retyped(watcher.rows[0], "uint32"))
    watcher.plan()
    await watcher.round()
    assert device.requests == [(0, 1), (0, 2)]
    assert watcher.rows[0].value == 1


async def test_a_plan_made_during_a_round_is_not_undone_by_it() -> None:
    device, watcher = watching("hr0", "hr10")
    original = device.execute

    async def execute(request: Request[R], *, deadline: float | None = None) -> R:
        watcher.rows[0].reread(retyped(watcher.rows[0], "uint32"))
        watcher.plan()
        return await original(request, deadline=deadline)

    device.execute = execute  # type: ignore[method-assign]
    await watcher.round()
    assert watcher.rows[0].trouble == ""
    device.execute = original  # type: ignore[method-assign]
    await watcher.round()
    assert watcher.rows[0].value == 1


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ExceptionResponse(11), "exc 0B"),
        (ResponseTimeout("x"), "silent"),
        (NotAsked("x"), "offline"),
        (ConnectFailed("x"), "offline"),
        (ProtocolError("x"), "nonsense"),
        (OutcomeUnknown("x"), "failed"),
    ],
)
def test_an_error_is_a_word_in_a_column(error: ModbusError, word: str) -> None:
    assert short(error) == word
