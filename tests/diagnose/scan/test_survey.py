"""A survey finds exactly what can be read, whatever a device refuses, and goes on where it was left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mbap
from mbap import Device
from mbap.addresses import Table
from mbap.collect.profilefile import parse_profile
from mbap.diagnose.doctor.asking import Asking
from mbap.diagnose.scan.draft import draft
from mbap.diagnose.scan.registers import load, save, survey
from mbap.diagnose.scan.survey import SILENCES, Survey, hole_runs, runs
from mbap.errors import IllegalFunction, ResponseTimeout
from support.doctored import refusing
from support.scripted import Reply, Request, Silence, scripted

HOLDING = Table.HOLDING_REGISTERS


def carried_out(found: Survey, defined: set[int], limit: int, most: int = 100_000) -> Survey:
    """*found*, on a device that has *defined* and gives no more than *limit* at once."""
    for _ in range(most):
        wanted = found.next()
        if wanted is None:
            return found
        address, count = wanted
        if count > limit:
            found.refused(address, count, 3)
        elif set(range(address, address + count)) <= defined:
            found.read(address, list(range(address, address + count)))
        else:
            found.refused(address, count, 2)
    return found


@given(st.sets(st.integers(0, 299)), st.integers(1, 125))
def test_it_finds_what_is_there_and_nothing_else(defined: set[int], limit: int) -> None:
    found = carried_out(Survey.of(HOLDING, 0, 299, 125), defined, limit)
    assert set(found.values) == defined
    assert set(found.holes) == set(range(300)) - defined
    assert found.done == 1


@given(st.sets(st.integers(0, 199)), st.integers(1, 60))
def test_it_goes_on_where_it_was_left(defined: set[int], asked_before: int) -> None:
    begun = carried_out(Survey.of(HOLDING, 0, 199, 125), defined, 125, asked_before)
    found = carried_out(Survey.from_json(json.loads(json.dumps(begun.as_json()))), defined, 125)
    assert set(found.values) == defined
    assert found.requests == carried_out(Survey.of(HOLDING, 0, 199, 125), defined, 125).requests


@given(st.sets(st.integers(0, 500)))
def test_runs_are_what_they_are_made_of(addresses: set[int]) -> None:
    found = dict.fromkeys(addresses, 2)
    assert {start + at for start, length in runs(found) for at in range(length)} == addresses
    assert sum(length for _, length, _ in hole_runs(found)) == len(addresses)


def test_a_limit_of_the_device_is_learnt_and_not_taken_for_holes() -> None:
    found = carried_out(Survey.of(HOLDING, 0, 499, 125), set(range(500)), 60)
    assert len(found.values) == 500
    assert found.largest == 31
    assert found.requests < 25


def test_a_part_that_is_small_enough_is_not_divided() -> None:
    found = carried_out(Survey.of(HOLDING, 0, 999, 125, smallest=10), set(range(500)), 125)
    exact = carried_out(Survey.of(HOLDING, 0, 999, 125), set(range(500)), 125)
    assert found.requests < exact.requests / 4


@contextmanager
def asking(url: str) -> Iterator[Asking]:
    """Asks without a rest, and closes."""
    made = Asking(url, timeout=0.1, pause=0.0, sleep=lambda _: None)
    yield made
    made.close()


def test_a_device_is_surveyed_and_its_draft_is_a_profile_that_reads_it() -> None:
    device = Device(holding_registers={0: [5, 6, 7], 10: [8]})
    found = Survey.of(HOLDING, 0, 15, 125)
    with mbap.serving(device, "tcp://127.0.0.1:0") as url, asking(url) as ask:
        assert survey(ask, 1, found) is None
    assert found.values == {0: 5, 1: 6, 2: 7, 10: 8}
    profile = parse_profile(draft(found, 'A "pump"', "tcp://plc"), "draft")
    assert [point.address for point in profile.points] == [0, 1, 2, 10]
    assert profile.forbidden == ((HOLDING, 3, 9), (HOLDING, 11, 15))


def test_bits_are_surveyed_too() -> None:
    found = Survey.of(Table.COILS, 0, 20, 2000)
    with mbap.serving(Device(coils=[True, False, True]), "tcp://127.0.0.1:0") as url, asking(url) as ask:
        survey(ask, 1, found)
    assert found.values == {0: 1, 1: 0, 2: 1}
    assert parse_profile(draft(found, "Bits", "plc"), "draft").points[0].encoding is None


def test_a_draft_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing could be read"):
        draft(Survey.of(HOLDING, 0, 1, 125), "x", "y")


def test_a_table_that_does_not_exist_is_asked_for_once() -> None:
    found = Survey.of(HOLDING, 0, 999, 125)
    with scripted(refusing(1)) as server, asking(server.url) as ask:
        error = survey(ask, 1, found)
    assert isinstance(error, IllegalFunction)
    assert len(server.requests) == 1


def test_a_device_that_falls_silent_is_left_alone() -> None:
    found = Survey.of(HOLDING, 0, 999, 125)
    with scripted(Reply(), Silence()) as server, asking(server.url) as ask:
        error = survey(ask, 1, found)
        assert len(server.requests) == 1 + SILENCES
    assert isinstance(error, ResponseTimeout)


def test_addresses_at_which_a_device_is_silent_are_holes() -> None:
    def step(request: Request) -> Reply | Silence:
        address, count = (int.from_bytes(request.pdu[at : at + 2], "big") for at in (1, 3))
        return Reply() if address + count <= 12 else Silence()

    found = Survey.of(HOLDING, 0, 13, 8)
    with scripted(step) as server, asking(server.url) as ask:
        assert survey(ask, 1, found) is None
    assert found.holes == {12: 0, 13: 0}


def test_answers_that_do_not_fit_end_it() -> None:
    found = Survey.of(HOLDING, 0, 99, 125)
    with scripted(Reply(pdu=b"\3\2\0\1")) as server, asking(server.url) as ask:
        assert survey(ask, 1, found) is not None
        assert len(server.requests) < 10


def test_what_was_kept_is_of_one_device_and_range(tmp_path: Path) -> None:
    path = tmp_path / "plc.json"
    assert load(path, "tcp://plc:502", 1, HOLDING, 0, 99) is None
    save(path, "tcp://plc:502", 1, Survey.of(HOLDING, 0, 99, 125))
    assert load(path, "tcp://plc:502", 1, HOLDING, 0, 99) == Survey.of(HOLDING, 0, 99, 125)
    with pytest.raises(ValueError, match="is of tcp://plc:502 unit 1"):
        load(path, "tcp://plc:502", 2, HOLDING, 0, 99)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"endpoint": 1, "unit": 1, "survey": {"table": "x"}}'])
def test_what_is_no_survey_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plc.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not the file of a survey"):
        load(path, "tcp://plc:502", 1, HOLDING, 0, 99)
