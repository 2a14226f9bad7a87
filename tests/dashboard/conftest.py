"""The page's application without a network, and a browser with one page of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from mbap.dashboard.app import create_app
from mbap.dashboard.options import WebOptions
from support import peers
from support.browsing import ARGUMENTS, Visit, Visits
from support.plant import SECOND, FakePlant
from support.served import ServedPlant

NOW = 1_780_000_000 * SECOND


@pytest.fixture
def fake() -> FakePlant:
    """The fake plant after one round of polling."""
    plant = FakePlant(NOW)
    plant.step(NOW)
    return plant


@pytest.fixture
def client_of(fake: FakePlant) -> Callable[..., httpx.AsyncClient]:
    """`client_of(options)`: a client of the fake plant's page, as from this machine."""

    def make(options: WebOptions | None = None, base_url: str = "http://127.0.0.1:8502") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(create_app(fake.plant, options))
        return httpx.AsyncClient(transport=transport, base_url=base_url)

    return make


@pytest.fixture
def client(client_of: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    """A client of the unprotected page."""
    return client_of()


@pytest.fixture(scope="module")
def served() -> Iterator[ServedPlant]:
    """The fake plant on a real port."""
    with ServedPlant() as plant:
        yield plant


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium without a window."""
    program = peers.require("chromium", "chromium-browser", "google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, served: ServedPlant) -> AsyncIterator[Visit]:
    """`await visit("#/points", width=360, scheme="dark")` opens a page of the served plant.

    When the test ends, no page may have asked another host, or have written an error to its console.
    """
    visits = Visits(browser, served.url)
    yield visits
    await visits.check_and_close()
