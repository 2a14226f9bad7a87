"""Addresses that are off by much are found with a few reads, and never where the profile is right."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.collect.profiles import load_profile, profile_names
from mbap.collect.registermap import Kind, Point, Profile
from mbap.diagnose.doctor.finding import Finding, Severity
from mbap.diagnose.doctor.offsets import FAR, MOST
from mbap.diagnose.doctor.prescription import prescribe
from mbap.diagnose.doctor.reading import MOST_POINTS, reading
from mbap.diagnose.doctor.tables import tables
from mbap.values import Encoding
from support.doctored import Memory, Remembering, remembered

METER = load_profile("sdm630")
NAMES = [name for name in profile_names() if any(point.count > 1 for point in load_profile(name).points)]


def device(profile: Profile, source: random.Random, shift: int = 0) -> Memory:
    """What a device of *profile* holds: values within its limits, at addresses off by *shift*."""
    memory: Memory = {}
    for point in profile.points:
        if point.encoding is None or point.encoding.bit is not None or point.encoding.length:
            continue
        for at, word in enumerate(point.encoding.encode(value_of(point, source))):
            memory[point.table, point.address + shift + at] = word
    return memory


def value_of(point: Point, source: random.Random) -> float:
    """One that such a device shows: zero now and then."""
    if point.states and point.kind is Kind.STATE:
        return source.choice(list(point.states))
    assert point.encoding is not None
    scale = point.encoding.scale
    low = point.low if point.low is not None else 0.0
    high = point.high if point.high is not None else low + 20_000 * scale
    low = max(low, 0.0) if point.encoding.type.startswith("uint") else low
    high = min(high, (2 ** (16 * point.count - 1) - 1) * scale)
    if low <= 0 <= high and source.random() < 0.2:
        return 0.0
    return round(source.uniform(low + (high - low) * 0.05, low + (high - low) * 0.6) / scale) * scale


def examined(profile: Profile, memory: Memory) -> tuple[Finding, Remembering]:
    case, asking = remembered(memory, profile=profile)
    (finding,) = reading(case)
    return finding, asking


@pytest.mark.parametrize("shift", sorted(FAR))
def test_a_map_that_lies_elsewhere_is_found(shift: int) -> None:
    high = 45_000 if shift < 0 else 0
    profile = moved(METER, high)
    found, _ = examined(profile, device(profile, random.Random(1), shift))
    assert found.severity is Severity.FAULT
    assert found.data["shift"] == shift
    assert f"{abs(shift)} addresses {'higher' if shift > 0 else 'lower'}" in found.seen


def moved(profile: Profile, by: int) -> Profile:
    """The profile of somebody who counts otherwise."""
    points = tuple(
        Point(one.name, one.table, one.address + by, one.encoding, one.unit, low=one.low, high=one.high)
        for one in profile.points
    )
    return Profile(profile.name, profile.title, points)


def test_references_written_as_addresses_are_found_from_the_first_question_on() -> None:
    profile = moved(METER, 30_001)
    case, _ = remembered(device(METER, random.Random(2)), profile=profile)
    case.known.first = {}
    list(tables(case))
    assert case.known.place is not None
    (found,) = reading(case)
    assert found.data["shift"] == -30_001
    assert "references of five digits" in found.means
    prescription = prescribe(case)
    assert prescription is not None
    assert "ir0:float32" in prescription.command
    assert prescription.profile.startswith("# addresses: those of sdm630 minus 30001")


def test_a_map_elsewhere_in_another_order_of_words_is_found() -> None:
    profile = moved(METER, 1000)
    points = [point for point in METER.points if point.encoding]
    turned = Profile("x", "X", tuple(turned_point(point) for point in points))
    found, _ = examined(profile, device(turned, random.Random(3)))
    assert (found.data["shift"], found.data["word_order"]) == (-1000, "CDAB")


def turned_point(point: Point) -> Point:
    assert point.encoding is not None
    encoding = Encoding(point.encoding.type, "CDAB")
    return Point(point.name, point.table, point.address, encoding, low=point.low, high=point.high)


COUNTERS = Profile(
    "counters",
    "Counters",
    tuple(Point(f"c{at}", Table.HOLDING_REGISTERS, 4 * at, Encoding("uint32")) for at in range(6)),
)


def counting(first: int) -> Memory:
    """Counters from *first* on, with holes between them."""
    memory: Memory = {}
    for number in range(6):
        memory[Table.HOLDING_REGISTERS, first + 4 * number] = 3
        memory[Table.HOLDING_REGISTERS, first + 4 * number + 1] = 1000 + number
    return memory


def test_without_limits_the_only_place_at_which_all_points_are_is_enough() -> None:
    found, _ = examined(COUNTERS, counting(4096))
    assert found.severity is Severity.FAULT
    assert found.data["shift"] == 4096
    assert found.seen.startswith("none of 6 values can be read where the profile has them")


def test_without_limits_two_places_at_which_all_points_are_tell_nothing() -> None:
    found, _ = examined(COUNTERS, counting(4096) | counting(1000))
    assert "shift" not in found.data


def test_without_limits_nothing_is_looked_for_far_away_while_the_points_are_there() -> None:
    near = dict.fromkeys(counting(0), 0)
    _, asking = examined(COUNTERS, near | counting(4096))
    assert max(address for _, address, _ in asking.asked) < 100


def test_where_nothing_fits_it_is_said_what_was_tried_and_with_few_reads() -> None:
    noise = random.Random(4)
    memory = {(Table.INPUT_REGISTERS, at): noise.randrange(1, 65536) for at in range(65536)}
    found, asking = examined(METER, memory)
    assert found.severity is Severity.FAULT
    assert "shift" not in found.data
    assert "1, 100, 256, 1000, 4096, 30000, 30001, 40000 or 40001 lower or higher" in found.means
    assert len(asking.asked) <= 4 * MOST_POINTS + len(FAR) * MOST


def test_a_device_that_refuses_everything_far_away_costs_one_read_a_distance() -> None:
    near = {(Table.INPUT_REGISTERS, at): 0x7FFF for at in range(90)}
    _, asking = examined(METER, near)
    far = [address for _, address, _ in asking.asked if address > 90]
    assert len(far) <= len(FAR) + MOST_POINTS


@given(st.sampled_from(NAMES), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_a_device_that_is_as_its_profile_says_is_never_called_wrong(name: str, seed: int) -> None:
    profile = load_profile(name)
    found, asking = examined(profile, device(profile, random.Random(seed)))
    assert found.severity in (Severity.OK, Severity.NOTE, Severity.WARNING), found
    assert "shift" not in found.data or found.severity is Severity.WARNING
    assert found.severity is not Severity.WARNING or "chance" in found.means
    assert len(asking.asked) <= 4 * MOST_POINTS


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_noise_is_never_bent_into_a_map_far_away(seed: int) -> None:
    noise = random.Random(seed).randbytes(90_000)
    words = memoryview(noise).cast("H")
    memory = {(Table.INPUT_REGISTERS, at): word for at, word in enumerate(words)}
    found, _ = examined(METER, memory)
    assert "shift" not in found.data
