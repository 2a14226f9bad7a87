"""Values off the display: found where they are, and never claimed by chance."""

from __future__ import annotations

import random

import pytest

from mbap.addresses import Table
from mbap.collect.profiles import load_profile
from mbap.diagnose.doctor.case import KnownValue
from mbap.diagnose.doctor.display import MOST_HALVES, NEAR
from mbap.diagnose.doctor.finding import Finding, Severity
from mbap.diagnose.doctor.reading import reading
from mbap.values import Encoding
from support.doctored import Memory, laid_out, remembered

HOLDING, INPUT = Table.HOLDING_REGISTERS, Table.INPUT_REGISTERS
METER = load_profile("sdm630")
PLACES = {0: 231.5, 2: 228.9, 4: 232.8, 6: 4.21, 8: 4.5, 10: 3.9, 12: 950.5, 70: 50.01}


def at(place: str, address: int, value: float, table: Table = HOLDING) -> KnownValue:
    return KnownValue(place, table, address, value)


def named(name: str, value: float) -> KnownValue:
    point = next(point for point in METER.points if point.name == name)
    return KnownValue(name, point.table, point.address, value, point.encoding)


def looked(memory: Memory, *known: KnownValue, **wishes: object) -> tuple[Finding, list[str]]:
    case, _ = remembered(memory, known=known, **wishes)
    finding, *_ = reading(case)
    return finding, case.known.items


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        (Encoding("float32"), "hr100:float32"),
        (Encoding("float32", "CDAB"), "hr100:float32,CDAB"),
        (Encoding("float32", "DCBA"), "hr100:float32,DCBA"),
        (Encoding("uint16", scale=0.1), "hr100:uint16,scale=0.1"),
        (Encoding("float64", "BADC"), "hr100:float64,BADCFEHG"),
    ],
)
def test_a_value_where_it_should_be_gives_its_type_and_order(encoding: Encoding, words: str) -> None:
    found, items = looked(laid_out(HOLDING, {100: 231.5}, encoding), at("hr100", 100, 231.0))
    assert found.severity is Severity.OK
    assert items == [words]
    assert "where it should be" in found.seen


@pytest.mark.parametrize("shift", [1, -1])
def test_a_value_one_address_off_is_a_fault_that_names_the_place(shift: int) -> None:
    memory = laid_out(HOLDING, {100 + shift: 231.5}, Encoding("float32", "CDAB"))
    found, items = looked(memory, at("hr100", 100, 231.5))
    assert found.severity is Severity.FAULT
    assert found.data["shift"] == shift
    assert items == [f"hr{100 + shift}:float32,CDAB"]
    assert "counts from 1" in found.means


def test_a_profile_with_another_order_is_told_by_one_value() -> None:
    memory = laid_out(INPUT, PLACES, Encoding("float32", "CDAB"))
    found, items = looked(memory, named("voltage_l1", 231.4), profile=METER)
    assert found.severity is Severity.FAULT
    assert found.data["word_order"] == "CDAB"
    assert items == ["ir0:float32,CDAB"]


def test_a_profile_that_is_right_is_called_right() -> None:
    memory = laid_out(INPUT, PLACES, Encoding("float32"))
    found, items = looked(memory, named("voltage_l1", 231.0), named("frequency", 50.0), profile=METER)
    assert found.severity is Severity.OK
    assert items == ["ir0:float32", "ir70:float32"]


def test_one_value_far_away_may_be_chance_and_two_are_not() -> None:
    memory = laid_out(INPUT, {30_001 + place: value for place, value in PLACES.items()}, Encoding("float32"))
    alone, _ = looked(memory, named("voltage_l1", 231.5), profile=METER)
    assert alone.severity is Severity.WARNING
    assert "chance" in alone.means
    both, _ = looked(memory, named("voltage_l1", 231.5), named("frequency", 50.01), profile=METER)
    assert both.severity is Severity.FAULT
    assert both.data["shift"] == 30_001


def test_phases_that_are_alike_are_not_told_apart_by_one_of_them() -> None:
    memory = {(HOLDING, place): 0 for place in range(40)}
    memory |= laid_out(HOLDING, {4: 231.5, 6: 231.9, 8: 230.9}, Encoding("float32"))
    found, _ = looked(memory, at("hr0", 0, 231.5))
    assert found.severity is Severity.WARNING
    assert "several places" in found.seen
    assert "--known" in found.advice


def test_a_value_that_is_nowhere_is_a_fault_and_names_where_was_looked() -> None:
    found, items = looked(laid_out(HOLDING, PLACES, Encoding("float32")), at("hr0", 0, 77.7))
    assert found.severity is Severity.FAULT
    assert found.data["shift"] is None
    assert f"neither at hr0 nor {NEAR} addresses around" in found.seen
    assert items == []


def test_noise_does_not_make_a_fault_of_one_value() -> None:
    claims = 0
    for seed in range(60):
        noise = random.Random(seed)
        memory = {(HOLDING, place): noise.randrange(65536) for place in range(300)}
        found, _ = looked(memory, at("hr100", 100, 231.5))
        claims += found.severity is Severity.FAULT and found.data["shift"] is not None
    assert claims <= 3  # one address off, of two that there are


def test_a_map_with_holes_is_read_around_them() -> None:
    memory = laid_out(HOLDING, {100: 231.5}, Encoding("float32", "CDAB"))
    case, asking = remembered(memory, known=(at("hr100", 100, 231.5),))
    (found,) = reading(case)
    assert found.severity is Severity.OK
    assert len(asking.asked) <= 1 + 9 + MOST_HALVES


def test_beside_a_value_that_is_right_the_whole_profile_is_compared() -> None:
    case, _ = remembered(
        laid_out(INPUT, PLACES, Encoding("float32")), known=(named("voltage_l1", 231.5),), profile=METER
    )
    known, compared = reading(case)
    assert "where it should be" in known.seen
    assert "look right as the profile reads them" in compared.seen
