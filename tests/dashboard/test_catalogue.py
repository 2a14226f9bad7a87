"""The catalogue of points."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

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


def test_every_entry_is_found_by_its_number_and_every_number_by_its_id() -> None:
    catalogue = Catalogue(devices())
    ids = [entry.id for entry in catalogue.entries]
    assert [catalogue.entries[number].id for number in range(len(catalogue.entries))] == ids
    assert [catalogue.numbers[one] for one in ids] == list(range(len(ids)))
    assert list(catalogue.numbers) == ids


def test_there_is_no_entry_beyond_the_last() -> None:
    catalogue = Catalogue(devices())
    with pytest.raises(IndexError):
        catalogue.entries[len(catalogue.entries)]


@pytest.mark.parametrize("series", ["nobody.power", "main.nothing", "main", "", "main.power.power"])
def test_what_is_no_point_has_no_number(series: str) -> None:
    catalogue = Catalogue(devices())
    assert series not in catalogue.numbers
    assert not catalogue.knows(series)


def test_a_counter_is_known_of_known_devices_only() -> None:
    catalogue = Catalogue(devices())
    assert catalogue.knows("main.comm_timeouts")
    assert not catalogue.knows("nobody.comm_timeouts")


@pytest.mark.parametrize(("series", "nearest"), [("main.powr", "main.power"), ("mian.power", "main.power")])
def test_the_nearest_id_is_of_the_device_or_of_one_with_a_similar_name(series: str, nearest: str) -> None:
    assert Catalogue(devices()).nearest(series) == nearest


def test_another_period_is_another_revision() -> None:
    profile = Profile("p", "P", (Point("x", Table.HOLDING_REGISTERS, 1, Encoding()),))
    one, other = device("d", "D", profile), replace(device("d", "D", profile), periods={"default": 77.0})
    assert Catalogue([one]).revision != Catalogue([other]).revision


def test_a_site_of_a_million_points_has_a_small_catalogue() -> None:
    points = tuple(Point(f"p{n}", Table.HOLDING_REGISTERS, n, Encoding()) for n in range(100))
    profile = Profile("p", "P", points)
    many = [device(f"d{n}", "D", profile) for n in range(1000)]
    tracemalloc.start()
    catalogue = Catalogue(many)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(catalogue.entries) == 100_000
    assert size < 400_000
