"""A walk knows of every address what it is, and wastes few requests on that."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.diagnose.scan.walk import Question, Walk, bound, refusals, spans

HOLDING = Table.HOLDING_REGISTERS
RUNS = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200)), max_size=12)


class Asked:
    """A device that has *there*, gives *limit* at once, refuses reads across *borders*; and who asks."""

    def __init__(
        self,
        there: set[int],
        limit: int = 125,
        *,
        too_many: int = 3,
        missing: int = 2,
        pairs: bool = False,
        aligned: int = 0,
        borders: frozenset[int] = frozenset(),
    ) -> None:
        self.there, self.limit, self.borders = there, limit, borders
        self.too_many, self.missing = too_many, missing
        self.pairs, self.aligned = pairs, aligned
        self.questions: list[Question] = []

    def walk(self, walk: Walk, most: int = 1_000_000) -> Walk:
        """*walk*, carried out; *most* questions of it."""
        while len(self.questions) < most and (question := walk.next()) is not None:
            self.questions.append(question)
            self._answer(walk, question)
        return walk

    def _answer(self, walk: Walk, question: Question) -> None:
        wanted = range(question.address, question.address + question.count)
        if question.count > self.limit:
            walk.refuse(self.too_many)
        elif (
            (self.pairs and (question.address % 2 != self.aligned or question.count % 2))
            or not self.there.issuperset(wanted)
            or self.borders & set(wanted[1:])
        ):
            walk.refuse(self.missing)
        else:
            walk.read([address % 65536 for address in wanted])


def of(runs: list[tuple[int, int]], last: int) -> set[int]:
    """The addresses of *runs*, first and length, up to *last*."""
    return {address for first, length in runs for address in range(first, min(first + length, last + 1))}


@given(RUNS, st.integers(1, 125), st.sampled_from([2, 3]), st.sampled_from([2, 3, 4]))
def test_every_address_is_read_or_was_refused_alone(
    runs: list[tuple[int, int]], limit: int, too_many: int, missing: int
) -> None:
    there = of(runs, 499)
    device = Asked(there, limit, too_many=too_many, missing=missing)
    walk = device.walk(Walk(HOLDING, 0, 499))
    assert walk.values == {address: address for address in there}
    assert walk.refused == dict.fromkeys(set(range(500)) - there, missing)
    alone = {question.address for question in device.questions if question.count == 1}
    assert alone >= walk.refused.keys()
    assert list(walk.unknown()) == []
    assert walk.ahead == 0


@given(st.sets(st.integers(0, 199)), st.sets(st.integers(0, 199)))
def test_borders_that_no_read_may_cross_hide_nothing(there: set[int], borders: set[int]) -> None:
    walk = Asked(there, borders=frozenset(borders)).walk(Walk(HOLDING, 0, 199))
    assert set(walk.values) == there


@given(RUNS, st.integers(2, 125), st.integers(0, 100), st.integers(100, 501))
def test_a_device_that_gives_whole_pairs_only_is_read_in_pairs(
    runs: list[tuple[int, int]], limit: int, half: int, count: int
) -> None:
    first = 2 * half
    last = first + count - 1
    there = {first, first + 1}
    for begin, length in runs:
        for address in range(first + begin // 2 * 2, min(first + begin + length, last) // 2 * 2):
            there.add(address)
    walk = Asked(there, limit, pairs=True).walk(Walk(HOLDING, first, last))
    assert set(walk.values) == there
    assert set(walk.refused) == set(range(first, last + 1)) - there


@pytest.mark.parametrize("first", [333, 334, 335, 336, 3035, 3038])
@pytest.mark.parametrize("numbers", [2, 3, 7])
def test_pairs_that_begin_at_no_round_address_are_found(first: int, numbers: int) -> None:
    there = set(range(first, first + 2 * numbers))
    device = Asked(there, pairs=True, aligned=first % 2)
    walk = device.walk(Walk(HOLDING, 0, 3999))
    assert set(walk.values) == there
    assert len(device.questions) <= bound(4000, [2 * numbers], alone=False)


def test_a_lone_pair_is_found_where_it_touches_an_address_that_four_divides() -> None:
    found = [first for first in range(331, 339) if _lone_pair_is_found(first)]
    assert found == [331, 332, 335, 336]


def _lone_pair_is_found(first: int) -> bool:
    device = Asked({first, first + 1}, pairs=True, aligned=first % 2)
    return bool(device.walk(Walk(HOLDING, 0, 999)).values)


@given(RUNS, st.integers(0, 1), st.integers(2, 125))
def test_the_requests_for_pairs_are_within_their_bound(
    runs: list[tuple[int, int]], aligned: int, limit: int
) -> None:
    there = of([(begin // 2 * 2 + aligned, length // 2 * 2) for begin, length in runs], 598)
    there -= {address for address in there if (address - aligned) // 2 * 2 + aligned + 1 not in there}
    device = Asked(there, limit, pairs=True, aligned=aligned)
    walk = device.walk(Walk(HOLDING, 0, 599, limit))
    lengths = [last - begin + 1 for begin, last in spans(sorted(walk.values))]
    assert len(device.questions) <= bound(600, lengths, limit - limit % 2, alone=False)
    assert set(walk.refused) | set(walk.values) == set(range(600))


def test_a_step_looks_for_pairs_only_around_what_it_looks_at() -> None:
    device = Asked({*range(395, 421)}, pairs=True, aligned=1)
    walk = device.walk(Walk(HOLDING, 0, 999, step=20))
    assert set(walk.values) == set(range(395, 421))
    assert len(device.questions) < 160
    asked = {question.address for question in device.questions if question.count <= 2}
    elsewhere = {address for address in asked if address % 20 not in (0, 19) and address % 125}
    assert elsewhere <= set(range(390, 425))


def test_one_register_that_is_read_alone_ends_the_search_for_pairs() -> None:
    device = Asked(set(range(40)), 40)
    walk = device.walk(Walk(HOLDING, 0, 999, 40))
    assert set(walk.values) == set(range(40))
    assert [question for question in device.questions if question.rank == 16] == [Question(0, 1, 16)]


def test_pairs_are_not_looked_for_once_a_register_was_read_alone() -> None:
    device = Asked({0, *range(300, 302)})
    device.walk(Walk(HOLDING, 0, 999))
    asked_alone: set[int] = set()
    for question in device.questions:
        if question.count == 1:
            asked_alone.add(question.address)
        elif question.count == 2:
            assert question.address not in asked_alone
    assert len(device.questions) <= bound(1000, [1, 2]) - 30


@given(RUNS, st.integers(0, 5000), st.sampled_from([125, 40]))
def test_the_requests_are_within_the_bound(runs: list[tuple[int, int]], first: int, most: int) -> None:
    there = {first + address for address in of(runs, 599)}
    device = Asked(there, most)
    walk = device.walk(Walk(HOLDING, first, first + 599, most))
    lengths = [last - begin + 1 for begin, last in spans(sorted(walk.values))]
    assert len(device.questions) <= bound(600, lengths, most)


@given(RUNS, st.integers(1, 125), st.booleans())
def test_no_more_is_asked_for_at_once_than_was_said(
    runs: list[tuple[int, int]], most: int, pairs: bool
) -> None:
    device = Asked(of(runs, 499), pairs=pairs)
    device.walk(Walk(HOLDING, 0, 499, most))
    assert max(question.count for question in device.questions) <= most


@given(RUNS, st.integers(1, 125))
def test_nothing_is_asked_twice_but_for_the_length(runs: list[tuple[int, int]], limit: int) -> None:
    device = Asked(of(runs, 499), limit)
    walk = Walk(HOLDING, 0, 499)
    device.walk(walk)
    known: set[int] = set()
    for question in device.questions:
        wanted = set(range(question.address, question.address + question.count))
        assert not wanted & known or question.rank in (9, 16)
        known |= (
            wanted & set(walk.values) if wanted <= set(walk.values) and question.count <= limit else set()
        )
    assert len(set(device.questions)) == len(device.questions)


@pytest.mark.parametrize(
    ("there", "requests"),
    [
        (set(range(1000)), 8),  # 8 blocks
        (set(), 1516),  # as many as addresses, 8 blocks, and 508 for pairs
        (set(range(12)), 1003),  # 988 are missing
        (set(range(0, 1000, 2)), 1012),
    ],
)
def test_a_thousand_addresses_take_so_many_requests(there: set[int], requests: int) -> None:
    device = Asked(there)
    device.walk(Walk(HOLDING, 0, 999))
    assert len(device.questions) == requests


@pytest.mark.parametrize("limit", [1, 2, 16, 50, 63, 100, 124])
def test_how_much_a_device_gives_at_once_is_found_exactly(limit: int) -> None:
    device = Asked(set(range(1000)), limit)
    walk = device.walk(Walk(HOLDING, 0, 999))
    assert walk.limit == limit
    assert len(device.questions) <= 1000 / limit + 30


def test_it_is_found_in_what_was_read_where_no_more_is_to_be_read() -> None:
    assert Asked(set(range(60)), 57).walk(Walk(HOLDING, 0, 59)).limit == 57


def test_a_device_that_gives_what_the_standard_allows_has_no_limit() -> None:
    assert Asked(set(range(1000))).walk(Walk(HOLDING, 0, 999)).limit is None


def test_missing_addresses_are_not_taken_for_a_limit() -> None:
    walk = Asked(set(range(0, 1000, 3)), missing=3).walk(Walk(HOLDING, 0, 999))
    assert walk.limit is None
    assert walk.largest == 125


@pytest.mark.parametrize("begin", [0, 100, 230, 3000, 7700])
def test_maps_that_begin_at_round_addresses_are_found_early(begin: int) -> None:
    there = set(range(begin, begin + 6))
    walk = Asked(there).walk(Walk(HOLDING, 0, 9999), most=1200)
    assert set(walk.values) == there


def test_with_a_step_only_every_nth_address_and_what_is_beside_is_looked_at() -> None:
    device = Asked({*range(395, 420), *range(507, 509)})
    walk = device.walk(Walk(HOLDING, 0, 999, step=10))
    assert set(walk.values) == set(range(395, 420))
    assert set(walk.refused) == {0, 125, 250, 375, 500, 625, 750, 875, 394, 420} | set(range(0, 1000, 10)) - {
        400,
        410,
    }
    assert sum(last - first + 1 for first, last in walk.unknown()) == 1000 - len(walk.values) - len(
        walk.refused
    )
    assert len(device.questions) < 140


def test_bits_are_read_two_thousand_at_once() -> None:
    device = Asked(set(range(4000)), 2000)
    device.walk(Walk(Table.COILS, 0, 3999))
    assert [question.count for question in device.questions] == [2000, 2000]


def test_of_a_table_that_is_not_there_nothing_more_is_asked() -> None:
    walk = Walk(HOLDING, 0, 999)
    assert walk.next() is not None
    walk.absent()
    assert walk.next() is None
    assert list(walk.unknown()) == [(0, 999)]


def test_a_question_stays_the_same_until_it_is_answered() -> None:
    walk = Walk(HOLDING, 0, 999)
    assert walk.next() is walk.next()
    walk.refuse(2)
    with pytest.raises(ValueError, match="nothing was asked"):
        walk.refuse(2)


@given(st.sets(st.integers(0, 500)))
def test_spans_are_what_they_are_made_of(addresses: set[int]) -> None:
    found = list(spans(sorted(addresses)))
    assert {at for first, last in found for at in range(first, last + 1)} == addresses
    assert all(before[1] + 1 < after[0] for before, after in pairwise(found))


def test_refusals_are_told_apart_by_their_exception() -> None:
    assert list(refusals({1: 2, 2: 2, 3: 4, 5: 2, 6: 0})) == [(1, 2, 2), (3, 3, 4), (5, 5, 2), (6, 6, 0)]
