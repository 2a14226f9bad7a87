"""Hearing how an answer ends that somebody else waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

R = TypeVar("R")


class Followed(Awaitable[R]):
    """The answer of a handler, of which somebody hears how it ended; also when nobody ever waits for it."""

    __slots__ = ("_answered", "_begun", "_ended", "_outcome")

    def __init__(
        self,
        outcome: Awaitable[R],
        answered: Callable[[R], None],
        ended: Callable[[BaseException], None],
    ) -> None:
        self._outcome, self._answered, self._ended = outcome, answered, ended
        self._begun = False

    def __await__(self) -> Generator[Any, None, R]:
        self._begun = True
        try:
            result = yield from self._outcome.__await__()
        except BaseException as error:
            self._ended(error)
            raise
        self._answered(result)
        return result

    def __del__(self) -> None:
        """A connection that ends in the same turn cancels what was not begun; then nothing was sent."""
        if not self._begun:
            self._ended(asyncio.CancelledError())
            if isinstance(self._outcome, Coroutine):
                self._outcome.close()
