"""Asking a device one thing at a time, over one connection, with a rest after each answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mbap.client.blocking import Client
from mbap.client.events import LinkState
from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.errors import (
    ConnectionLost,
    ExceptionResponse,
    GatewayPathUnavailable,
    GatewayTargetFailedToRespond,
    ModbusError,
    ResponseTimeout,
)
from mbap.protocol.pdu import Request

if TYPE_CHECKING:
    from mbap.transport.tls import TLS

Clock = Callable[[], float]
Sleep = Callable[[float], None]

PATH_ERRORS = (GatewayPathUnavailable, GatewayTargetFailedToRespond)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request, and after how many seconds."""

    seconds: float
    result: Any = None
    error: ModbusError | None = None

    @property
    def good(self) -> bool:
        """Whether it gave what was asked for."""
        return self.error is None

    @property
    def present(self) -> bool:
        """Whether the unit itself answered, be it with an exception."""
        return self.good or (
            isinstance(self.error, ExceptionResponse) and not isinstance(self.error, PATH_ERRORS)
        )

    @property
    def silent(self) -> bool:
        """Whether nothing came in time."""
        return isinstance(self.error, ResponseTimeout)

    @property
    def code(self) -> int:
        """The exception that came; 0 where none did."""
        return self.error.code if isinstance(self.error, ExceptionResponse) else 0

    @property
    def said(self) -> str:
        """In a few words."""
        if self.error is None:
            return "an answer"
        if isinstance(self.error, ExceptionResponse):
            return f"exception {self.error.code:02X}"
        if isinstance(self.error, ConnectionLost):
            return "the end of the connection"
        return "silence" if self.silent else "an answer that does not fit"


class Asking:
    """A client that rests before each request, and says how long each answer took.

    Attributes:
        requests: how many were sent so far.
        pause: seconds of rest. rest: seconds before a connection is made, where the device needs that.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        pause: float,
        quirks: Quirks = NO_QUIRKS,
        tls: TLS | None = None,
        clock: Clock = time.perf_counter,
        sleep: Sleep = time.sleep,
    ) -> None:
        self.url = url
        self.timeout = timeout
        self.pause = pause
        self.quirks = quirks
        self.tls = tls
        self.rest = 0.0
        self.requests = 0
        self._clock = clock
        self._sleep = sleep
        self._client: Client | None = None

    def ask(self, request: Request[Any], unit: int, *, timeout: float | None = None) -> Outcome:
        """Carry out *request*, connecting before where that is needed; the time counts from sending it."""
        if self.requests:
            self._sleep(self.pause)
        self.requests += 1
        began = self._clock()
        try:
            client = self._connected()
            began = self._clock()
            result = client.unit(unit, timeout=timeout or self.timeout).execute(request)
        except ModbusError as error:
            return Outcome(self._clock() - began, error=error)
        return Outcome(self._clock() - began, result)

    def renew(self, quirks: Quirks | None = None) -> None:
        """Use a fresh connection from now on, with *quirks* where they are given."""
        self.close()
        self.quirks = self.quirks if quirks is None else quirks

    def close(self) -> None:
        """Close the connection; the next request makes another."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> Client:
        if self._client is None:
            self._client = Client(self.url, timeout=self.timeout, quirks=self.quirks, tls=self.tls)
        if self._client.state is not LinkState.UP:
            self._sleep(self.rest)
            self._client.__enter__()
        return self._client
