"""Plan: points become the fewest reads, and answers become values with qualities."""

from __future__ import annotations

import math
import pickle
import struct
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.collect.plan import Block, cycle_load, plan
from mbap.collect.readings import Quality
from mbap.collect.registermap import Point, Profile
from mbap.protocol.pdu import ReadCoils, ReadInputRegisters
from mbap.protocol.wire import Bits, Registers
from mbap.values import Encoding

LENGTHS = {1: Encoding(), 2: Encoding("float32"), 4: Encoding("float64")}


def point(address: int, length: int = 1, table: Table = Table.INPUT_REGISTERS, **more: float | None) -> Point:
    encoding = None if table.holds_bits else LENGTHS[length]
    made = Point(f"{table.value}_{address}_{length}", table, address, encoding)
    return replace(made, low=more.get("low"), high=more.get("high"))


def profile(points: Sequence[Point] = (), **facts: object) -> Profile:
    return replace(Profile("test", "Test", tuple(points)), **facts)  # type: ignore[arg-type]


def spans(blocks: Sequence[Block]) -> list[tuple[int, int]]:
    return [(block.address, block.count) for block in blocks]


def registers_of(values: Sequence[float]) -> Registers:
    return Registers(struct.pack(f">{len(values)}f", *values))


def test_adjacent_points_become_one_read() -> None:
    blocks = plan(profile(), [point(0), point(1), point(2, 2)])
    assert spans(blocks) == [(0, 4)]


def test_a_gap_is_read_over_when_it_is_worth_it() -> None:
    assert spans(plan(profile(gap=3), [point(0), point(4)])) == [(0, 5)]


def test_a_wider_gap_makes_another_read() -> None:
    assert spans(plan(profile(gap=3), [point(0), point(5)])) == [(0, 1), (5, 1)]


def test_a_read_is_cut_at_the_largest() -> None:
    points = [point(address) for address in range(25)]
    assert spans(plan(profile(largest=10), points)) == [(0, 10), (10, 10), (20, 5)]


def test_a_value_is_never_split() -> None:
    assert spans(plan(profile(largest=3), [point(0, 2), point(2, 2)])) == [(0, 2), (2, 2)]


def test_a_forbidden_range_is_not_read_over() -> None:
    facts = profile(gap=10, forbidden=((Table.INPUT_REGISTERS, 2, 2),))
    assert spans(plan(facts, [point(0), point(4)])) == [(0, 1), (4, 1)]


def test_a_forbidden_range_of_another_table_does_not_matter() -> None:
    facts = profile(gap=10, forbidden=((Table.HOLDING_REGISTERS, 2, 2),))
    assert spans(plan(facts, [point(0), point(4)])) == [(0, 5)]


def test_a_point_on_a_forbidden_range_is_refused() -> None:
    facts = profile(forbidden=((Table.INPUT_REGISTERS, 5, 9),))
    with pytest.raises(ValueError, match=r"input_4_2.*forbidden"):
        plan(facts, [point(4, 2)])


def test_a_point_longer_than_the_largest_read_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 4 registers, and the largest read is 2"):
        plan(profile(largest=2), [point(0, 4)])


def test_each_table_is_read_by_itself() -> None:
    blocks = plan(profile(), [point(0), point(1, table=Table.HOLDING_REGISTERS), point(0, table=Table.COILS)])
    assert {block.table for block in blocks} == {Table.INPUT_REGISTERS, Table.HOLDING_REGISTERS, Table.COILS}


def test_bits_have_their_own_gap_and_largest_read() -> None:
    points = [point(address, table=Table.COILS) for address in (0, 20, 50)]
    assert spans(plan(profile(gap=0, gap_bits=19, largest_bits=30), points)) == [(0, 21), (50, 1)]


def test_points_that_share_registers_are_read_once() -> None:
    blocks = plan(profile(), [point(0, 4), point(1), point(2, 2)])
    assert spans(blocks) == [(0, 4)]


def test_no_points_need_no_read() -> None:
    assert plan(profile(), []) == []


def test_a_block_is_the_request_to_execute() -> None:
    (block,) = plan(profile(), [point(10), point(12)])
    assert block.request == ReadInputRegisters(10, 3)
    assert block.names == ("input_10_1", "input_12_1")


