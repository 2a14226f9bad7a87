"""Both clients behind one blocking face, so that one test holds for both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from mbap import AsyncClient, Client, ModbusError
from mbap.protocol.pdu import Request

R = TypeVar("R")

FRONTS = ("blocking", "async")


class Front(Protocol):
    """What both clients can do."""

    def execute(self, request: Request[R], *, deadline: float | None = None) -> R: ...

    def execute_many(self, requests: Sequence[Request[R]]) -> list[R | ModbusError]: ...


class _AsyncFront:
    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def execute(self, request: Request[R], *, deadline: float | None = None) -> R:
        return self._runner.run(self._client.execute(request, deadline=deadline))

    def execute_many(self, requests: Sequence[Request[R]]) -> list[R | ModbusError]:
        return self._runner.run(self._client.execute_many(requests))


@contextmanager
def connected(
    kind: str,
    url: str,
    *,
    unit: int | None = None,
    timeout: float = 3.0,
    retries: int = 0,
    outstanding: int = 1,
) -> Iterator[Front]:
    """The client of *kind*, closed at the end; it connects at its first request."""
    if kind == "blocking":
        client = Client(url, unit=unit, timeout=timeout, retries=retries, outstanding=outstanding)
        try:
            yield client
        finally:
            client.close()
        return
    with asyncio.Runner() as runner:
        asynchronous = AsyncClient(url, unit=unit, timeout=timeout, retries=retries, outstanding=outstanding)
        try:
            yield _AsyncFront(asynchronous, runner)
        finally:
            runner.run(asynchronous.aclose())
