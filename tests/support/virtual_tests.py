"""Test functions that run in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from support.fake_time import run_virtual

VIRTUAL_PATIENCE = 100_000.0


def scenario(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """A test that runs in virtual time, and fails when it does not end."""

    def run() -> None:
        run_virtual(_bounded(test))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def _bounded(test: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(VIRTUAL_PATIENCE):
        await test()
