"""bench.probe: the score of `mbap probe` does not fall."""

from __future__ import annotations

import pytest

from bench import probe
from mbap.collect.profiles import load_profile


@pytest.mark.parametrize("order", probe.ORDER_NAMES)
def test_the_first_guess_is_right_for_most_points_of_real_devices(order: str) -> None:
    total = probe.Score()
    for name in probe.real_profiles():
        total += probe.score(name, order)
    assert total.counted > 300
    assert total.share >= 0.93
    assert total.scale_share >= 0.95


@pytest.mark.parametrize("order", probe.ORDER_NAMES)
def test_maps_with_which_nothing_was_tuned_are_read_nearly_as_well(order: str) -> None:
    total = probe.Score()
    for name in probe.held_out():
        total += probe.score(name, order)
    assert total.share >= 0.78


def test_fifteen_real_devices_or_more_are_scored() -> None:
    assert len(probe.real_profiles()) >= 15


def test_every_map_of_the_tests_names_its_source() -> None:
    assert [len(load_profile(name).sources) for name in probe.held_out()] == [1] * 4
