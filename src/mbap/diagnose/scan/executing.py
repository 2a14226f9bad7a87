"""Asking one unit for a dialogue: with the rests that politeness wants, and longer ones while it is busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from mbap.diagnose.doctor.asking import Asking, Outcome, Sleep
from mbap.errors import ExceptionCode
from mbap.protocol.pdu import Request

BUSY_RESTS: Final = (1.0, 2.0, 4.0)
"""Seconds before a device that is busy is asked again."""
_BUSY = (ExceptionCode.ACKNOWLEDGE, ExceptionCode.SERVER_DEVICE_BUSY)


def executing(
    asking: Asking, unit: int, *, rests: Sequence[float] = BUSY_RESTS, sleep: Sleep = time.sleep
) -> Callable[[Request[Any]], Any]:
    """What gives the results of requests to *unit*, and raises their errors."""

    def execute(request: Request[Any]) -> Any:
        outcome = asking.ask(request, unit)
        for rest in rests:
            if outcome.code not in _BUSY:
                break
            sleep(rest)
            outcome = asking.ask(request, unit)
        return _result(outcome)

    return execute


def _result(outcome: Outcome) -> Any:
    if outcome.error is not None:
        raise outcome.error
    return outcome.result
