"""A policy, a trail and alerts before a device that `mbap serve` simulates, for as long as it runs."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import TYPE_CHECKING

from mbap.cli.protectionasked import in_force
from mbap.site.guarding import Guarding
from mbap.transport.endpoint import parse_endpoint

if TYPE_CHECKING:
    from mbap.cli.running import Source
    from mbap.server.handler import Handler
    from mbap.site.guardplan import GuardPlan

_log = logging.getLogger("mbap.guard")


class Protection:
    """What *source* describes; use it with `async with`, around the server.

    Attributes:
        guarding: what carries it out.

    Raises:
        ValueError: the policy is wrong.
        OSError: a file cannot be read or, on entry, written.
    """

    def __init__(self, source: Source[GuardPlan]) -> None:
        self.guarding = Guarding(source.read())
        self._source = source
        self._asked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def status(self) -> str:
        """What holds now, in a few words."""
        return in_force(self.guarding.plan)

    def before(self, handler: Handler, listen: str) -> Handler:
        """*handler*, served at *listen*, behind the policy.

        Raises:
            ValueError: its rules are for devices that are elsewhere, or it would be on a serial line.
        """
        endpoint = parse_endpoint(listen, listening=True)
        if endpoint.line is not None:
            raise ValueError(
                f"{endpoint.url} is a serial line, where nobody is told apart: a policy goes with tcp://, tls://"
            )
        return self.guarding.wrap(f"device {endpoint.url}", handler, endpoint.url)

    def ask(self) -> None:
        """Read the policy anew, soon."""
        self._asked.set()

    async def __aenter__(self) -> Protection:
        await asyncio.to_thread(self.guarding.open)
        logging.getLogger("mbap.guard").setLevel(logging.INFO)
        parts = [self.guarding.run(), self._reloading(), *self._source.watching(self.ask)]
        self._tasks = [asyncio.ensure_future(part) for part in parts]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self.guarding.close)

    async def _reloading(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                said = self.guarding.apply(await asyncio.to_thread(self._source.read))
            except (ValueError, OSError) as problem:
                self.guarding.refused(str(problem))
                _log.error("the changed policy was not applied:\n%s", problem)
            else:
                for sentence in said or ["nothing has changed"]:
                    _log.info("applied: %s", sentence)
