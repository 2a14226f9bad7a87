"""mbap.client.breaker."""

from __future__ import annotations

import pytest

from mbap.client.breaker import Breaker, Circuit


def opened() -> Circuit:
    circuit = Circuit(Breaker(after=3, first=1, longest=60))
    for _ in range(3):
        circuit.silent(0)
    return circuit


def test_it_is_closed_until_enough_silences_came_in_a_row() -> None:
    circuit = Circuit(Breaker(after=3))
    circuit.silent(0)
    circuit.silent(0)
    assert not circuit.blocks(0)
    circuit.silent(0)
    assert circuit.blocks(0)


def test_an_answer_in_between_begins_the_count_anew() -> None:
    circuit = Circuit(Breaker(after=2))
    circuit.silent(0)
    circuit.answered()
    circuit.silent(0)
    assert not circuit.blocks(0)


def test_it_stays_open_twice_as_long_after_each_probe_that_fails_up_to_the_longest() -> None:
    circuit, now, waits = opened(), 0.0, []
    for _ in range(8):
        waits.append(circuit.wait(now))
        now += waits[-1]
        assert not circuit.blocks(now)
        assert circuit.admit()
        circuit.silent(now)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_one_probe_is_admitted_at_a_time() -> None:
    circuit = opened()
    assert circuit.admit()
    assert circuit.blocks(1.0)


def test_a_probe_that_is_answered_closes_it() -> None:
    circuit = opened()
    assert circuit.admit()
    circuit.answered()
    assert not circuit.open
    assert circuit.wait(1.0) == 0


def test_a_probe_that_was_withdrawn_makes_room_for_another() -> None:
    circuit = opened()
    assert circuit.admit()
    circuit.withdrawn()
    assert not circuit.blocks(1.0)


def test_what_was_on_its_way_when_it_opened_does_not_make_it_stay_open_longer() -> None:
    circuit = opened()
    circuit.silent(0.5)
    assert circuit.wait(0.5) == 0.5


@pytest.mark.parametrize("wrong", [{"after": 0}, {"first": 0.0}, {"first": 2.0, "longest": 1.0}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a breaker opens"):
        Breaker(**wrong)  # type: ignore[arg-type]


def test_what_goes_out_while_it_is_closed_is_no_probe() -> None:
    assert not Circuit(Breaker()).admit()
