"""The WebSocket of a page: a snapshot of what it asked for, then what changed, at most twice a second."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from mbap.dashboard.feed import Feed, Interest, parse_interest

TICK_SECONDS = 0.5
_STATUS_EVERY = 4
_TRY_AGAIN_LATER = 1013
_POLICY_VIOLATION = 1008


class Page:
    """One open page: what it wants and what it knows."""

    def __init__(self) -> None:
        self.interest: Interest | None = None
        self.known = 0
        self.revision = ""
        self.tick = 0
        self.wake = asyncio.Event()

    def ask(self, interest: Interest) -> None:
        """Want *interest* from now on, beginning with all of it."""
        self.interest = interest
        self.known = self.tick = 0
        self.wake.set()


class Live:
    """All open pages and their common tick, which runs only while there is one.

    Attributes:
        ticks: how many there were.
        merged: ticks that a page was too slow for; it got their newest values with a later one.
        refused: pages that were turned away because too many were open.
    """

    def __init__(self, feed: Feed, max_pages: int, tick_seconds: float = TICK_SECONDS) -> None:
        self._feed = feed
        self._max_pages = max_pages
        self._tick_seconds = tick_seconds
        self._pages: set[Page] = set()
        self._ticker: asyncio.Task[None] | None = None
        self.ticks = 1
        self.merged = 0
        self.refused = 0

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._pages)

    async def endpoint(self, socket: WebSocket) -> None:
        """Serve one page until it closes."""
        await socket.accept()
        if len(self._pages) >= self._max_pages:
            self.refused += 1
            await socket.close(_TRY_AGAIN_LATER, f"{self._max_pages} pages are open already")
            return
        page = Page()
        self._enter(page)
        sender = asyncio.create_task(self._send(socket, page))
        try:
            await self._receive(socket, page)
        finally:
            self._leave(page)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _receive(self, socket: WebSocket, page: Page) -> None:
        try:
            while True:
                page.ask(parse_interest(await socket.receive_text(), self._feed.catalogue))
        except WebSocketDisconnect:
            return
        except (ValueError, KeyError) as wrong:  # KeyError: bytes where Starlette looks for text
            reason = str(wrong) if isinstance(wrong, ValueError) else "a message is text."
            await _close(socket, _POLICY_VIOLATION, reason)

    async def _send(self, socket: WebSocket, page: Page) -> None:
        try:
            while True:
                await page.wake.wait()
                page.wake.clear()
                for text in self._messages(page):
                    await socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            return  # the page went; the receiving side ends this

    def _messages(self, page: Page) -> list[str]:
        """What *page* does not know yet."""
        feed, messages = self._feed, []
        self.merged += max(0, self.ticks - page.tick - 1) if page.tick else 0
        if page.revision != feed.catalogue.revision:
            page.revision, page.known = feed.catalogue.revision, 0
            messages.append(feed.hello())
        if page.interest is not None:
            values = feed.values(page.interest.points, page.known)
            messages += [values] if values else []
            if self._status_due(page):
                messages.append(feed.status(communication=page.interest.communication))
            page.known = feed.sequence
            page.tick = self.ticks
        return messages

    def _status_due(self, page: Page) -> bool:
        return page.tick == 0 or self.ticks // _STATUS_EVERY > page.tick // _STATUS_EVERY

    def _enter(self, page: Page) -> None:
        self._pages.add(page)
        if self._ticker is None:
            self._feed.advance(status=True)
            self._ticker = asyncio.create_task(self._tick())
        page.wake.set()

    def _leave(self, page: Page) -> None:
        self._pages.discard(page)
        if not self._pages and self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + self._tick_seconds, loop.time())
            await asyncio.sleep(due - loop.time())
            self._advance()
            for page in self._pages:
                page.wake.set()

    def _advance(self) -> None:
        self.ticks += 1
        self._feed.advance(status=self.ticks % _STATUS_EVERY == 0)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    try:
        await socket.close(code, reason[:120])
    except (RuntimeError, WebSocketDisconnect):
        return  # it was faster
