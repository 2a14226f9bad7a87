"""bench.tables: what becomes of the figures."""

from __future__ import annotations

import pytest
from bench.measuring import Cell
from bench.rows import Contender, Table, Target
from bench.turns import Measured

from bench import tables

CONTENDERS = {
    "raw": Contender(("raw",), raw="raw"),
    "mbap": Contender(("mbap",), raw="raw"),
    "peer": Contender(("peer",), raw="raw"),
}


def measured(*, most: float = 1.5, ahead: tuple[str, ...] = ("peer",), peer: float = 40.0) -> Measured:
    targets = (Target("server, some load", "mbap", most, "raw", ahead),)
    table = Table("server", "Server, some load", (), CONTENDERS, targets)
    cells = {
        "raw": [Cell(10.0, 500.0), Cell(12.0, 400.0), Cell(11.0, 450.0)],
        "mbap": [Cell(15.0, 400.0, faults=(("lost", 2),)), Cell(14.0, 300.0, faults=(("lost", 1),))],
        "peer": [Cell(peer, 90.0, 1234.0)],
    }
    return Measured(table, cells)


def test_a_row_has_the_least_cpu_the_median_rate_and_ratios_of_both() -> None:
    assert tables.filled(measured()).splitlines() == [
        "|      | CPU us | x raw | x best | a second | of raw | of best | p99 us | faults |",
        "| ---- | -----: | ----: | -----: | -------: | -----: | ------: | -----: | -----: |",
        "| raw  |   10.0 |  1.00 |   1.00 |      450 |   1.00 |    1.00 |        |        |",
        "| mbap |   14.0 |  1.40 |   1.40 |      350 |   0.78 |    0.78 |        | lost 3 |",
        "| peer |   40.0 |  4.00 |   4.00 |     90.0 |   0.20 |    0.20 |  1,234 |        |",
    ]


def test_a_contender_that_failed_is_named_below_with_its_reason() -> None:
    found = measured()
    del found.cells["peer"]
    found.failed["peer"] = "did not listen"
    assert tables.filled(found).endswith("\n\npeer: did not listen")


@pytest.mark.parametrize(("most", "word"), [(1.4, "met"), (1.0, "missed by 40 %")])
def test_a_target_is_met_or_missed_by_so_much(most: float, word: str) -> None:
    (verdict,) = tables.verdicts(measured(most=most))
    assert verdict.met == word


@pytest.mark.parametrize(
    ("ahead", "peer", "word"),
    [
        (("peer",), 28.0, "yes: peer 2.00 x"),
        (("peer",), 7.0, "behind peer: peer 0.50 x"),
        (("absent",), 7.0, "-"),
        ((), 7.0, ""),
    ],
)
def test_it_says_whether_the_named_peers_cost_more(ahead: tuple[str, ...], peer: float, word: str) -> None:
    (verdict,) = tables.verdicts(measured(ahead=ahead, peer=peer))
    assert verdict.others == word


def test_a_target_without_a_raw_row_is_for_the_figure_itself() -> None:
    table = Table("memory", "Memory", (), CONTENDERS, (Target("memory", "mbap", 4.0),), unit="KiB")
    (verdict,) = tables.verdicts(Measured(table, {"mbap": [Cell(3.5, 0.0)]}))
    assert (verdict.figure, verdict.met) == (3.5, "met")


def test_a_target_of_what_is_not_there_is_left_out() -> None:
    found = measured()
    del found.cells["mbap"]
    assert tables.verdicts(found) == []


def test_memory_counts_only_where_every_connection_was_served() -> None:
    table = Table("server", "Server, 1,000 connections", ("--connections", "1000"), CONTENDERS)
    cells = {
        "mbap": [Cell(1.0, 1.0, served=1000, kib=3.0), Cell(1.0, 1.0, served=1000, kib=2.5)],
        "peer": [Cell(1.0, 1.0, served=700, kib=1.0)],
    }
    taken = tables.memory(Measured(table, cells))
    assert taken is not None
    assert tables.least(taken.cells["mbap"]) == 2.5
    assert taken.cells["peer"] == []


def test_memory_is_of_that_load_only() -> None:
    assert tables.memory(measured()) is None
