"""Logging in and out in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from mbap.dashboard.options import WebOptions
from support.browsing import Visit, violations
from support.served import ServedPlant

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def served() -> Iterator[ServedPlant]:
    """The fake plant behind a password."""
    with ServedPlant(WebOptions(password="sesame")) as plant:
        yield plant


async def test_a_visitor_logs_in_sees_live_values_and_logs_out(visit: Visit) -> None:
    page = await visit()
    await page.wait_for_url("**/login")
    await page.get_by_label("Password").fill("sesame")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.locator(".connection")).to_contain_text("live")
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/login")


async def test_a_session_that_ended_leads_to_the_login_page(visit: Visit) -> None:
    page = await visit("login")
    await page.get_by_label("Password").fill("sesame")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.locator(".card").first).to_be_visible()
    visit.expected.append("status of 401")  # what the page asks between these two lines
    await page.context.clear_cookies()
    await page.reload()
    await page.wait_for_url(re.compile("/login$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_no_violation(visit: Visit, axe_script: Path, scheme: str) -> None:
    page = await visit("login", scheme="dark" if scheme == "dark" else "light")
    assert await violations(page, axe_script) == []
