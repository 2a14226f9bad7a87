"""bench.probe: the score of `mbap probe` does not fall."""

from __future__ import annotations

import random

import pytest
from bench.probeworlds import worlds

from bench import probe
from mbap.collect.profiles import load_profile


@pytest.mark.parametrize("order", probe.ORDER_NAMES)
def test_the_first_guess_is_right_for_most_points_of_real_devices(order: str) -> None:
    total = probe.Score()
    for name in probe.real_profiles():
        total += probe.score(name, order)
    assert total.counted > 300
    assert total.share >= 0.96
    assert total.scale_share >= 0.95
    assert probe.said_share(total, "sure") >= 0.98
    assert probe.said_share(total, "likely") >= 0.85


Scores = dict[int, dict[str, dict[str, probe.Score]]]


@pytest.fixture(scope="module")
def held_out() -> Scores:
    """The scores of the maps that are held out, by number of samples."""
    return {samples: probe.total(samples, names=probe.held_out()) for samples in (1, probe.SAMPLES)}


def test_maps_with_which_nothing_was_set_are_read_nearly_as_well(held_out: Scores) -> None:
    assert probe.summed(held_out[probe.SAMPLES]).share >= 0.92
    assert all(probe.summed(held_out[probe.SAMPLES], order).share >= 0.9 for order in probe.ORDER_NAMES)


def test_five_samples_are_no_worse_than_one_on_any_map(held_out: Scores) -> None:
    shares = {
        samples: {name: probe.summed({name: one}).share for name, one in scores.items()}
        for samples, scores in held_out.items()
    }
    worse = [name for name, share in shares[probe.SAMPLES].items() if share < shares[1][name]]
    assert worse == []


@pytest.mark.parametrize("samples", [1, probe.SAMPLES])
def test_what_is_said_to_be_sure_or_likely_is(held_out: Scores, samples: int) -> None:
    every = probe.summed(held_out[samples])
    assert probe.said_share(every, "sure") >= 0.98
    assert probe.said_share(every, "likely") >= 0.85


@pytest.mark.parametrize("seed", [1, 2])
def test_what_counts_in_the_simulation_never_falls(seed: int) -> None:
    profile = load_profile("sdm120")
    seen = worlds(profile, random.Random(seed), 20)
    energies = [[world["import_energy"] for world in seen], [world["export_energy"] for world in seen]]
    assert energies == [sorted(one) for one in energies]


def test_fifteen_real_devices_or_more_are_scored() -> None:
    assert len(probe.real_profiles()) >= 15


def test_every_map_of_the_tests_names_its_source() -> None:
    assert [len(load_profile(name).sources) for name in probe.held_out()] == [1] * 9