def test_a_block_of_bits_is_the_request_for_its_table() -> None:
    (block,) = plan(profile(), [point(7, table=Table.COILS)])
    assert block.request == ReadCoils(7, 1)


def test_a_block_survives_pickling() -> None:
    (block,) = plan(profile(), [point(10, low=1)])
    again = pickle.loads(pickle.dumps(block))
    assert (again, again.names, again.request) == (block, block.names, block.request)


def test_values_come_in_the_order_of_the_names_and_good_needs_no_qualities() -> None:
    (block,) = plan(profile(), [point(4, 2), point(0, 2)])
    assert block.names == ("input_0_2", "input_4_2")
    assert block.decode(registers_of([1.5, 0, 2.5])) == ([1.5, 2.5], None)


def test_bits_come_as_bools() -> None:
    (block,) = plan(profile(), [point(address, table=Table.COILS) for address in (3, 5, 12)])
    answer = Bits.of([True, False, False, False, False, False, False, False, False, True])
    assert block.decode(answer) == ([True, False, True], None)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_bad_by_sentinel(broken: float) -> None:
    (block,) = plan(profile(), [point(0, 2, low=0, high=10), point(2, 2), point(4, 2, low=0, high=10)])
    assert block.decode(registers_of([1, broken, 2])) == ([1, None, 2], [0, Quality.SENTINEL, 0])


def test_a_sentinel_is_bad_by_sentinel() -> None:
    here = replace(point(0), encoding=Encoding("uint16", sentinels=(0xFFFF,)))
    (block,) = plan(profile(), [here, point(1)])
    assert block.decode(Registers.of([0xFFFF, 7])) == ([None, 7], [Quality.SENTINEL, Quality.GOOD])


@pytest.mark.parametrize(("value", "good"), [(-1, False), (0, True), (10, True), (11, False)])
def test_a_value_outside_of_its_limits_is_bad(value: float, good: bool) -> None:
    (block,) = plan(profile(), [point(0, 2, low=0, high=10), point(2, 2)])
    expected = ([value, 99], None) if good else ([None, 99], [Quality.LIMITS, Quality.GOOD])
    assert block.decode(registers_of([value, 99])) == expected


def test_one_limit_alone_is_enough() -> None:
    (block,) = plan(profile(), [point(0, 2, low=5), point(2, 2, high=5)])
    assert block.decode(registers_of([4, 6])) == ([None, None], [Quality.LIMITS, Quality.LIMITS])


def test_text_beside_limits_is_left_alone() -> None:
    text = Point("text", Table.INPUT_REGISTERS, 0, Encoding("string", length=1))
    (block,) = plan(profile(), [text, point(1, 2, high=5), point(3, 2, high=5)])
    answer = Registers(b"ok" + struct.pack(">ff", 1, 9))
    assert block.decode(answer) == (["ok", 1, None], [0, 0, Quality.LIMITS])


def test_every_answer_gives_a_new_list() -> None:
    (block,) = plan(profile(), [point(0)])
    first, _ = block.decode(Registers.of([1]))
    second, _ = block.decode(Registers.of([2]))
    assert (first, second) == ([1], [2])


def test_the_load_counts_requests_bytes_and_unwanted_registers() -> None:
    blocks = plan(profile(gap=2), [point(0), point(3), point(20, 2), point(5, table=Table.COILS)])
    load = cycle_load(blocks)
    assert (load.requests, load.bytes_sent) == (3, 36)
    assert load.bytes_received == (9 + 8) + (9 + 4) + (9 + 1)
    assert (load.wanted, load.read) == (5, 7)


# --- properties ---

TABLES = st.sampled_from([Table.INPUT_REGISTERS, Table.HOLDING_REGISTERS])
RANGES = st.lists(
    st.tuples(st.just(Table.INPUT_REGISTERS), st.integers(0, 70), st.integers(0, 3)), max_size=4
)


def _allowed(candidate: Point, forbidden: Sequence[tuple[Table, int, int]]) -> bool:
    return not any(
        t is candidate.table and f <= candidate.last and candidate.address <= e for t, f, e in forbidden
    )


