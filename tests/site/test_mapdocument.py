"""Maps of every profile there is, as Markdown and as profiles that mbap reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbap.collect.concentratorcells import Otherwise
from mbap.collect.concentratorlayout import Style, extended
from mbap.collect.device import PolledDevice
from mbap.collect.profilefile import parse_profile
from mbap.collect.profiles import load_profile, profile_names
from mbap.site.mapdocument import map_document, map_profile, points_of
from mbap.site.mapfile import read_map, write_map
from mbap.site.serverplan import ServerPlan

STYLES = [Style(), Style("packed", normal=True), Style("mirror")]


def planned(
    name: str, style: Style, otherwise: Otherwise = "sentinel"
) -> tuple[ServerPlan, list[PolledDevice]]:
    """The map of two devices with the profile *name*."""
    profile = load_profile(name)
    devices = [PolledDevice(title, title, profile) for title in ("one", "two")]
    entries = tuple(extended([], devices, style))
    return ServerPlan((), Path("map.csv"), entries, otherwise=otherwise, writes=True), devices


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.arrangement)
@pytest.mark.parametrize("name", profile_names())
def test_the_profile_of_a_map_can_be_read_and_says_what_the_map_says(name: str, style: Style) -> None:
    plan, devices = planned(name, style)
    (unit, entries), *_ = plan.by_unit().items()
    profile = parse_profile(map_profile("Works", plan, points_of(devices), unit), "works")
    assert [(p.table, p.address, p.count) for p in profile.points] == [
        (e.table, e.address, e.count) for e in entries
    ]
    for point, entry in zip(profile.points, entries, strict=True):
        assert point.unit == entry.measured_in
        if point.encoding is not None and entry.encoding is not None:
            assert point.encoding.struct_format == entry.encoding.struct_format
            assert (point.encoding.scale, point.encoding.bit) == (entry.encoding.scale, entry.encoding.bit)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.arrangement)
@pytest.mark.parametrize("name", profile_names())
def test_the_map_of_every_profile_is_read_as_it_was_written(tmp_path: Path, name: str, style: Style) -> None:
    entries = list(planned(name, style)[0].entries)
    write_map(tmp_path / "map.csv", entries)
    found, faults = read_map(tmp_path / "map.csv")
    assert not faults
    assert found == entries


def test_the_document_has_a_heading_for_each_unit_and_says_what_is_bad() -> None:
    plan, devices = planned("sdm120", Style(), "last")
    document = map_document("Works", plan, points_of(devices))
    assert "## Unit 2: two" in document
    assert "keeps its last good one" in document


def test_what_is_gone_is_called_so() -> None:
    plan, devices = planned("sdm120", Style())
    document = map_document("Works", plan, points_of(devices[:1]))
    assert "| gone |" in document
