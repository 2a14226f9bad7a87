"""A survey understands what comes: refusals, silence, gateways, busy devices, connections that end."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mbap
from mbap import Device
from mbap.addresses import Table
from mbap.client.dialogue import carry_out
from mbap.collect.profilefile import parse_profile
from mbap.diagnose.doctor.asking import Asking
from mbap.diagnose.scan.draft import draft
from mbap.diagnose.scan.executing import executing, patiently
from mbap.diagnose.scan.journal import Journal
from mbap.diagnose.scan.survey import DOUBTS, Survey
from mbap.diagnose.scan.walk import Walk, bound
from mbap.errors import (
    ConnectFailed,
    ConnectionLost,
    ExceptionResponse,
    ModbusError,
    ProtocolError,
    ResponseTimeout,
    Target,
)
from mbap.protocol.pdu import Request
from support.doctored import refusing
from support.scripted import Reply, scripted
from support.scripted import Request as Asked

HOLDING = Table.HOLDING_REGISTERS


class Unit:
    """Has *there*, and at any other address *hole* comes of it; *before* are the first outcomes of all."""

    def __init__(
        self, there: Sequence[int], hole: ModbusError | None = None, before: Sequence[ModbusError | None] = ()
    ) -> None:
        self.there, self.hole = set(there), hole or ExceptionResponse(2)
        self.before = list(before)
        self.asked: list[Request[Any]] = []

    def __call__(self, request: Any) -> Any:
        self.asked.append(request)
        if self.before and (error := self.before.pop(0)) is not None:
            raise error
        wanted = range(request.address, request.address + request.count)
        if not self.there.issuperset(wanted):
            raise self.hole
        return mbap.Registers.of(list(wanted))


def silence() -> ResponseTimeout:
    return ResponseTimeout("no answer", Target())


def surveyed(
    execute: Callable[[Request[Any]], Any], last: int = 99, most: int | None = None
) -> tuple[Walk, Survey, ModbusError | None]:
    """What is known then, and the error that ended it."""
    walk = Walk(HOLDING, 0, last)
    survey = Survey([walk], most)
    try:
        carry_out(survey.dialogue(), execute)
    except ModbusError as error:
        return walk, survey, error
    return walk, survey, None


@pytest.mark.parametrize(
    ("hole", "code"), [(silence(), 0), (ExceptionResponse(11), 11), (ExceptionResponse(4), 4)]
)
def test_what_comes_at_missing_addresses_is_kept(hole: ModbusError, code: int) -> None:
    unit = Unit([0, *range(50, 60)], hole, before=[ExceptionResponse(2)])
    walk, _, error = surveyed(unit)
    assert error is None
    assert set(walk.values) == {0, *range(50, 60)}
    assert walk.refused == dict.fromkeys([*range(1, 50), *range(60, 100)], code)


def test_a_unit_that_never_answers_is_left_alone() -> None:
    unit = Unit([], silence())
    walk, _, error = surveyed(unit, 999)
    assert isinstance(error, ResponseTimeout)
    assert len(unit.asked) == DOUBTS
    assert walk.refused == {}


@pytest.mark.parametrize("code", [10, 11])
def test_a_gateway_that_reaches_nobody_is_left_alone(code: int) -> None:
    unit = Unit([], ExceptionResponse(code))
    assert isinstance(surveyed(unit, 999)[2], ExceptionResponse)
    assert len(unit.asked) == DOUBTS


def test_a_device_that_only_closes_connections_is_left_alone() -> None:
    unit = Unit([], ConnectionLost("closed"))
    assert isinstance(surveyed(unit, 999)[2], ConnectionLost)
    assert len(unit.asked) == 2 * DOUBTS


def test_a_gateway_that_says_so_of_the_first_long_read_is_asked_for_less() -> None:
    walk, _, error = surveyed(Unit([0, 1], ExceptionResponse(11)), 9)
    assert (walk.values, error) == ({0: 0, 1: 1}, None)


def test_of_a_unit_that_goes_away_only_is_known_what_was_before() -> None:
    unit = Unit(range(0, 1000, 2), before=[None] * 60 + [silence()] * 1000)
    walk, _, error = surveyed(unit, 999)
    assert isinstance(error, ResponseTimeout)
    assert 0 not in walk.refused.values()
    assert len(unit.asked) == 60 + DOUBTS + 1


@pytest.mark.parametrize("answered", range(8, 40))
def test_of_a_unit_by_pairs_that_goes_away_only_is_known_what_was_before(answered: int) -> None:
    pairs = Unit([0, 1, *range(20, 60)])

    def execute(request: Any) -> Any:
        if len(pairs.asked) >= answered:
            raise silence()
        if request.count % 2 or request.address % 2:
            pairs.asked.append(request)
            raise ExceptionResponse(2)
        return pairs(request)

    walk, _, error = surveyed(execute, 199)
    assert isinstance(error, ResponseTimeout)
    assert 0 not in walk.refused.values()


@pytest.mark.parametrize("code", [5, 6])
def test_who_is_still_busy_after_all_rests_is_left_alone(code: int) -> None:
    unit = Unit(range(100), before=[ExceptionResponse(code)])
    assert isinstance(surveyed(unit)[2], ExceptionResponse)
    assert len(unit.asked) == 1


def test_what_does_not_fit_is_asked_again() -> None:
    error = ProtocolError("odd")
    unit = Unit(range(100), before=[error, error])
    walk, _, ended = surveyed(unit)
    assert (len(walk.values), ended, len(unit.asked)) == (100, None, 3)
    assert surveyed(Unit(range(100), before=[error] * 3))[2] is error


def test_a_connection_that_ends_now_and_then_is_made_anew() -> None:
    unit = Unit(range(0, 100, 2), before=[None, None, ConnectionLost("closed"), None] * 60)
    walk, _, error = surveyed(unit)
    assert error is None
    assert (set(walk.values), set(walk.refused)) == (set(range(0, 100, 2)), set(range(1, 100, 2)))


def test_an_address_that_ends_the_connection_is_one_that_gives_nothing() -> None:
    unit = Unit([*range(40), *range(41, 100)], ConnectionLost("closed"), before=[ExceptionResponse(3)])
    walk, _, error = surveyed(unit)
    assert (walk.refused, error) == ({40: 0}, None)


def test_who_cannot_be_connected_is_asked_once() -> None:
    unit = Unit([], ConnectFailed("refused"))
    assert isinstance(surveyed(unit)[2], ConnectFailed)
    assert len(unit.asked) == 1


def test_a_table_that_is_not_there_is_asked_for_once_and_the_others_are_looked_at() -> None:
    def execute(request: Any) -> Any:
        if request.function_code != 4:
            raise ExceptionResponse(1)
        return mbap.Registers.of([7] * request.count)

    walks = [Walk(table, 0, 99) for table in Table]
    survey = Survey(walks)
    carry_out(survey.dialogue(), execute)
    assert [walk.table for walk in survey.absent] == [
        one for one in Table if one is not Table.INPUT_REGISTERS
    ]
    assert survey.requests == 4


def test_no_more_is_asked_than_was_allowed_and_the_rest_is_unknown() -> None:
    unit = Unit([])
    walk, survey, error = surveyed(unit, 999, most=20)
    assert (len(unit.asked), survey.requests, error) == (20, 20, None)
    assert sum(last - first + 1 for first, last in walk.unknown()) == 1000 - len(walk.refused)


def test_the_share_that_is_done_rises_to_all_of_it() -> None:
    shares: list[float] = []
    survey = Survey([Walk(HOLDING, 0, 999)])
    survey.tell = lambda now: shares.append(now.share)
    carry_out(survey.dialogue(), Unit(range(0, 1000, 3)))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_what_is_ahead_is_known_within_a_tenth_once_long_reads_were_refused() -> None:
    unit = Unit(range(100, 140))
    guesses: list[int] = []
    survey = Survey([Walk(HOLDING, 0, 999)])
    survey.tell = lambda now: guesses.append(now.requests + now.ahead)
    carry_out(survey.dialogue(), unit)
    assert all(0.9 <= guess / len(unit.asked) <= 1.1 for guess in guesses[60:])


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 180), st.integers(1, 60)), max_size=6),
    st.integers(0, 250),
    st.sampled_from([ExceptionResponse(2), silence(), ExceptionResponse(11)]),
)
def test_broken_off_anywhere_it_ends_with_the_same_and_asks_nothing_twice(
    runs: list[tuple[int, int]], broken_off_after: int, hole: ModbusError
) -> None:
    there = [0, *(at for first, length in runs for at in range(first, min(first + length, 200)))]
    whole, _, _ = surveyed(Unit(there, hole, before=[ExceptionResponse(3)]), 199)
    unit, lines = Unit(there, hole, before=[ExceptionResponse(3)]), list[str]()

    def once(request: Request[Any]) -> Any:
        if len(unit.asked) >= broken_off_after:
            raise KeyboardInterrupt
        return Journal([], lines.append).execute(request, unit)

    def again(request: Request[Any]) -> Any:
        return journal.execute(request, unit)

    with suppress(KeyboardInterrupt):
        surveyed(once, 199)
    kept = len(lines)
    before = len(unit.asked)
    journal = Journal([*lines, "0300"], lines.append)
    walk, survey, error = surveyed(again, 199)
    assert error is None
    assert (walk.values, walk.refused) == (whole.values, whole.refused)
    assert len(unit.asked) - before == survey.requests - kept


def asking(url: str) -> Asking:
    return Asking(url, timeout=5.0, pause=0.0, sleep=lambda _: None)


def test_a_device_is_surveyed_and_its_draft_is_a_profile_that_reads_it() -> None:
    walk = Walk(HOLDING, 0, 15)
    with mbap.serving(Device(holding_registers={0: [5, 6, 7], 10: [8]}), "tcp://127.0.0.1:0") as url:
        asked = asking(url)
        carry_out(Survey([walk]).dialogue(), executing(asked, 1))
        asked.close()
    assert walk.values == {0: 5, 1: 6, 2: 7, 10: 8}
    profile = parse_profile(draft(walk, 'A "pump"', "tcp://plc"), "draft")
    assert [point.address for point in profile.points] == [0, 1, 2, 10]
    assert profile.forbidden == ((HOLDING, 3, 9), (HOLDING, 11, 15))


def whole_numbers_only(first: int, last: int) -> Callable[[Asked], Reply]:
    """A device that gives numbers of two registers from *first* on whole, and refuses halves of them."""

    def answer(request: Asked) -> Reply:
        address, count = struct.unpack(">HH", request.pdu[1:5])
        inside = first <= address <= address + count - 1 <= last
        return Reply() if inside and (address - first) % 2 == count % 2 == 0 else refusing(2)

    return answer


@pytest.mark.parametrize("first", [233, 234])
def test_a_scripted_device_of_whole_numbers_at_no_round_address_is_found(first: int) -> None:
    walk = Walk(HOLDING, 0, 399)
    with scripted(whole_numbers_only(first, first + 11)) as server:
        asked = asking(server.url)
        survey = Survey([walk])
        carry_out(survey.dialogue(), executing(asked, 1))
        asked.close()
    assert sorted(walk.values) == list(range(first, first + 12))
    assert survey.requests <= bound(400, [12], alone=False)


def test_bits_are_surveyed_too() -> None:
    walk = Walk(Table.COILS, 0, 20)
    with mbap.serving(Device(coils=[True, False, True]), "tcp://127.0.0.1:0") as url:
        asked = asking(url)
        carry_out(Survey([walk]).dialogue(), executing(asked, 1))
        asked.close()
    assert walk.values == {0: 1, 1: 0, 2: 1}
    assert parse_profile(draft(walk, "Bits", "plc"), "draft").points[0].encoding is None


def test_a_draft_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing could be read"):
        draft(Walk(HOLDING, 0, 1), "x", "y")


def test_a_busy_device_is_given_longer_rests() -> None:
    rested: list[float] = []
    with scripted(refusing(6)) as server:
        asked = asking(server.url)
        execute = patiently(executing(asked, 1), sleep=rested.append)
        with pytest.raises(ExceptionResponse, match="06"):
            carry_out(Survey([Walk(HOLDING, 0, 9)]).dialogue(), execute)
        asked.close()
    assert rested == [1.0, 2.0, 4.0]
