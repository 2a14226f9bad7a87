"""Device files in tests: what they say, and what is wrong with them."""

from __future__ import annotations

import pytest

from mbap.addresses import Table
from mbap.filefaults import FileFaults
from mbap.server.devicefile import Moving, UnitTables, parse_device_file
from mbap.server.formula import Formula
from mbap.server.waves import Motion

HOLDING = Table.HOLDING_REGISTERS


def unit(text: str) -> UnitTables:
    return parse_device_file(text).units[1]


def holding(entry: str, head: str = "") -> dict[int, list[int]]:
    return unit(f"{head}\n[units.1.holding]\n{entry}").values[HOLDING]


def motion_of(moving: Moving) -> Motion:
    assert not isinstance(moving.motion, Formula)
    return moving.motion


def problems(text: str) -> list[str]:
    with pytest.raises(FileFaults) as caught:
        parse_device_file(text)
    return [f"{fault.path}: {fault.message}" for fault in caught.value.faults]
