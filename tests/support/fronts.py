"""Both clients behind one blocking face, so that one test holds for both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast

from mbap import AsyncClient, Client, DeviceIdentification, LinkState, ModbusError
from mbap.client.asynchronous import AsyncUnit
from mbap.client.typed import Answer
from mbap.protocol.pdu import Request

R = TypeVar("R")

FRONTS = ("blocking", "async")


class Front(Protocol):
    """What both clients can do."""

    def execute(self, request: Request[R], *, deadline: float | None = None) -> R: ...

    def execute_many(self, requests: Sequence[Request[R]]) -> list[R | ModbusError]: ...

    def read(self, item: str) -> Answer: ...

    def broadcast(self, request: Request[Any]) -> None: ...

    def read_device_identification(self, code: int = 1, object_id: int = 0) -> DeviceIdentification: ...

    @property
    def state(self) -> LinkState: ...

    @property
    def quirks_used(self) -> Mapping[str, int]: ...

    def unit(self, number: int) -> Front: ...


def let_it_notice(client: Front) -> None:
    """Give the event loop of an asynchronous client a turn, as it has in a program."""
    if isinstance(client, _AsyncFront):
        client.turn()


class _AsyncFront:
    def __init__(self, client: AsyncUnit, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def execute(self, request: Request[R], *, deadline: float | None = None) -> R:
        return self._runner.run(self._client.execute(request, deadline=deadline))

    def execute_many(self, requests: Sequence[Request[R]]) -> list[R | ModbusError]:
        return self._runner.run(self._client.execute_many(requests))

    def read(self, item: str) -> Answer:
        return self._runner.run(self._client.read(item))

    def broadcast(self, request: Request[Any]) -> None:
        self._runner.run(self._whole.broadcast(request))

    def read_device_identification(self, code: int = 1, object_id: int = 0) -> DeviceIdentification:
        return self._runner.run(self._client.read_device_identification(code, object_id))

    @property
    def state(self) -> LinkState:
        return self._whole.state

    @property
    def quirks_used(self) -> Mapping[str, int]:
        return self._whole.quirks_used

    def turn(self) -> None:
        self._runner.run(asyncio.sleep(0.01))

    def unit(self, number: int) -> Front:
        return _AsyncFront(self._client.unit(number), self._runner)

    @property
    def _whole(self) -> AsyncClient:
        assert isinstance(self._client, AsyncClient)
        return self._client


@contextmanager
def connected(
    kind: str,
    url: str,
    *,
    retry_pauses: Sequence[float] = (0.0,),
    **options: Any,
) -> Iterator[Front]:
    """The client of *kind*, closed at the end; it connects at its first request; no pause before a retry."""
    options["retry_pauses"] = retry_pauses
    if kind == "blocking":
        client = Client(url, **options)
        try:
            yield cast("Front", client)
        finally:
            client.close()
        return
    with asyncio.Runner() as runner:
        asynchronous = AsyncClient(url, **options)
        try:
            yield _AsyncFront(asynchronous, runner)
        finally:
            runner.run(asynchronous.aclose())
