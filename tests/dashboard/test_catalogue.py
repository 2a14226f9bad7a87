"""The catalogue of points."""

from __future__ import annotations

import pytest

from mbap.addresses import Table
from mbap.collect.registermap import Point, Profile
from mbap.dashboard.catalogue import Catalogue
from mbap.values import Encoding
from support.plant import device, devices


def entry_of(encoding: Encoding | None, table: Table = Table.HOLDING_REGISTERS) -> dict[str, object]:
    profile = Profile("p", "P", (Point("x", table, 107, encoding),))
    return Catalogue([device("d", "D", profile)]).entries[0].as_json()


@pytest.mark.parametrize(
    ("encoding", "decimals"),
    [
        (Encoding("uint16"), 0),
        (Encoding("uint16", scale=0.01), 2),
        (Encoding("int32", scale=0.1, offset=0.005), 3),
        (Encoding("uint32", scale=1000), 0),
        (Encoding("float32"), None),
        (None, None),
    ],
)
def test_decimals_are_those_of_the_scale(encoding: Encoding | None, decimals: int | None) -> None:
    table = Table.COILS if encoding is None else Table.HOLDING_REGISTERS
    assert entry_of(encoding, table)["decimals"] == decimals


def test_a_point_has_its_address_in_both_notations() -> None:
    entry = entry_of(Encoding())
    assert (entry["table"], entry["address"], entry["reference"]) == ("holding", 107, "40108")


def test_a_point_in_a_table_of_bits_is_a_bool() -> None:
    assert entry_of(None, Table.COILS)["type"] == "bool"


def test_the_same_points_have_the_same_revision() -> None:
    assert Catalogue(devices()).revision == Catalogue(devices()).revision


def test_other_points_have_another_revision() -> None:
    assert Catalogue(devices()).revision != Catalogue(devices(extra=1)).revision


def test_the_unit_of_a_counter_of_milliseconds_is_known() -> None:
    catalogue = Catalogue(devices())
    assert catalogue.unit("main.comm_latency_p99_ms") == "ms"
    assert catalogue.unit("main.comm_timeouts") == ""
