"""bench.doctor: what the doctor names does not get worse, and is never wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from bench import doctor


def tallied(kind: str, layout: str, *, still: bool = False) -> Counter[str]:
    """The verdicts over all orders, with one seed."""
    total: Counter[str] = Counter()
    for turn in range(len(doctor.TURNS)):
        total += doctor.tally(kind, turn, layout, 1, still=still).counts
    return total


@pytest.mark.parametrize(("layout", "least"), [("bare", 104), ("filled", 90), ("open", 70)])
def test_addresses_one_off_in_any_order_are_named_and_never_wrongly(layout: str, least: int) -> None:
    found = tallied("near", layout)
    assert found.total() == 112
    assert found["wrong"] == found["other"] == 0
    assert found["right"] >= least


@pytest.mark.parametrize("layout", doctor.LAYOUTS)
def test_values_that_stand_still_lead_to_no_wrong_name_either(layout: str) -> None:
    found = tallied("near", layout, still=True)
    assert found["wrong"] == found["other"] == 0
    assert found["right"] >= 50


def test_places_far_away_are_named_and_never_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SHIFTS", {"far": (-40001, -256, 1000, 30000)})
    found = tallied("far", "bare")
    assert found["wrong"] == 0
    assert found["right"] >= 0.93 * found.total()


@pytest.mark.parametrize("layout", doctor.LAYOUTS)
def test_what_is_as_the_profile_says_is_never_called_wrong(layout: str) -> None:
    found = doctor.tally("as it is", 0, layout, 5)
    assert set(found.counts) == {"right"}
    assert found.most <= 100
