"""Ranges: many equal things in one line."""

from __future__ import annotations

import pytest

from mbap.site.ranges import numbers, spelled_out


def test_numbers_spells_ranges_out_and_keeps_the_order() -> None:
    assert numbers("1-3,7") == ["1", "2", "3", "7"]


def test_leading_zeros_are_kept() -> None:
    assert numbers("08-10") == ["08", "09", "10"]


def test_a_host_with_a_range_stands_for_each_of_its_hosts() -> None:
    assert spelled_out("tcp://10.0.0.[9-10]:1502") == [
        ("9", "tcp://10.0.0.9:1502"),
        ("10", "tcp://10.0.0.10:1502"),
    ]


def test_a_host_without_a_range_stands_for_itself() -> None:
    assert spelled_out("tcp://[::1]:1502") == [("", "tcp://[::1]:1502")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5-1", "backwards"),
        ("1,1", "twice"),
        ("a", "not a list"),
        ("", "not a list"),
        ("1-99999", "longer than"),
    ],
)
def test_what_is_no_range_is_said_to_be_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        numbers(text)


def test_two_ranges_in_one_host_are_refused() -> None:
    with pytest.raises(ValueError, match="more than one"):
        spelled_out("10.0.[1-2].[1-9]")
