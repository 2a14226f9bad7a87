"""Ways that look alike are told apart by halves, single registers, texts, and how numbers move."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.collect.registermap import Kind, Point, Profile
from mbap.diagnose.doctor.finding import Finding, Severity
from mbap.diagnose.doctor.places import Places, runs
from mbap.diagnose.doctor.reading import reading
from mbap.values import Encoding
from support.doctored import Memory, Remembering, remembered

HOLDING = Table.HOLDING_REGISTERS
OPEN = 400
"""So many registers answer where there are no holes."""


def profile(*points: Point) -> Profile:
    return Profile("device", "Device", points)


def numbers(
    count: int, type_: str = "float32", first: int = 20, low: float = 100.0, high: float = 500.0
) -> list[Point]:
    """Points of two registers in a row."""
    return [
        Point(f"v{at}", HOLDING, first + 2 * at, Encoding(type_), low=low, high=high) for at in range(count)
    ]


def laid(points: Sequence[Point], values: Sequence[float | str], order: str, shift: int) -> Memory:
    """What a device holds of *points*, in *order*, *shift* away; single registers as they are."""
    memory: Memory = {}
    for point, value in zip(points, values, strict=True):
        assert point.encoding is not None
        encoding = Encoding(point.encoding.type, order, point.encoding.scale, length=point.encoding.length)
        if point.count == 1:
            encoding = point.encoding
        for at, word in enumerate(encoding.encode(value)):
            memory[point.table, point.address + shift + at] = word
    return memory


def everywhere(memory: Memory) -> Memory:
    """Without holes: 0 where nothing is."""
    return {(HOLDING, at): 0 for at in range(OPEN)} | memory


def examined(known: Profile, moments: Sequence[Memory]) -> tuple[Finding, Remembering]:
    """What is said of a device that goes on to the next of *moments* whenever it is left alone."""
    case, asking = remembered(dict(moments[0]), profile=known)
    coming = iter(moments[1:])
    case.sleep = lambda _seconds: asking.memory.update(next(coming, {}))
    (found,) = reading(case)
    return found, asking


def named(found: Finding) -> tuple[object, object]:
    assert "tells which" not in found.means, found
    assert found.severity is Severity.FAULT, found
    return found.data["shift"], found.data["word_order"]


def meter() -> list[Point]:
    """A frequency, then voltages: none of them can take the place of the first."""
    hertz = Point("hertz", HOLDING, 18, Encoding("float32"), low=45.0, high=65.0)
    return [hertz, *numbers(8)]


ALIKE = [50.03, *(231.37 + at for at in range(8))]
CASES = list(itertools.product((-1, 1), ("ABCD", "CDAB", "BADC", "DCBA")))


@pytest.mark.parametrize(("shift", "order"), [case for case in CASES if case[1] != "CDAB"])
def test_half_a_number_at_the_end_tells_addresses_from_words(shift: int, order: str) -> None:
    points = meter()
    found, _ = examined(profile(*points), [laid(points, ALIKE, order, shift)])
    assert named(found) == (shift, order)


def drifting(source: random.Random, count: int = 8) -> list[list[float]]:
    """Numbers that pass a whole one now and then: the high word of a float about 230 counts these."""
    return [[50.03, *(231.0 + at + source.gauss(0, 0.12) for at in range(count))] for _ in range(6)]


@pytest.mark.parametrize(("shift", "order"), [case for case in CASES if case[1] != "CDAB"])
def test_where_nothing_is_refused_moving_numbers_tell(shift: int, order: str) -> None:
    points = meter()
    moments = [everywhere(laid(points, now, order, shift)) for now in drifting(random.Random(5))]
    found, _ = examined(profile(*points), moments)
    assert named(found) == (shift, order)


def test_numbers_that_are_alike_and_still_where_nothing_is_refused_leave_it_open() -> None:
    points = numbers(8, "uint32", low=0.0, high=60_000.0)
    found, _ = examined(profile(*points), [everywhere(laid(points, [9000] * 8, "CDAB", 0))])
    assert found.severity is Severity.FAULT
    assert "--known NAME=VALUE tells which" in found.means


@pytest.mark.parametrize("single", ["state", "text"])
def test_what_lies_in_single_registers_has_one_place(single: str) -> None:
    points = numbers(6, "uint32", low=8000.0, high=9500.0)
    state = Point("mode", HOLDING, 60, Encoding("uint16"), kind=Kind.STATE, states={3: "on", 4: "off"})
    text = Point("serial", HOLDING, 60, Encoding("string", length=4))
    more = [state, Point("mode2", HOLDING, 70, state.encoding, kind=Kind.STATE, states={3: "on", 4: "off"})]
    extra: list[Point] = more if single == "state" else [text]
    values: list[float | str] = [3, 4] if single == "state" else ["AB12CD34"]
    memory = everywhere(laid([*points, *extra], [9000 + at for at in range(6)] + values, "CDAB", 0))
    for at in (59, 61, 64, 69, 71):
        memory[HOLDING, at] = memory[HOLDING, at] or 0x0102
    found, _ = examined(profile(*points, *extra), [memory])
    assert named(found) == (0, "CDAB")


COUNTING = [Point(f"c{at}", HOLDING, 20 + 4 * at, Encoding("uint32"), low=0, high=4e9) for at in range(6)]


def counting(order: str) -> list[Memory]:
    """Numbers that move by little, of which wide limits say nothing."""
    source = random.Random(3)
    seen = [[5000.0 + 300 * at + source.randrange(9) for at in range(6)] for _ in range(6)]
    return [everywhere(laid(COUNTING, now, order, 0)) for now in seen]


def test_numbers_that_jump_as_if_bytes_were_exchanged_are_a_warning() -> None:
    found, _ = examined(profile(*COUNTING), counting("BADC"))
    assert found.severity is Severity.WARNING
    assert found.data["word_order"] == "BADC"
    assert "chance" in found.means


def test_numbers_that_move_as_they_should_are_right_with_few_reads() -> None:
    found, asking = examined(profile(*COUNTING), counting("ABCD"))
    assert found.severity is Severity.OK
    assert len(asking.asked) <= 12 + 5 * 6


def test_a_profile_that_has_the_bytes_exchanged_itself_is_right_for_such_a_device() -> None:
    turned = [
        Point(one.name, one.table, one.address, Encoding("uint32", "BADC"), low=0, high=4e9)
        for one in COUNTING
    ]
    found, _ = examined(profile(*turned), counting("BADC"))
    assert found.severity is Severity.OK


def test_a_device_that_gives_whole_numbers_only_is_found_one_lower() -> None:
    points = meter()
    case, asking = remembered(laid(points, ALIKE, "DCBA", -1), profile=profile(*points))
    whole = asking.ask
    first = points[0].address - 1

    def ask(request: object, unit: int, *, timeout: float | None = None) -> object:
        address, count = request.address, request.count  # type: ignore[attr-defined]
        if (address - first) % 2 or count % 2:
            asking.memory, kept = {}, asking.memory
            outcome = whole(request, unit)
            asking.memory = kept
            return outcome
        return whole(request, unit)

    asking.ask = ask  # type: ignore[method-assign, assignment]
    (found,) = reading(case)
    assert named(found) == (-1, "DCBA")


@given(
    st.sampled_from(CASES),
    st.integers(0, 2**32),
    st.sampled_from([everywhere, dict]),
    st.sampled_from(["float32", "uint32", "int32"]),
)
@settings(max_examples=120, deadline=None)
def test_whatever_is_named_alone_is_right(
    case: tuple[int, str], seed: int, laying: Callable[[Memory], Memory], type_: str
) -> None:
    (shift, order), source = case, random.Random(seed)
    high = source.choice([500.0, 70_000.0, 4e6])
    points = numbers(source.randrange(4, 12), type_, high=high)
    begin = [source.uniform(110, 0.9 * source.choice([500.0, high])) for _ in points]
    moments = []
    for _ in range(6):
        now = [round(value * (1 + source.gauss(0, 0.004)), 2) for value in begin]
        moments.append(laying(laid(points, now, order, shift)))
    found, _ = examined(profile(*points), moments)
    if found.severity is Severity.FAULT and "shift" in found.data and "tells which" not in found.means:
        assert (found.data["shift"], found.data["word_order"]) == (shift, order), found


@given(st.integers(0, 2**32), st.sampled_from([everywhere, dict]), st.sampled_from(["float32", "uint32"]))
@settings(max_examples=80, deadline=None)
def test_a_right_device_that_moves_as_it_likes_is_never_called_wrong(
    seed: int, laying: Callable[[Memory], Memory], type_: str
) -> None:
    source = random.Random(seed)
    points = numbers(source.randrange(2, 12), type_, high=source.choice([500.0, 4e6, 4e9]))
    moments = []
    for _ in range(6):
        now = [float(source.randrange(100, source.choice([500, 70_000]))) for _ in points]
        now = [min(value, points[0].high or value) for value in now]
        moments.append(laying(laid(points, now, "ABCD", 0)))
    found, _ = examined(profile(*points), moments)
    assert found.severity is not Severity.FAULT, found


def test_what_was_read_or_refused_is_not_asked_again() -> None:
    case, asking = remembered({(HOLDING, at): at for at in range(10)})
    places = Places(case)
    assert places.read(HOLDING, 2, 6)
    assert places.read(HOLDING, 3, 5)
    assert not places.read(HOLDING, 8, 11)
    assert not places.read(HOLDING, 8, 11)
    assert not places.read(HOLDING, -1, 0)
    assert [(address, count) for _, address, count in asking.asked] == [(2, 5), (8, 4)]


def test_what_lies_in_a_row_is_read_together_up_to_a_length() -> None:
    row = [(HOLDING, at) for at in (7, 1, 2, 3, 4, 5)]
    assert runs(row, 3) == [(HOLDING, 1, 3), (HOLDING, 4, 5), (HOLDING, 7, 7)]