@st.composite
def tasks(draw: st.DrawFn, most: int = 40, highest: int = 60) -> tuple[Profile, list[Point]]:
    forbidden = tuple((table, first, first + more) for table, first, more in draw(RANGES))
    any_point = st.builds(point, st.integers(0, highest), st.sampled_from(sorted(LENGTHS)), TABLES)
    points = draw(st.lists(any_point, max_size=most, unique_by=lambda p: p.name))
    facts = profile(largest=draw(st.integers(4, 20)), gap=draw(st.integers(0, 12)), forbidden=forbidden)
    return facts, [candidate for candidate in points if _allowed(candidate, forbidden)]


@given(tasks())
def test_every_point_is_read_exactly_once(task: tuple[Profile, list[Point]]) -> None:
    facts, points = task
    read = [name for block in plan(facts, points) for name in block.names]
    assert sorted(read) == sorted(p.name for p in points)


@given(tasks())
def test_every_value_is_whole_within_its_read_and_no_read_is_too_large(
    task: tuple[Profile, list[Point]],
) -> None:
    facts, points = task
    for block in plan(facts, points):
        assert block.count <= facts.largest
        assert all(block.address <= p.address and p.last < block.address + block.count for p in block.points)


@given(tasks())
def test_no_read_touches_what_is_forbidden(task: tuple[Profile, list[Point]]) -> None:
    facts, points = task
    for block in plan(facts, points):
        read = range(block.address, block.address + block.count)
        assert not any(t is block.table and f <= read[-1] and read[0] <= e for t, f, e in facts.forbidden)


@given(tasks())
def test_no_read_goes_over_more_than_the_gap(task: tuple[Profile, list[Point]]) -> None:
    facts, points = task
    assert all(_gaps_are_fine(block.points, facts) for block in plan(facts, points))


@given(tasks(most=7, highest=25))
def test_no_plan_needs_fewer_reads(task: tuple[Profile, list[Point]]) -> None:
    facts, points = task
    assert len(plan(facts, points)) == _fewest(points, facts)


@given(tasks())
def test_the_order_of_the_points_does_not_matter(task: tuple[Profile, list[Point]]) -> None:
    facts, points = task
    assert spans(plan(facts, points)) == spans(plan(facts, points[::-1]))


def _gaps_are_fine(points: Sequence[Point], facts: Profile) -> bool:
    end = points[0].last
    for one in sorted(points, key=lambda p: p.address)[1:]:
        if one.address > end + 1 + facts.gap:
            return False
        end = max(end, one.last)
    return True


def _feasible(points: Sequence[Point], facts: Profile) -> bool:
    if len({p.table for p in points}) > 1:
        return False
    first, last = min(p.address for p in points), max(p.last for p in points)
    clean = not any(t is points[0].table and f <= last and first <= e for t, f, e in facts.forbidden)
    ordered = sorted(points, key=lambda p: p.address)
    return clean and last - first < facts.largest and _gaps_are_fine(ordered, facts)


def _fewest(points: Sequence[Point], facts: Profile) -> int:
    """The fewest feasible sets that *points* can be parted into, by trying them all."""
    known: dict[frozenset[str], int] = {}

    def fewest(left: tuple[Point, ...]) -> int:
        if not left:
            return 0
        key = frozenset(p.name for p in left)
        if key not in known:
            first, others = left[0], left[1:]
            known[key] = 1 + min(
                fewest(tuple(p for p in others if p not in with_it))
                for size in range(len(others) + 1)
                for with_it in combinations(others, size)
                if _feasible((first, *with_it), facts)
            )
        return known[key]

    return fewest(tuple(points))


def test_of_a_short_answer_the_points_that_came_whole_are_good_and_the_others_bad() -> None:
    (block,) = plan(profile(), [point(0), point(1, high=5.0), point(2, 2), point(4)])
    values, qualities = block.decode(Registers.of([7, 8, 9]))
    assert values == [7, None, None, None]
    assert qualities == [Quality.GOOD, Quality.LIMITS, Quality.PROTOCOL, Quality.PROTOCOL]
