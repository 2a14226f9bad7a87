"""Asking one unit for a dialogue: with the rests that politeness wants, and longer ones while it is busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from mbap.diagnose.doctor.asking import Asking, Sleep
from mbap.errors import Acknowledge, ServerDeviceBusy
from mbap.protocol.pdu import Request

BUSY_RESTS: Final = (1.0, 2.0, 4.0)
"""Seconds before a device that is busy is asked again."""
Execute = Callable[[Request[Any]], Any]


def executing(asking: Asking, unit: int, *, timeout: float | None = None) -> Execute:
    """What gives the results of requests to *unit*, and raises their errors; *timeout* for a longer one."""

    def execute(request: Request[Any]) -> Any:
        outcome = asking.ask(request, unit, timeout=timeout)
        if outcome.error is not None:
            raise outcome.error
        return outcome.result

    return execute


def patiently(execute: Execute, rests: Sequence[float] = BUSY_RESTS, sleep: Sleep = time.sleep) -> Execute:
    """*execute*, again after each of *rests* while the device says that it is busy."""

    def patient(request: Request[Any]) -> Any:
        for rest in rests:
            try:
                return execute(request)
            except (Acknowledge, ServerDeviceBusy):
                sleep(rest)
        return execute(request)

    return patient
