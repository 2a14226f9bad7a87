"""The page in a browser: values move, tables sort, trends zoom, connections come back."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from support.browsing import Visit, violations
from support.plant import METER, SECOND, device, devices
from support.served import ServedPlant

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGES = ["#/overview", "#/points", "#/trends?s=main.power,pump.flow,pump.state", "#/communication"]
TREND = "#/trends?s=main.power,pump.flow,main.voltage_l1&span={}"
CAPTION = ".trend-caption"


@pytest.fixture(autouse=True)
def restored(served: ServedPlant) -> Iterator[None]:
    """Whatever a test did to the plant is undone."""
    yield
    served.moving = True
    served.fake.silent = {"spare"}
    served.fake.problems = []
    served.fake.plant.store = served.fake.store


def key_value(page: Page, card: str, name: str) -> str:
    return f".card:has-text('{card}') .key:has-text('{name}') .value"


async def moves(page: Page, selector: str) -> None:
    """The text of *selector* changes by itself."""
    before = await page.locator(selector).first.inner_text()
    await expect(page.locator(selector).first).not_to_have_text(before)


async def test_overview_shows_a_card_for_each_device_by_area(visit: Visit) -> None:
    page = await visit("#/overview")
    await expect(page.locator(".card h3")).to_have_text(
        ["Main meter", "Hall meter", "Circulation pump", "Spare pump"]
    )
    await expect(page.locator(".area h2")).to_have_text(["Electrical room", "Pump house"])


LATE = """{
    const later = window.setTimeout;
    window.requestAnimationFrame = (draw) => later(() => draw(performance.now()), 2000);
    window.setTimeout = (work, time = 0, ...rest) => later(work, time < 200 ? 2000 : time, ...rest);
}"""
"""A tab that nobody looks at, or a busy machine: the server answers before anything is drawn."""


@pytest.mark.parametrize("address", PAGES)
async def test_a_page_is_drawn_where_all_was_fetched_before_its_first_frame(
    visit: Visit, address: str
) -> None:
    page = await visit(address, script=LATE)
    await expect(page.locator(".connection")).to_contain_text("live")


async def test_overview_values_move(visit: Visit) -> None:
    page = await visit("#/overview")
    await moves(page, key_value(page, "Main meter", "Power"))


async def test_overview_says_which_device_fails_and_why(visit: Visit) -> None:
    page = await visit("#/overview")
    card = page.locator(".card", has_text="Spare pump")
    await expect(card.locator(".card-head .chip")).to_have_text("Failing")
    await expect(card.locator(".key .chip").first).to_have_text("timeout")


async def test_overview_names_a_state_instead_of_its_number(visit: Visit) -> None:
    page = await visit("#/overview")
    state = page.locator(key_value(page, "Circulation pump", "State"))
    await expect(state).to_have_text(re.compile("running|starting|stopped"))


async def test_a_value_that_no_longer_comes_becomes_stale(visit: Visit, served: ServedPlant) -> None:
    page = await visit("#/overview")
    served.moving = False
    chip = page.locator(".card", has_text="Main meter").locator(".key .chip").first
    await expect(chip).to_have_text("stale")


async def test_a_problem_of_the_whole_is_shown_on_top(visit: Visit, served: ServedPlant) -> None:
    page = await visit("#/points")
    served.fake.problems = ["history cannot be written: the disk is full."]
    await expect(page.get_by_role("alert")).to_have_text("history cannot be written: the disk is full.")


async def test_points_lists_every_value_and_they_move(visit: Visit) -> None:
    page = await visit("#/points")
    await expect(page.locator(".count")).to_have_text("30 points")
    await moves(page, ".row:has-text('main.power') .now")


async def test_points_are_filtered_by_words_and_the_address_keeps_it(visit: Visit) -> None:
    page = await visit("#/points")
    await page.keyboard.press("/")
    await page.keyboard.type("main volt")
    await expect(page.locator(".row")).to_have_count(3)
    assert "q=main+volt" in page.url


async def test_points_that_are_not_good_can_be_singled_out(visit: Visit) -> None:
    page = await visit("#/points")
    await page.get_by_label("Quality").select_option("other")
    await expect(page.locator(".count")).to_have_text("5 of 30 points")


async def test_points_are_sorted_by_value_up_and_down(visit: Visit, served: ServedPlant) -> None:
    page = await visit("#/points?q=voltage")
    served.moving = False
    for direction, descending in (("ascending", False), ("descending", True)):
        await page.get_by_role("button", name="Value").click()
        await expect(page.get_by_role("columnheader", name="Value")).to_have_attribute("aria-sort", direction)
        values = [float(text) for text in await page.locator(".row .now").all_inner_texts()]
        assert values == sorted(values, reverse=descending)


async def test_a_bit_field_shows_the_names_of_its_bits(visit: Visit) -> None:
    page = await visit("#/points?q=warnings+pump&device=pump")
    await expect(page.locator(".row .now")).to_have_text(re.compile("service due"))


async def test_hundreds_of_points_draw_only_what_is_in_sight(visit: Visit, served: ServedPlant) -> None:
    before = served.fake.plant.devices
    try:
        served.fake.plant.devices = [device(f"meter_{n}", f"Meter {n}", METER) for n in range(60)]
        page = await visit("#/points")
        await expect(page.locator(".count")).to_have_text("600 points")
        assert await page.locator(".row").count() < 80
        await page.evaluate("scrollTo(0, document.body.scrollHeight)")
        await expect(page.locator(".c-id", has_text="meter_59.energy")).to_be_visible()
        assert await page.locator(".row").count() < 80
    finally:
        served.fake.plant.devices = before


async def test_other_devices_appear_without_loading_the_page_again(visit: Visit, served: ServedPlant) -> None:
    page = await visit("#/overview")
    try:
        served.fake.plant.devices = [*devices(), device("new", "New meter", METER)]
        await expect(page.get_by_role("link", name="New meter")).to_be_visible()
    finally:
        served.fake.plant.devices = devices()


async def test_a_trend_is_drawn_and_its_newest_value_moves(visit: Visit) -> None:
    page = await visit(TREND.format(900))
    await expect(page.locator(".legend tbody tr")).to_have_count(3)
    await moves(page, ".legend tbody tr:first-child .now")
    assert await inked(page) > 1000


async def inked(page: Page) -> int:
    """How many pixels of the chart are not empty."""
    count = await page.evaluate(
        """() => {
            const canvas = document.querySelector(".trend-plot canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let inked = 0;
            for (let at = 3; at < data.length; at += 4) inked += data[at] > 0;
            return inked;
        }"""
    )
    assert isinstance(count, int)
    return count


async def test_a_trend_without_a_span_shows_what_there_is(visit: Visit) -> None:
    page = await visit("#/trends?s=main.power")
    await expect(page.locator(CAPTION)).to_contain_text("(1\u202fh)")
    assert "span" not in page.url


async def test_a_wide_trend_comes_from_roll_ups(visit: Visit) -> None:
    page = await visit(TREND.format(7 * 86400))
    await expect(page.locator(CAPTION)).to_contain_text("low, mean and high of")


async def test_the_wheel_zooms_until_samples_are_shown(visit: Visit) -> None:
    page = await visit(TREND.format(86400))
    await page.locator(".u-over").hover()
    for _ in range(40):
        await page.mouse.wheel(0, -240)
    await expect(page.locator(CAPTION)).to_contain_text("samples as read")


async def test_dragging_moves_in_time_and_leaves_the_live_edge(visit: Visit) -> None:
    page = await visit(TREND.format(3600))
    await page.locator(".u-over").wait_for()
    live = page.get_by_role("button", name="Live")
    await expect(live).to_have_attribute("aria-pressed", "true")
    box = await page.locator(".u-over").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 4, box["y"] + 50
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + box["width"] / 2, y, steps=5)
    await page.mouse.up()
    await expect(live).to_have_attribute("aria-pressed", "false")
    await page.wait_for_url(re.compile("from="))
    await live.click()
    await expect(live).to_have_attribute("aria-pressed", "true")


async def test_shift_and_drag_zooms_to_what_was_marked(visit: Visit) -> None:
    page = await visit(TREND.format(86400))
    box = await page.locator(".u-over").bounding_box()
    assert box is not None
    await page.keyboard.down("Shift")
    await page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 60)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=4)
    await page.mouse.up()
    await page.keyboard.up("Shift")
    await expect(page.locator(CAPTION)).to_contain_text(re.compile(r"\((5\.9|6|6\.1)\u202fh\)"))


async def test_keys_move_and_zoom(visit: Visit) -> None:
    page = await visit(TREND.format(3600))
    await page.locator(".trend-plot").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "false")
    await page.keyboard.press("-")
    await expect(page.locator(CAPTION)).to_contain_text("(1.4\u202fh)")
    await page.keyboard.press("End")
    await expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")


async def test_the_cursor_reads_values_and_a_gap_has_none(visit: Visit, served: ServedPlant) -> None:
    gap = served.fake.store.gap // SECOND
    page = await visit(f"#/trends?s=main.power&from={gap - 3600}&to={gap + 4800}")
    box = await page.locator(".u-over").bounding_box()
    assert box is not None
    shown = page.locator(".legend tbody td").first
    await page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 50)
    await expect(shown).to_contain_text("W")
    await page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50)
    await expect(shown).to_have_text("no value")


async def test_points_are_picked_and_removed(visit: Visit) -> None:
    page = await visit("#/trends")
    await page.get_by_role("button", name="Choose points").click()
    await page.get_by_label("Filter the points").fill("frequency main")
    await page.get_by_label("Frequency").check()
    await page.get_by_role("button", name="Done").click()
    await expect(page.locator(".legend tbody tr")).to_have_count(1)
    await page.wait_for_url(re.compile(r"s=main\.frequency"))
    await page.get_by_role("button", name="Remove main.frequency").click()
    await expect(page.get_by_text("No point is chosen.")).to_be_visible()


async def test_what_is_shown_can_be_had_as_csv(visit: Visit) -> None:
    page = await visit("#/trends?s=main.power,pump.flow&span=900")
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="CSV").click()
    download = await waiting.value
    assert download.suggested_filename.endswith("Z.csv")
    text = Path(await download.path()).read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    assert header[0] == "time"
    assert header[1].startswith("main.power")
    assert len(rows) > 50


async def test_without_history_the_lines_begin_now(visit: Visit, served: ServedPlant) -> None:
    served.fake.plant.store = None
    page = await visit("#/trends?s=main.power&span=900")
    await expect(page.get_by_text("This site keeps no history")).to_be_visible()
    await moves(page, ".legend tbody tr:first-child .now")


async def test_communication_shows_counts_codes_and_courses(visit: Visit) -> None:
    page = await visit("#/communication")
    row = page.locator(".comm-row", has_text="Spare pump")
    await expect(row).to_contain_text("0B")
    await expect(row).to_contain_text("100 % failed")
    lines = page.locator(".comm-row", has_text="Main meter").locator(".spark path")
    await expect(lines.first).to_have_attribute("d", re.compile("^M.{40,}"))


async def test_communication_rates_come_from_the_counters(visit: Visit) -> None:
    page = await visit("#/communication")
    rate = page.locator(".comm-row", has_text="Main meter").locator(".figure").first
    await expect(rate).to_have_text(re.compile(r"[345]"))


async def test_communication_can_show_the_worst_first(visit: Visit) -> None:
    page = await visit("#/communication")
    await page.get_by_label("Order").select_option("worst")
    await expect(page.locator(".comm-device a").first).to_have_text("Spare pump")


async def test_the_page_comes_back_after_the_server_restarted(visit: Visit, served: ServedPlant) -> None:
    page = await visit("#/overview")
    value = key_value(page, "Main meter", "Power")
    await moves(page, value)
    served.stop()
    await expect(page.locator(".connection")).to_contain_text("reconnecting")
    served.start()
    await expect(page.locator(".connection")).to_contain_text("live")
    await moves(page, value)


async def test_the_theme_can_be_changed_and_is_remembered(visit: Visit) -> None:
    page = await visit("#/overview", scheme="light")
    await page.get_by_role("button", name="Dark colours").click()
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_the_system_decides_the_theme_at_first(visit: Visit) -> None:
    page = await visit("#/overview", scheme="dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("address", PAGES)
async def test_a_phone_need_not_scroll_sideways(visit: Visit, address: str) -> None:
    page = await visit(address, width=360, height=740)
    await page.locator("main").wait_for()
    await page.wait_for_function("document.querySelector('main').innerText.length > 40")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", [*PAGES, "#/trends"])
async def test_axe_finds_no_violation(visit: Visit, axe_script: Path, address: str, scheme: str) -> None:
    page = await visit(address, scheme="dark" if scheme == "dark" else "light")
    await page.wait_for_function("document.querySelector('main').innerText.length > 40")
    assert await violations(page, axe_script) == []


async def test_axe_finds_no_violation_in_the_dialog(visit: Visit, axe_script: Path) -> None:
    page = await visit("#/trends")
    await page.get_by_role("button", name="Choose points").click()
    assert await violations(page, axe_script) == []


async def test_axe_finds_no_violation_on_a_phone(visit: Visit, axe_script: Path) -> None:
    page = await visit("#/points", width=360)
    assert await violations(page, axe_script) == []


async def touch(page: Page, *steps: list[tuple[float, float]]) -> None:
    """Fingers that touch at the first step, move through the others, and leave."""
    browser = await page.context.new_cdp_session(page)
    for number, fingers in enumerate([*steps, []]):
        kind = "touchStart" if number == 0 else "touchMove" if fingers else "touchEnd"
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(fingers)]
        await browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


async def test_one_finger_moves_and_two_zoom(visit: Visit) -> None:
    page = await visit(TREND.format(3600), width=360, height=740)
    box = await page.locator(".u-over").bounding_box()
    assert box is not None
    x, y = box["x"], box["y"] + 80
    await touch(page, [(x + 40, y)], [(x + 60, y)], [(x + 120, y)])
    await expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "false")
    await touch(
        page,
        [(x + 80, y), (x + 120, y)],
        [(x + 70, y), (x + 130, y)],
        [(x + 60, y), (x + 140, y)],
    )
    await expect(page.locator(CAPTION)).to_contain_text("(30\u202fmin)")
