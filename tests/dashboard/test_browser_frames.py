"""The frames page in a browser: what is pasted is explained, what is filled in is built."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from support.browsing import Scheme, Visit, violations

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

REQUEST = "00 01 00 00 00 06 01 03 00 6b 00 03"
BROKEN = "00 01 00 01 00 06 01 03 00 6b 00 03"


def panel(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


async def paste(page: Page, text: str) -> Locator:
    await page.get_by_label("Frames in hexadecimal").fill(text)
    return panel(page, "Explain")


async def test_a_pasted_frame_is_explained_byte_by_byte(visit: Visit) -> None:
    explained = await paste(await visit("#/frames"), REQUEST)
    await expect(explained.locator("h3")).to_contain_text("request, read holding registers (function 3)")
    await expect(explained.locator(".byte")).to_have_text(REQUEST.split())
    row = explained.get_by_role("row", name="address")
    await expect(row).to_contain_text("holding register 107 (reference 40108)")


async def test_a_fault_is_pointed_at(visit: Visit) -> None:
    explained = await paste(await visit("#/frames"), BROKEN)
    await expect(explained.locator(".fault")).to_have_text("protocol is 1, and only 0 is Modbus.")
    await expect(explained.locator(".byte.wrong")).to_have_text(["00", "01"])
    await expect(explained.locator("tr.wrong")).to_contain_text("protocol")


async def test_what_is_no_frame_gets_a_sentence(visit: Visit) -> None:
    explained = await paste(await visit("#/frames"), "hello")
    await expect(explained.locator(".notice")).to_contain_text("is not hexadecimal")


async def test_the_lines_of_a_log_are_a_conversation(visit: Visit) -> None:
    log = f"12:00:01.250 Tx: {REQUEST}\n12:00:01.260 Rx: 00 01 00 00 00 03 01 83 02"
    explained = await paste(await visit("#/frames"), log)
    await expect(explained.locator("h3")).to_have_count(2)
    await expect(explained.locator("h3").last).to_contain_text("illegal data address")


async def test_what_libmodbus_prints_is_read_as_it_is(visit: Visit) -> None:
    asked = "[00][01][00][00][00][06][01][03][00][6B][00][03]"
    answered = "<00><01><00><00><00><03><01><83><02>"
    log = f"{asked}\nWaiting for a confirmation...\n{answered}"
    explained = await paste(await visit("#/frames"), log)
    await expect(explained.locator("h3")).to_have_count(2)
    await expect(explained.locator("h3").last).to_contain_text("illegal data address")


async def test_the_address_keeps_what_is_shown(visit: Visit) -> None:
    page = await visit("#/frames")
    await paste(page, "11 03 00 6B 00 03 76 87")
    await expect(panel(page, "Explain").locator(".muted").first).to_contain_text("Modbus RTU")
    await page.reload()
    await expect(panel(page, "Explain").locator("h3")).to_contain_text("read holding registers")


async def test_a_form_gives_the_bytes_of_its_request(visit: Visit) -> None:
    page = await visit("#/frames")
    form = panel(page, "Build a request")
    await form.get_by_label("Function").select_option("16")
    await form.get_by_label("Address, from 0").fill("1")
    await form.get_by_label("Values").fill("10 0x102")
    made = form.get_by_label("The frame")
    await expect(made).to_have_text("00 01 00 00 00 0b 01 10 00 01 00 02 04 00 0a 01 02")
    await form.get_by_label("Packed in").select_option("ascii")
    await expect(made).to_have_text(":01100001000204000A0102DB")


async def test_every_function_of_the_form_gives_a_frame_without_faults(visit: Visit) -> None:
    form = panel(await visit("#/frames"), "Build a request")
    functions = form.get_by_label(re.compile("^Function"))
    codes = [await one.get_attribute("value") for one in await functions.locator("option").all()]
    assert {"8", "20", "21"} <= set(codes)
    for code in filter(str.isdecimal, map(str, codes)):
        await functions.select_option(code)
        await expect(form.get_by_label("The frame")).to_have_text(
            re.compile(rf"^(?:.. ){{7}}{int(code):02x}")
        )
        await expect(form.locator(".fault")).to_have_count(0)


async def test_a_screen_reader_hears_a_sentence_and_not_every_table(visit: Visit) -> None:
    page = await visit("#/frames")
    await paste(page, "11 03 00 6B 00 03 76 88")
    heard = panel(page, "Explain").locator("[aria-live]")
    await expect(heard).to_have_text(
        "1 frame explained, 1 malformed: CRC is 76 88, and 76 87 would be right."
    )


async def test_a_text_that_is_too_long_for_the_address_leaves_no_older_one_there(visit: Visit) -> None:
    page = await visit("#/frames")
    await paste(page, REQUEST)
    await paste(page, "00 01 00 00 00 06 01 03 00 6b 00 03\n" * 50)
    await expect(page).to_have_url(re.compile("frames(?!.*text=00)"))


async def test_a_form_that_cannot_be_says_why(visit: Visit) -> None:
    form = panel(await visit("#/frames"), "Build a request")
    await form.get_by_label("How many").fill("126")
    await expect(form.locator(".notice")).to_contain_text("count is 1 to 125, not 126")


async def test_what_was_built_can_be_explained(visit: Visit) -> None:
    page = await visit("#/frames")
    await panel(page, "Build a request").get_by_role("button", name="Explain").click()
    await expect(page.get_by_label("Frames in hexadecimal")).to_have_value(REQUEST)


async def test_text_of_strangers_is_only_text(visit: Visit) -> None:
    vendor = b"<img src=x onerror=alert(1)>"
    pdu = bytes((0x2B, 14, 1, 1, 0, 0, 1, 0, len(vendor))) + vendor
    frame = b"\0\1\0\0" + (len(pdu) + 1).to_bytes(2, "big") + b"\1" + pdu
    page = await visit("#/frames")
    explained = await paste(page, frame.hex())
    await expect(explained).to_contain_text("<img src=x")
    assert await explained.locator("img").count() == 0


async def test_a_phone_need_not_scroll_sideways(visit: Visit) -> None:
    page = await visit("#/frames", width=360, height=740)
    await paste(page, f"{REQUEST}\n{BROKEN}")
    await expect(page.locator(".fault")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_on_a_phone_no_word_of_a_field_is_broken(visit: Visit) -> None:
    explained = await paste(await visit("#/frames", width=360, height=740), REQUEST)
    row = explained.get_by_role("row", name="transaction")
    box = await row.bounding_box()
    assert box is not None
    assert box["width"] > 240
    assert box["height"] < 60


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_no_violation(visit: Visit, axe_script: Path, scheme: Scheme, width: int) -> None:
    page = await visit("#/frames", scheme=scheme, width=width)
    await paste(page, f"{REQUEST}\n{BROKEN}")
    await expect(page.locator(".fault")).to_be_visible()
    await expect(page.get_by_label("The frame")).to_be_visible()
    assert await violations(page, axe_script) == []
