"""How much may wait for the history of a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbap.collect.readings import Readings
from mbap.collect.stream import Stream
from mbap.sinks.base import StoreError
from mbap.sinks.sqlite import SqliteStore
from mbap.site.history import FEWEST_VALUES, History
from mbap.site.plan import HistoryPlan


@pytest.mark.parametrize(("points", "waiting"), [(10, FEWEST_VALUES), (500_000, 1_500_000)])
async def test_three_values_of_each_point_of_a_large_site_can_wait(
    points: int, waiting: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(SqliteStore, "write", full)
    stream: Stream[Readings] = Stream()
    history = History(HistoryPlan(tmp_path / "history.db", 60.0, None, None, 1.0), stream, points)
    await history.open()
    names = ("x",) * 10_000
    for time in range(1 + waiting // len(names)):
        stream.publish(Readings("d", time, names, names))
    await history.close()
    assert history.lost == waiting + len(names)
    assert history.report()["dropped"] == waiting + len(names)
