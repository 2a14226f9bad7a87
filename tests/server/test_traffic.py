"""mbap.server.traffic."""

from __future__ import annotations

import pytest

from mbap.server.traffic import BOUNDS, Latencies, Traffic


def test_without_any_the_percentile_is_0() -> None:
    assert Latencies().percentile(0.99) == 0.0


def test_percentiles_are_right_to_a_quarter() -> None:
    times = Latencies()
    for milliseconds in range(1, 1001):
        times.add(milliseconds / 1000)
    assert times.percentile(0.5) == pytest.approx(0.5, rel=0.25)
    assert times.percentile(0.99) == pytest.approx(0.99, rel=0.25)
    assert times.count == 1000


def test_what_is_longer_than_the_longest_class_counts_too() -> None:
    times = Latencies()
    times.add(3600)
    assert times.percentile(0.5) > BOUNDS[-1]


def test_what_is_no_line_any_more_is_forgotten() -> None:
    traffic = Traffic()
    traffic.unit("a", 1).requests += 1
    traffic.unit("b", 1).requests += 1
    traffic.line("a").add(1)
    traffic.keep({"b"})
    assert list(traffic.units) == [("b", 1)]
    assert traffic.lines == {}
