"""Entries of a map, and which of them cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mbap.addresses import Table
from mbap.collect.concentratormap import Entry, entry_faults
from mbap.values import Encoding

ENTRY = Entry(1, Table.HOLDING_REGISTERS, 10, Encoding("float32"), "a", "p", status=100)


def faults(*entries: Entry) -> str:
    return "; ".join(message for _, message in entry_faults(entries))


def test_entries_side_by_side_are_right() -> None:
    assert not faults(ENTRY, replace(ENTRY, address=12, point="q", status=102))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unit": 256}, "a unit is 0 to 255"),
        ({"address": 65_535}, "does not fit"),
        ({"status": 65_535}, "does not fit"),
        ({"encoding": None}, "needs a type"),
        ({"table": Table.COILS}, "has no type"),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, object], said: str) -> None:
    assert said in faults(replace(ENTRY, **change))  # type: ignore[arg-type]


def test_two_devices_cannot_share_a_register() -> None:
    other = replace(ENTRY, address=11, device="b", status=None)
    assert faults(ENTRY, other) == (
        "unit 1 holding registers 11 to 12 (references 40012 to 40013) is a.p already"
    )


def test_points_of_one_device_may_share_a_register() -> None:
    assert not faults(ENTRY, replace(ENTRY, address=11, point="q", status=None))


def test_two_entries_cannot_share_a_status() -> None:
    assert "is of a.p already" in faults(ENTRY, replace(ENTRY, address=20, point="q", status=101))


def test_a_status_cannot_lie_on_a_value_that_input_registers_show() -> None:
    assert "is of a.p already" in faults(replace(ENTRY, status=11))
    beside = replace(ENTRY, table=Table.INPUT_REGISTERS, address=40, point="q", status=None)
    assert not faults(replace(ENTRY, status=11), beside)
