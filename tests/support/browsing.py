"""Pages in a browser, watched for what they must never do."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
)

PATIENCE_MS = 30_000
"""How long a page may take before a test gives up on it: a busy machine is no failure of the page."""

expect.set_options(timeout=PATIENCE_MS)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Scheme = Literal["light", "dark"]


class Visit(Protocol):
    """Opens a page."""

    expected: list[str]
    """Parts of what the browser may complain of, where the test itself is the cause."""

    async def __call__(
        self,
        address: str = "",
        *,
        width: int = 1280,
        height: int = 800,
        scheme: Scheme = "light",
        script: str = "",
    ) -> Page: ...


class Visits:
    """Every page of one test."""

    def __init__(self, browser: Browser, base: str) -> None:
        self._browser = browser
        self._base = base
        self._host = urlsplit(base).netloc
        self._contexts: list[BrowserContext] = []
        self.expected = ["ERR_CONNECTION_REFUSED"]  # the server was stopped by the test
        self.faults: list[str] = []

    async def __call__(
        self,
        address: str = "",
        *,
        width: int = 1280,
        height: int = 800,
        scheme: Scheme = "light",
        script: str = "",
    ) -> Page:
        """A new page in a context of its own, when its frame is drawn; *script* runs before its own."""
        context = await self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True
        )
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        page = await context.new_page()
        page.on("request", self._on_request)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        if script:
            await page.add_init_script(script)
        await page.goto(self._base + address)
        await page.locator("h1").first.wait_for(state="attached")
        return page

    async def check_and_close(self) -> None:
        """Close every page, and fail when one did what it must not."""
        for context in self._contexts:
            await context.close()
        assert self.faults == []

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self._host:
            self.faults.append(f"asked another host: {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        expected = any(part in message.text for part in self.expected)
        if message.type in ("error", "warning") and not expected:
            self.faults.append(f"console: {message.text}")


AXE = """async () => {
    const { violations, passes } = await axe.run(document);
    const where = (one) => one.nodes.map((node) => node.html).join(" | ").slice(0, 400);
    return [passes.length, violations.map((one) => `${one.id}: ${one.help}: ${where(one)}`)];
}"""


async def violations(page: Page, axe_script: Path) -> list[str]:
    """What axe-core finds; it is brought in as a debugger would, past the page's own rules for scripts."""
    await page.evaluate(axe_script.read_text(encoding="utf-8"))
    passes, found = await page.evaluate(AXE)
    assert passes > 10, "axe-core looked at next to nothing"
    return [str(one) for one in found]
