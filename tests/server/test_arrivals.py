"""Arrivals: who is let in at once, who waits and who is not, by the time that the test says it is."""

from __future__ import annotations

import pytest

from mbap.server.arrivals import KNOWN, MOST_KNOWN, MOST_RECENT, PATIENCE, QUIET, WINDOW, Arrivals, Budget

RATE = 10.0
STATION = "192.0.2.1"


def flood(arrivals: Arrivals, seconds: float, a_second: float, addresses: int = 200) -> int:
    """Others come so fast for so long; gives how many of them are let in."""
    times = [number / a_second for number in range(int(seconds * a_second))]
    waits = [arrivals.wait(f"198.51.100.{n % addresses}", when) for n, when in enumerate(times)]
    return sum(wait is not None for wait in waits)


def test_a_budget_gives_a_burst_at_once_and_the_rest_at_its_rate() -> None:
    budget = Budget(10.0, 3.0)
    assert [budget.take(0.0) for _ in range(5)] == pytest.approx([0.0, 0.0, 0.0, 0.1, 0.2])


def test_a_budget_fills_up_again_but_never_beyond_its_burst() -> None:
    budget = Budget(10.0, 2.0)
    assert [budget.take(when) for when in (0.0, 0.0, 100.0, 100.0, 100.0)] == pytest.approx(
        [0.0, 0.0, 0.0, 0.0, 0.1]
    )


def test_what_would_take_longer_than_somebody_has_patience_for_takes_nothing() -> None:
    budget = Budget(1.0, 1.0)
    assert budget.take(0.0, 0.5) == 0.0
    assert [budget.take(0.0, 0.5) for _ in range(9)] == 9 * [None]
    assert budget.take(0.6, 0.5) == pytest.approx(0.4)


def test_h030_of_a_flood_only_so_many_a_second_come_in() -> None:
    assert flood(Arrivals(RATE), 60.0, 400.0) == pytest.approx(2 * WINDOW * RATE + 60 * RATE, abs=5 * RATE)


def test_without_a_rate_all_come_in_at_once() -> None:
    arrivals = Arrivals(None)
    assert {arrivals.wait(STATION, 0.0) for _ in range(100_000)} == {0.0}


def test_h140_beside_a_flood_who_comes_for_the_first_time_comes_in_at_once() -> None:
    arrivals = Arrivals(RATE)
    flood(arrivals, 60.0, 400.0)
    assert arrivals.wait(STATION, 60.0) == 0.0


def test_h140_beside_a_flood_who_was_answered_before_comes_in_at_once_however_often() -> None:
    arrivals = Arrivals(RATE)
    arrivals.remember(STATION)
    flood(arrivals, 60.0, 400.0)
    assert {arrivals.wait(STATION, 60.0) for _ in range(int(KNOWN * RATE))} == {0.0}


def test_who_was_away_for_a_minute_comes_for_the_first_time_again() -> None:
    arrivals = Arrivals(RATE)
    arrivals.wait(STATION, 0.0)
    flood(arrivals, 60.0, 400.0)
    assert arrivals.wait(STATION, QUIET - 0.01) is None
    arrivals.wait(STATION, 0.0)
    assert arrivals.wait(STATION, 2 * QUIET) == 0.0


def test_one_address_leaves_half_to_the_others() -> None:
    arrivals = Arrivals(RATE)
    assert flood(arrivals, 1.0, 10_000.0, addresses=1) <= WINDOW * RATE + (PATIENCE + 1) * RATE / 2
    assert arrivals.wait(STATION, 1.0) == 0.0


def test_also_one_that_was_answered_leaves_half_to_the_others() -> None:
    arrivals = Arrivals(RATE)
    for address in ("198.51.100.0", STATION):
        arrivals.remember(address)
    let_in = flood(arrivals, 10.0, 10_000.0, addresses=1)
    assert let_in <= WINDOW * KNOWN * RATE + (10.0 + PATIENCE) * KNOWN * RATE / 2 + 1
    assert arrivals.wait(STATION, 10.0) == 0.0


def test_who_comes_a_little_too_fast_waits_in_turn() -> None:
    arrivals = Arrivals(RATE)
    arrivals.remember(STATION)
    at_once = int(WINDOW * KNOWN * RATE)
    assert {arrivals.wait(STATION, 0.0) for _ in range(at_once)} == {0.0}
    assert [arrivals.wait(STATION, 0.0) for _ in range(3)] == pytest.approx([0.02, 0.04, 0.06])


def test_all_addresses_of_an_ipv6_network_are_one() -> None:
    arrivals = Arrivals(RATE)
    arrivals.remember("2001:db8:0:1::1")
    assert arrivals.knows("2001:db8:0:1:2::3")
    assert not arrivals.knows("2001:db8:0:2::1")


def test_neighbours_on_one_link_are_told_apart() -> None:
    arrivals = Arrivals(RATE)
    arrivals.remember("fe80::1%eth0")
    assert arrivals.knows("fe80::1%eth0")
    assert not arrivals.knows("fe80::2%eth0")


def test_an_ipv4_address_is_the_same_written_as_ipv6() -> None:
    arrivals = Arrivals(RATE)
    arrivals.remember("::ffff:192.0.2.1")
    assert arrivals.knows(STATION)


def test_h155_however_many_addresses_come_few_are_kept() -> None:
    arrivals = Arrivals(1e6)
    for number in range(MOST_RECENT + 100):
        arrivals.wait(f"2001:db8:{number:x}::1", 0.0)
        arrivals.remember(f"2001:db9:{number:x}::1")
    assert (len(arrivals._recent), len(arrivals._known)) == (MOST_RECENT, MOST_KNOWN)
    assert arrivals.knows(f"2001:db9:{MOST_RECENT:x}::1")
    assert not arrivals.knows("2001:db9:0::1")


def test_who_keeps_coming_is_not_forgotten_for_others() -> None:
    arrivals = Arrivals(1e6)
    arrivals.remember(STATION)
    for number in range(2 * MOST_KNOWN):
        arrivals.wait(STATION, 0.0)
        arrivals.remember(f"2001:db9:{number:x}::1")
    assert arrivals.knows(STATION)
