"""Values that are wrong: addresses one off, words in another order, holes and points that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

import mbap
from mbap import Device
from mbap.addresses import Table
from mbap.collect.profiles import load_profile
from mbap.collect.registermap import Point, Profile
from mbap.diagnose.doctor.finding import Severity
from mbap.values import Encoding
from support.doctored import examined

METER = load_profile("sdm630")


@contextmanager
def meter(shift: int = 0, order: str = "ABCD", points: tuple[Point, ...] = METER.points) -> Iterator[str]:
    """A meter whose values are plausible, at addresses that are off by *shift*, in *order*."""
    registers: dict[int, list[int]] = {}
    for point in points:
        low, high = point.low or 0.0, point.high or 5000.0
        encoding = Encoding("float32", order)
        registers[point.address + shift] = list(encoding.encode(low + (high - low) * 0.57 + 0.0625))
    first = min(registers)
    memory = [0] * (max(registers) + 2 - first)
    for address, words in registers.items():
        memory[address - first : address - first + 2] = words
    with mbap.serving(Device(input_registers={first: memory}), "tcp://127.0.0.1:0") as url:
        yield url


def moved(profile: Profile, by: int) -> Profile:
    """The profile of a manual that counts otherwise."""
    return replace(
        profile, points=tuple(replace(point, address=point.address + by) for point in profile.points)
    )


def test_values_that_the_profile_reads_rightly_are_right() -> None:
    with meter() as url:
        found = examined(url, profile=METER)
    assert found["values"].severity is Severity.OK
    assert found.faults == []


@pytest.mark.parametrize("shift", [1, -1])
def test_addresses_that_are_one_off_are_found(shift: int) -> None:
    with meter(shift=10 + shift) as url:
        found = examined(url, profile=moved(METER, 10))
    assert found.faults == ["values"]
    assert found["values"].data["shift"] == shift
    assert "counts from 1" in found["values"].means


@pytest.mark.parametrize("order", ["CDAB", "BADC", "DCBA"])
def test_words_in_another_order_are_found(order: str) -> None:
    with meter(order=order) as url:
        found = examined(url, profile=METER)
    assert found["values"].data["word_order"] == order
    assert found["values"].data["shift"] == 0
    assert f'word_order = "{order}"' in found.prescription.profile


def test_both_at_once_are_found() -> None:
    with meter(shift=11, order="CDAB") as url:
        found = examined(url, profile=moved(METER, 10))
    assert (found["values"].data["shift"], found["values"].data["word_order"]) == (1, "CDAB")


def test_the_wrong_profile_is_not_bent_into_the_right_one() -> None:
    with mbap.serving(
        Device(input_registers=[at * 40503 & 0xFFFF for at in range(400)]), "tcp://127.0.0.1:0"
    ) as url:
        found = examined(url, profile=METER)
    assert "right profile" in found["values"].advice


def test_a_block_that_is_refused_while_its_points_are_not_has_holes() -> None:
    points = tuple(Point(f"p{at}", Table.HOLDING_REGISTERS, at, Encoding("uint16")) for at in (0, 3))
    with mbap.serving(Device(holding_registers={0: [1], 3: [2]}), "tcp://127.0.0.1:0") as url:
        found = examined(url, profile=Profile("gappy", "Gappy", points))
    assert found["holes"].severity is Severity.WARNING
    assert "gap = 0" in found.prescription.profile


def test_points_that_do_not_exist_are_named() -> None:
    points = tuple(Point(f"p{at}", Table.HOLDING_REGISTERS, at, Encoding("uint16")) for at in (0, 1))
    with mbap.serving(Device(holding_registers=[1]), "tcp://127.0.0.1:0") as url:
        found = examined(url, profile=Profile("other", "Other", points))
    assert "p1" in found["holes"].means


@pytest.mark.parametrize("order", ["ABCD", "CDAB"])
def test_words_that_are_exchanged_are_told_from_addresses_one_off_by_the_ends(order: str) -> None:
    """The high word of one number and the low word of the next make a number much like it."""
    phases = {at: 231.5 + at for at in range(0, 16, 2)}
    shift = 1 if order == "ABCD" else 0
    encoding = Encoding("float32", order)
    memory = [word for value in phases.values() for word in encoding.encode(value)]
    with mbap.serving(Device(input_registers={shift: memory}), "tcp://127.0.0.1:0") as url:
        found = examined(url, profile=volts(len(phases)))
    assert (found["values"].data["shift"], found["values"].data["word_order"]) == (shift, order)
    assert "--known NAME=VALUE tells which" not in found["values"].means


def volts(count: int) -> Profile:
    """A meter of nothing but voltages."""
    points = tuple(
        Point(f"v{at}", Table.INPUT_REGISTERS, 2 * at, Encoding("float32"), low=100.0, high=500.0)
        for at in range(count)
    )
    return Profile("volts", "Volts", points)


@pytest.mark.parametrize("first", [0, 10])
def test_values_that_are_alike_do_not_exchange_one_higher_for_one_lower(first: int) -> None:
    """Two addresses lie between one higher and one lower: just a number, and here all are alike."""
    memory = [word for at in range(8) for word in Encoding("float32").encode(231.5 + at)]
    with mbap.serving(Device(input_registers={first + 1: memory}), "tcp://127.0.0.1:0") as url:
        found = examined(url, profile=moved(volts(12), first))
    assert (found["values"].data["shift"], found["values"].data["word_order"]) == (1, "ABCD")
