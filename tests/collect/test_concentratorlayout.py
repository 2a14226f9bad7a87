"""Places for points: found once, kept for ever."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.collect.concentratorlayout import Arrangement, Style, extended
from mbap.collect.concentratormap import Entry, entry_faults
from mbap.collect.device import PolledDevice
from mbap.collect.registermap import Point
from mbap.values import Encoding
from support.concentrating import POINTS, device
from support.meters import registers

_ENCODINGS = (Encoding(), Encoding("float32"), Encoding("float64"), Encoding("string", length=5), None)

KINDS = st.integers(0, len(_ENCODINGS) - 1)
SITES = st.dictionaries(
    st.sampled_from("abcdef"), st.dictionaries(st.sampled_from("pqrstuvw"), KINDS, min_size=1), max_size=5
)
STYLES = st.builds(
    Style,
    st.sampled_from(("units", "packed", "map")),
    st.booleans(),
    st.just(40_000),
)


def point(name: str, kind: int) -> Point:
    encoding = _ENCODINGS[kind]
    table = Table.COILS if encoding is None else Table.HOLDING_REGISTERS
    return Point(name, table, 8 * ord(name), encoding)


def devices(site: dict[str, dict[str, int]]) -> list[PolledDevice]:
    return [device(name, [point(key, kind) for key, kind in points.items()]) for name, points in site.items()]


def places(entries: Sequence[Entry]) -> list[tuple[int, Table, int]]:
    return [(entry.unit, entry.table, entry.address) for entry in entries]


@given(st.lists(st.tuples(SITES, STYLES), min_size=1, max_size=6))
def test_whatever_comes_and_goes_no_entry_ever_moves(
    history: list[tuple[dict[str, dict[str, int]], Style]],
) -> None:
    entries: list[Entry] = []
    for site, style in history:
        after = extended(entries, devices(site), style)
        assert after[: len(entries)] == entries
        entries = after


@given(st.lists(st.tuples(SITES, STYLES), min_size=1, max_size=6))
def test_no_two_entries_ever_share_an_address(history: list[tuple[dict[str, dict[str, int]], Style]]) -> None:
    entries: list[Entry] = []
    for site, style in history:
        entries = extended(entries, devices(site), style)
        assert not list(entry_faults(entries))


@given(SITES, STYLES)
def test_finding_places_twice_finds_nothing_new(site: dict[str, dict[str, int]], style: Style) -> None:
    once = extended([], devices(site), style)
    assert extended(once, devices(site), style) == once


def test_every_device_gets_a_unit() -> None:
    entries = extended([], [device("a"), device("b")], Style())
    assert [(entry.device, entry.unit) for entry in entries[:: len(POINTS)]] == [("a", 1), ("b", 2)]


def test_equal_devices_have_equal_places() -> None:
    entries = extended([], [device("a"), device("b")], Style())
    half = len(POINTS)
    assert [p[1:] for p in places(entries[:half])] == [p[1:] for p in places(entries[half:])]


def test_packed_devices_share_a_unit() -> None:
    assert {entry.unit for entry in extended([], [device("a"), device("b")], Style("packed"))} == {1}


def test_a_packed_device_that_does_not_fit_begins_a_unit() -> None:
    big = [device(name, registers(150)) for name in "abc"]
    units = [entry.unit for entry in extended([], big, Style("packed", status_from=400))]
    assert units[::150] == [1, 1, 2]


def test_the_unit_of_a_device_that_is_gone_is_not_given_again() -> None:
    before = extended([], [device("a"), device("b")], Style())
    after = extended(before, [device("a"), device("c")], Style())
    assert {entry.unit for entry in after if entry.device == "c"} == {3}


def test_a_new_point_comes_behind_the_others_of_its_device() -> None:
    before = extended([], [device("a"), device("b")], Style())
    new = Point("new", Table.HOLDING_REGISTERS, 99, Encoding())
    after = extended(before, [device("a", (*POINTS, new)), device("b")], Style())
    assert (after[-1].unit, after[-1].address) == (1, 4)


def test_two_registers_begin_at_even_addresses() -> None:
    points = (point("p", 0), point("q", 1), point("r", 0), point("s", 1))
    assert [entry.address for entry in extended([], [device("a", points)], Style())] == [0, 2, 4, 6]


@pytest.mark.parametrize(("style", "advice"), [("units", "packed"), ("packed", "map of your own")])
def test_when_units_run_out_that_is_said_with_what_to_do(style: Arrangement, advice: str) -> None:
    many = [device(f"d{number}", registers(2)) for number in range(248)]
    with pytest.raises(ValueError, match=advice):
        extended([], many, Style(style, status_from=2))


def test_of_several_sentinels_the_first_is_served() -> None:
    two = Point("p", Table.HOLDING_REGISTERS, 0, Encoding("int16", sentinels=(0x7FFF, 0x8000)))
    (entry,) = extended([], [device("a", [two])], Style())
    assert entry.encoding == Encoding("int16", sentinels=(0x7FFF,))


def test_a_map_of_ones_own_is_not_added_to() -> None:
    assert extended([], [device("a")], Style("map")) == []
