"""Trends over HTTP: parameters, JSON, CSV, and what goes wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import httpx
import pytest

from mbap.dashboard.catalogue import Catalogue
from mbap.dashboard.history import parse_query, parse_time
from mbap.dashboard.problems import Problem
from mbap.sinks.base import Series, Trend
from support.plant import DAY, HOUR, MINUTE, SECOND, FakePlant, FakeStore, devices

NOW = 1_780_000_000 * SECOND


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(devices())


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1780000000000000", NOW),
        ("2026-05-28T20:26:40Z", NOW),
        ("2026-05-28T22:26:40 02:00", NOW),  # a + in a URL arrives as a space
        ("2026-05-28T20:26:40", NOW),
        ("2026-05-28 20:26:40", NOW),
        ("1970-01-01", 0),
    ],
)
def test_times_are_microseconds_or_iso_8601(text: str, time: int) -> None:
    assert parse_time(text, "from") == time


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "9" * 30, "12.5", "²", "0001-01-01"])
def test_other_times_are_a_problem(text: str) -> None:
    with pytest.raises(Problem, match="'from' is"):
        parse_time(text, "from")


def test_without_times_it_is_the_last_hour(catalogue: Catalogue) -> None:
    query = parse_query({"series": "main.power"}, catalogue, NOW)
    assert (query.start, query.end) == (NOW - HOUR, NOW)


def test_a_series_is_asked_for_once(catalogue: Catalogue) -> None:
    query = parse_query({"series": "main.power,pump.flow,main.power,"}, catalogue, NOW)
    assert query.series == (Series("main", "power"), Series("pump", "flow"))


def test_communication_counters_are_series_too(catalogue: Catalogue) -> None:
    query = parse_query({"series": "main.comm_timeouts"}, catalogue, NOW)
    assert query.series == (Series("main", "comm_timeouts"),)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, "'series' lists 1 to 200 ids"),
        ({"series": ","}, "'series' lists 1 to 200 ids"),
        ({"series": "main.powr"}, "did you mean main.power"),
        ({"series": "main.comm_nonsense"}, "there is no point 'main.comm_nonsense'"),
        ({"series": "nobody.comm_timeouts"}, "there is no point"),
        ({"series": "main.power", "from": "2", "to": "1"}, "'from' is not before 'to'"),
        ({"series": "main.power", "steps": "0"}, "'steps' is a whole number from 1 to 5000"),
        ({"series": "main.power", "steps": "1e3"}, "'steps' is a whole number from 1 to 5000"),
        ({"series": "main.power", "steps": "100000000"}, "'steps' is a whole number from 1 to 5000"),
    ],
)
def test_a_wrong_parameter_is_one_sentence(
    catalogue: Catalogue, parameters: dict[str, str], sentence: str
) -> None:
    with pytest.raises(Problem) as raised:
        parse_query(parameters, catalogue, NOW)
    assert sentence in raised.value.detail


async def history(client: httpx.AsyncClient, **parameters: object) -> httpx.Response:
    return await client.get("/api/v1/history", params={k: str(v) for k, v in parameters.items()})


async def test_a_day_comes_from_roll_ups_with_low_and_high(client: httpx.AsyncClient) -> None:
    response = await history(client, series="main.power", **{"from": NOW - DAY}, to=NOW, steps=200)
    (trend,) = response.json()["series"]
    assert trend["step"] == 10 * MINUTE
    assert trend["unit"] == "W"
    rows = zip(trend["low"], trend["mean"], trend["high"], strict=True)
    assert all(low <= mean <= high for low, mean, high in rows if mean is not None)


async def test_a_minute_comes_as_samples_without_low_and_high(client: httpx.AsyncClient) -> None:
    response = await history(client, series="main.power", **{"from": NOW - MINUTE}, to=NOW)
    (trend,) = response.json()["series"]
    assert (trend["step"], trend["low"], trend["high"]) == (0, None, None)
    assert len(trend["times"]) == len(trend["mean"]) == 120


async def test_a_gap_is_null(client: httpx.AsyncClient) -> None:
    start = NOW - 2 * HOUR + 10 * MINUTE
    response = await history(client, series="main.power", **{"from": start}, to=start + 6 * HOUR, steps=40)
    (trend,) = response.json()["series"]
    assert trend["mean"][0] is None
    assert trend["bad"][0] > 0


async def test_csv_has_a_column_for_each_series_and_utc_times(client: httpx.AsyncClient) -> None:
    start = NOW - MINUTE
    response = await history(
        client, series="main.power,pump.flow", **{"from": start}, to=start + SECOND, format="csv"
    )
    lines = response.text.split("\r\n")
    assert lines[0] == "time,main.power [W],pump.flow [m³/h]"
    assert lines[1].startswith("2026-05-28T20:25:40.000Z,")
    assert len(lines) == 4
    assert "attachment" in response.headers["content-disposition"]


async def test_csv_of_roll_ups_has_low_mean_and_high(client: httpx.AsyncClient) -> None:
    response = await history(
        client, series="main.power", **{"from": NOW - DAY}, to=NOW, steps=20, format="csv"
    )
    assert response.text.startswith("time,main.power low [W],main.power mean [W],main.power high [W]\r\n")


async def test_csv_leaves_a_gap_empty(client: httpx.AsyncClient) -> None:
    start = NOW - 2 * HOUR + 10 * MINUTE
    response = await history(
        client, series="main.power", **{"from": start}, to=start + 6 * HOUR, steps=36, format="csv"
    )
    assert response.text.split("\r\n")[1].endswith("Z,,,")


async def test_another_format_is_a_problem(client: httpx.AsyncClient) -> None:
    response = await history(client, series="main.power", format="xls")
    assert (response.status_code, response.json()["detail"]) == (400, "'format' is json or csv.")


async def test_without_a_store_there_is_no_history(client: httpx.AsyncClient, fake: FakePlant) -> None:
    fake.plant.store = None
    response = await history(client, series="main.power")
    assert response.status_code == 404
    assert "keeps no history" in response.json()["detail"]


async def test_a_store_that_cannot_be_read_says_why(client: httpx.AsyncClient, fake: FakePlant) -> None:
    fake.store.failing = "history.db is locked by another program."
    response = await history(client, series="main.power")
    assert response.status_code == 503
    assert response.json()["detail"] == "history cannot be read: history.db is locked by another program."


class SlowStore(FakeStore):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.let = threading.Event()
        self.reading = 0
        self.most = 0
        self._lock = threading.Lock()

    def trends(self, series: Sequence[Series], start: int, end: int, steps: int) -> list[Trend]:
        with self._lock:
            self.reading += 1
            self.most = max(self.most, self.reading)
        assert self.let.wait(5)
        with self._lock:
            self.reading -= 1
        return super().trends(series, start, end, steps)


async def test_a_slow_store_holds_nothing_else_up(client: httpx.AsyncClient, fake: FakePlant) -> None:
    slow = fake.plant.store = SlowStore()
    waiting = asyncio.create_task(history(client, series="main.power"))
    assert (await client.get("/healthz")).status_code == 200
    slow.let.set()
    assert (await waiting).status_code == 200


async def test_queries_beyond_the_limit_are_turned_away(client: httpx.AsyncClient, fake: FakePlant) -> None:
    slow = fake.plant.store = SlowStore()
    tasks = [asyncio.create_task(history(client, series="main.power")) for _ in range(60)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=5)
    slow.let.set()
    statuses = [(await task).status_code for task in tasks]
    assert (statuses.count(200), statuses.count(503), slow.most) == (50, 10, 4)
