"""A concentrator on a serial line, where other units are other devices."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from mbap.collect.concentrator import Concentrator
from mbap.errors import ExceptionResponse, NoAnswer
from mbap.server.handler import Call

R = TypeVar("R")


class AmongOthers:
    """*concentrator*, silent where the request is not for one of its units: somebody else answers that."""

    def __init__(self, concentrator: Concentrator) -> None:
        self._concentrator = concentrator

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        """What the concentrator answers.

        Raises:
            NoAnswer: the unit is not one of its own.
            ExceptionResponse: as `Concentrator.handle` says.
        """
        if call.broadcast or call.unit not in self._concentrator.units:
            raise NoAnswer
        return self._concentrator.handle(call)

    def refuse(self, unit: int, refusal: ExceptionResponse) -> ExceptionResponse:
        """*refusal* of what is no request, for its own units.

        Raises:
            NoAnswer: the unit is not one of its own.
        """
        if unit not in self._concentrator.units:
            raise NoAnswer
        return refusal
