"""Applying a changed site file to a running site, one change after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from mbap.site.plan import SitePlan
from mbap.site.running import Site

_log = logging.getLogger("mbap.site")


class Reloading:
    """Reads the site file anew when it is asked to, and applies what changed or logs why not.

    Args:
        read: gives the plan; called in a thread.
    """

    def __init__(self, site: Site, read: Callable[[], SitePlan]) -> None:
        self._site = site
        self._read = read
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Read the file soon; however often this is called before that, it is read once."""
        self._asked.set()

    async def run(self) -> None:
        """Do what is asked for, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self._once()
            except Exception:  # noqa: BLE001 - the outermost frame of a task
                _log.exception("applying the site file failed in a way that nobody expected")

    async def _once(self) -> None:
        try:
            plan = await asyncio.to_thread(self._read)
        except (ValueError, OSError) as error:
            self._site.rejected = "the changed site file is wrong and was not applied; see the log"
            _log.error("the site file is wrong, so nothing was changed:\n%s", error)
            return
        changes = await self._site.apply(plan)
        for sentence in changes.said or ("nothing has changed",):
            _log.info("site file applied: %s", sentence)
        for sentence in (*changes.restart, *plan.warnings):
            _log.warning("%s", sentence)
