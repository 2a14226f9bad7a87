"""The parts of a running site: what happens when one ends."""

from __future__ import annotations

import asyncio

import pytest

from mbap.site.parts import PartFailed, Parts

PATIENCE = 5


async def raising(error: Exception) -> None:
    raise error


async def returning() -> None:
    """Ends at once, which no part may."""


async def test_a_part_that_fails_is_named_with_the_reason() -> None:
    parts = Parts()
    parts.begin("history", raising(OSError("the disk is gone")))
    with pytest.raises(PartFailed, match="history ended: the disk is gone"):
        await asyncio.wait_for(parts.wait(), PATIENCE)


async def test_a_part_that_fails_by_a_mistake_of_ours_is_named_with_its_kind() -> None:
    parts = Parts()
    parts.begin("poller", raising(RuntimeError("oh")))
    with pytest.raises(PartFailed, match="poller ended: RuntimeError: oh"):
        await asyncio.wait_for(parts.wait(), PATIENCE)


async def test_a_part_that_just_ends_has_failed_as_well() -> None:
    parts = Parts()
    parts.begin("page", returning())
    with pytest.raises(PartFailed, match="page ended"):
        await asyncio.wait_for(parts.wait(), PATIENCE)


async def test_a_part_that_was_let_go_may_end() -> None:
    parts = Parts()
    parts.begin("page", returning())
    task = parts.let_go("page")
    assert task is not None
    await task
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(parts.wait(), 0.05)


async def test_cancelling_ends_all_of_them_and_is_no_failure() -> None:
    parts = Parts()
    parts.begin("one", asyncio.Event().wait())  # type: ignore[arg-type]
    await asyncio.wait_for(parts.cancel(), PATIENCE)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(parts.wait(), 0.05)
