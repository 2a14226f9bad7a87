"""How far a scan or a clone has come, and how long the rest takes: shown on a terminal."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mbap.cli.ahead import Ahead
from mbap.cli.counted import amount
from mbap.durations import format_duration

if TYPE_CHECKING:
    from mbap.diagnose.scan.survey import Survey
    from mbap.protocol.pdu import Request

Execute = Callable[["Request[Any]"], Any]


class Forecast:
    """Counts what is really asked, and shows on a terminal what is done and how long the rest takes."""

    def __init__(self, ahead: Ahead, clock: Callable[[], float] = time.monotonic) -> None:
        self.asked = 0
        self._ahead = ahead
        self._clock = clock
        self._began = clock()

    def counting(self, execute: Execute) -> Execute:
        """*execute*, counted."""

        def counted(request: Request[Any]) -> Any:
            self.asked += 1
            return execute(request)

        return counted

    def tell(self, survey: Survey) -> None:
        """Show how far *survey* has come."""
        seconds = self._clock() - self._began
        self._ahead.tell(survey.share, forecast(survey.requests, survey.ahead, seconds / max(self.asked, 1)))


@contextmanager
def forecasting() -> Iterator[Forecast]:
    """A forecast that is shown while the block runs."""
    with Ahead() as ahead:
        yield Forecast(ahead)


@contextmanager
def estimating(count: int, what: str) -> Iterator[Callable[[float], None]]:
    """Gives a function to be told the share that is done of *count* of *what*; shown with the time to go."""
    began = time.monotonic()
    with Ahead() as ahead:

        def tell(share: float) -> None:
            said = f"{round(share * count):,} of {amount(count, what)}"
            if share:
                left = math.ceil((time.monotonic() - began) * (1 - share) / share)
                said += f", {format_duration(left)} to go"
            ahead.tell(share, said)

        yield tell


def forecast(done: int, ahead: int, each: float) -> str:
    """`431 of about 1,440 requests, 25s to go`, when a request takes *each* seconds."""
    left = format_duration(math.ceil(ahead * each))
    return f"{done:,} of about {amount(done + ahead, 'request')}, {left} to go"
