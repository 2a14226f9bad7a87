"""The page's pure functions, called in the browser that runs them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from support.browsing import Visits
from support.served import ServedPlant

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

THIN = "\u202f"
STATE = {"kind": "state", "states": {"2": "running"}, "unit": ""}
BITS = {"kind": "bits", "states": {"0": "hot", "3": "service due"}, "unit": ""}
SCALED = {"kind": "gauge", "states": {}, "unit": "A", "decimals": 2}
FLOAT: dict[str, object] = {"kind": "gauge", "states": {}, "unit": "W", "decimals": None}
ENERGY: dict[str, object] = {"kind": "counter", "states": {}, "unit": "kWh", "decimals": None}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(browser: Browser, served: ServedPlant) -> AsyncIterator[Page]:
    """One page for all of these tests: they leave nothing behind."""
    visits = Visits(browser, served.url)
    yield await visits("#/communication")
    await visits.check_and_close()


async def results(page: Page, module: str, calls: list[tuple[str, list[object]]]) -> list[object]:
    """What the functions of a module give; undefined and not-a-number come as null."""
    text = await page.evaluate(
        """async ([module, calls]) => {
            const functions = await import(new URL(`static/${module}`, document.baseURI));
            return JSON.stringify(calls.map(([name, given]) => functions[name](...given) ?? null));
        }""",
        [module, calls],
    )
    found = json.loads(text)
    assert isinstance(found, list)
    return found


async def test_numbers_have_five_digits_and_groups(page: Page) -> None:
    numbers = [0, 7, 0.95, 230.123, 8420.79, 12345.6, 1234567, -0.5, 4e15, 0.00001, None]
    texts = await results(page, "format.js", [("number", [one]) for one in numbers])
    wide = [f"12{THIN}346", f"1{THIN}234{THIN}567", "\u22120.5000", "4.000e+15", "1.000e-5", "–"]
    assert texts == ["0", "7", "0.9500", "230.12", "8420.8", *wide]


async def test_a_value_is_shown_as_its_point_wants(page: Page) -> None:
    cases: list[tuple[object, object]] = [
        (STATE, 2), (STATE, 9), (BITS, 9), (BITS, 0), (BITS, 2), (SCALED, 3.7), (FLOAT, 835),
        (ENERGY, 84207.6), (STATE, True), (FLOAT, None), (FLOAT, "v1.2"),
    ]  # fmt: skip
    shown = await results(page, "format.js", [("valueOf", [point, value]) for point, value in cases])
    texts = [one["text"] for one in shown if isinstance(one, dict)]
    words = ["running", "9", "hot, service due", "none set", "bit 1"]
    assert texts == [*words, "3.70", "835.00", f"84{THIN}207.60", "on", "–", "v1.2"]


async def test_ages_are_short(page: Page) -> None:
    ages = await results(page, "format.js", [("duration", [ms]) for ms in (-5, 400, 12e3, 180e3, 8e6, 6e8)])
    assert ages == [one.replace(" ", THIN) for one in ("0.0 s", "0.4 s", "12 s", "3 min", "2 h", "7 d")]


async def test_sorting_puts_what_is_missing_last_both_ways(page: Page) -> None:
    pairs: list[tuple[str, list[object]]] = [
        ("compare", [1, 2, 1]), ("compare", [1, 2, -1]), ("compare", [None, 2, 1]),
        ("compare", [None, 2, -1]), ("compare", ["p10", "p9", 1]), ("compare", [1, "a", 1]),
    ]  # fmt: skip
    found = await results(page, "points.js", pairs)
    signs = [(one > 0) - (one < 0) for one in found if isinstance(one, int | float)]
    assert signs == [-1, 1, 1, 1, 1, -1]


def series(times: list[float], mean: list[float | None], step: float = 0) -> dict[str, object]:
    """A series of the history answer, with times given in seconds."""
    micro = [round(time * 1e6) for time in times]
    bad = [0 for _ in times]
    return {
        "id": "a.b",
        "step": step * 1e6,
        "times": micro,
        "low": None,
        "mean": mean,
        "high": None,
        "bad": bad,
    }


async def test_where_nothing_was_read_for_some_periods_there_is_a_gap(page: Page) -> None:
    lines = await results(page, "columns.js", [("lines", [series([1, 2, 30, 31], [1, 2, 3, 4]), 1000, 1e9])])
    (line,) = lines
    assert isinstance(line, dict)
    assert line["mean"] == [1, 2, None, 3, 4]
    assert line["times"] == [1000, 2000, 2001, 30000, 31000]


async def test_a_missing_row_of_a_roll_up_is_a_gap_and_rows_stand_at_their_middle(page: Page) -> None:
    (line,) = await results(
        page, "columns.js", [("lines", [series([0, 60, 240], [1, 2, 3], step=60), 1000, 1e9])]
    )
    assert isinstance(line, dict)
    assert line["times"] == [30000, 90000, 90001, 270000]
    assert line["mean"] == [1, 2, None, 3]


async def test_a_row_that_is_not_over_is_drawn_no_later_than_now(page: Page) -> None:
    (line,) = await results(page, "columns.js", [("lines", [series([0], [1], step=60), 1000, 5000])])
    assert isinstance(line, dict)
    assert line["times"] == [5000]


async def test_live_values_follow_history_and_leave_gaps_too(page: Page) -> None:
    line = {"id": "a.b", "step": 0, "times": [1000], "low": [1], "mean": [1], "high": [1], "bad": 0}
    tail = [[900, 9], [1500, 2], [60000, 3]]
    (longer,) = await results(page, "columns.js", [("withTail", [line, tail, 500])])
    assert isinstance(longer, dict)
    assert longer["mean"] == [1, 2, None, 3]


async def test_the_value_under_the_cursor_is_the_nearest_and_none_in_a_gap(page: Page) -> None:
    line = {"step": 0, "times": [1000, 2000, 2001, 60000], "low": [1, 2, None, 3], "mean": [1, 2, None, 3]}
    line["high"] = line["mean"]
    calls: list[tuple[str, list[object]]] = [
        ("nearest", [line, at, 1000]) for at in (1400, 1600, 30000, 61000)
    ]
    found = await results(page, "columns.js", calls)
    assert [one and one["mean"] for one in found if one is None or isinstance(one, dict)] == [1, 2, None, 3]


async def test_zooming_keeps_the_time_under_the_pointer(page: Page) -> None:
    (closer,) = await results(page, "range.js", [("zoomed", [{"from": 0, "to": 100_000}, 0.5, 25_000])])
    assert closer == {"from": 12_500, "to": 62_500}


async def test_moving_stops_where_only_the_future_is_left(page: Page) -> None:
    (moved,) = await results(page, "range.js", [("panned", [{"from": 0, "to": 1000}, 5, 2000])])
    assert moved == {"from": 1950, "to": 2950}


async def test_rates_are_growth_a_second_and_a_restart_begins_at_nothing(page: Page) -> None:
    trend = {"times": [0, 10_000, 20_000, 30_000], "mean": [100, 120, None, 5]}
    restart = {"times": [0, 10_000], "mean": [100, 5]}
    first, second = await results(page, "communication.js", [("rates", [trend]), ("rates", [restart])])
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["mean"] == [None, 2, None, None]
    assert second["mean"] == [None, 0]
