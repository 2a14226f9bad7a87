from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.collect.counters import quality_of
from mbap.collect.layout import HOLE_REST, PROBES, Layout, Turn
from mbap.collect.plan import Block
from mbap.collect.plans import Plans
from mbap.collect.readings import Quality
from mbap.collect.registermap import Point
from mbap.errors import (
    ConnectFailed,
    IllegalDataAddress,
    ModbusError,
    ProtocolError,
    ResponseTimeout,
    ServerDeviceFailure,
)
from support import meters


def layout_of(points: Sequence[Point]) -> Layout:
    ((_, layout),) = Plans().layouts(meters.device(points=points))
    return layout


def names(blocks: Sequence[Block]) -> list[str]:
    return [name for block in blocks for name in block.names]


class Played:
    """One turn against a device that has all addresses but *holes*."""

    def __init__(self, turn: Turn, holes: set[int]) -> None:
        self.asked: list[tuple[int, int]] = []
        self.good: list[str] = []
        self.lost: list[str] = []
        while (block := turn.next()) is not None:
            self.asked.append((block.address, block.count))
            if holes.intersection(range(block.address, block.address + block.count)):
                error = IllegalDataAddress()
                self.lost += names(turn.failed(block, error, quality_of(error)))
            else:
                turn.answered(block)
                self.good += block.names


def fail(turn: Turn, error: ModbusError) -> Sequence[Block]:
    block = turn.next()
    assert block is not None
    return turn.failed(block, error, quality_of(error))


def test_a_turn_asks_for_every_block_in_order() -> None:
    played = Played(layout_of(meters.apart(3)).begin(0.0), set())
    assert played.asked == [(0, 1), (200, 1), (400, 1)]


def test_a_turn_that_only_met_silence_says_so() -> None:
    turn = layout_of(meters.apart(1)).begin(0.0)
    error = ResponseTimeout("late")
    fail(turn, error)
    assert turn.silence is error


def test_one_answer_is_no_silence() -> None:
    turn = layout_of(meters.apart(2)).begin(0.0)
    fail(turn, ResponseTimeout("late"))
    block = turn.next()
    assert block is not None
    turn.answered(block)
    assert turn.silence is None


def test_silence_after_an_answer_is_no_silence() -> None:
    turn = layout_of(meters.apart(2)).begin(0.0)
    block = turn.next()
    assert block is not None
    turn.answered(block)
    fail(turn, ResponseTimeout("late"))
    assert turn.silence is None


def test_two_silences_in_a_row_end_the_turn_and_all_the_rest_is_lost() -> None:
    turn = layout_of(meters.apart(4)).begin(0.0)
    assert names(fail(turn, ResponseTimeout("late"))) == ["r0"]
    assert names(fail(turn, ResponseTimeout("late"))) == ["r200", "r400", "r600"]
    assert turn.next() is None


def test_rubbish_twice_in_a_row_ends_the_turn_but_is_no_silence() -> None:
    turn = layout_of(meters.apart(4)).begin(0.0)
    fail(turn, ProtocolError("rubbish"))
    assert names(fail(turn, ProtocolError("rubbish"))) == ["r200", "r400", "r600"]
    assert turn.silence is None


def test_without_a_connection_nothing_more_is_asked() -> None:
    turn = layout_of(meters.apart(4)).begin(0.0)
    assert len(fail(turn, ConnectFailed("refused"))) == 4
    assert turn.next() is None


def test_a_refusal_with_another_code_is_not_halved() -> None:
    layout = layout_of(meters.registers(10))
    assert len(names(fail(layout.begin(0.0), ServerDeviceFailure()))) == 10
    assert layout.blocks == layout.planned


def test_a_refused_point_alone_becomes_a_hole() -> None:
    layout = layout_of(meters.apart(2))
    Played(layout.begin(0.0), {200})
    turn = layout.begin(1.0)
    assert [(hole.block.names, hole.quality) for hole in turn.resting] == [(("r200",), Quality.exception(2))]
    assert Played(turn, {200}).asked == [(0, 1)]


def test_a_hole_is_asked_again_after_its_rest() -> None:
    layout = layout_of(meters.apart(2))
    Played(layout.begin(0.0), {200})
    played = Played(layout.begin(HOLE_REST), {200})
    assert played.asked == [(0, 1), (200, 1)]
    assert played.lost == ["r200"]


def test_a_hole_that_still_refuses_rests_again() -> None:
    layout = layout_of(meters.apart(2))
    Played(layout.begin(0.0), {200})
    Played(layout.begin(HOLE_REST), {200})
    assert Played(layout.begin(HOLE_REST + 1), {200}).asked == [(0, 1)]
    assert len(layout.holes) == 1


def test_one_hole_a_turn_is_asked_again() -> None:
    layout = layout_of(meters.apart(5))
    every = {0, 200, 400, 600, 800}
    Played(layout.begin(0.0), every)
    assert len(Played(layout.begin(HOLE_REST), every).asked) == 1


def test_a_hole_that_answers_brings_the_plan_back() -> None:
    layout = layout_of(meters.registers(16))
    for n in range(5):
        Played(layout.begin(float(n)), {3})
    assert layout.blocks != layout.planned
    Played(layout.begin(HOLE_REST + 10), set())
    assert layout.blocks == layout.planned
    assert layout.holes == ()


@settings(deadline=None)
@given(st.sets(st.integers(0, 63), max_size=10))
def test_in_the_end_exactly_the_holes_are_missing(holes: set[int]) -> None:
    layout = layout_of(meters.registers(64))
    for n in range(64):
        Played(layout.begin(float(n)), holes)
    turn = layout.begin(100.0)
    resting = {hole.block.address for hole in turn.resting}
    played = Played(turn, holes)
    assert resting == holes
    assert played.lost == []
    assert sorted(played.good) == sorted(f"r{n}" for n in range(64) if n not in holes)


@settings(deadline=None)
@given(st.sets(st.integers(0, 63)))
def test_every_turn_accounts_for_every_point_and_is_bounded(holes: set[int]) -> None:
    layout = layout_of(meters.registers(64))
    for n in range(12):
        turn = layout.begin(float(n))
        before = len(layout.blocks)
        resting = [hole.block.names[0] for hole in turn.resting]
        played = Played(turn, holes)
        assert sorted(played.good + played.lost + resting) == sorted(f"r{n}" for n in range(64))
        assert len(played.asked) <= before + PROBES + 1
