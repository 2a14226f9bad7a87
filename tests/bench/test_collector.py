"""bench.collector: what counts as held."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bench.collector import Found, holds

FOUND = Found(
    reads=4_000.0,
    values=250_000.0,
    late=20.0,
    overruns=0,
    errors=0,
    cpu=0.7,
    memory=120.0,
    stored=249_000.0,
    lost=0,
    growth=100_000,
)


def test_a_rate_whose_backlog_comes_and_goes_is_held() -> None:
    assert holds(FOUND, 0.25)


@pytest.mark.parametrize(
    "found",
    [
        replace(FOUND, overruns=1),
        replace(FOUND, late=251.0),
        replace(FOUND, lost=1),
        replace(FOUND, growth=600_000),
    ],
    ids=["turns left out", "later than a turn", "values lost", "a backlog that grows"],
)
def test_a_rate_is_not_held_with(found: Found) -> None:
    assert not holds(found, 0.25)
