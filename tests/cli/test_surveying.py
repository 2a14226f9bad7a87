"""How far a scan or a clone has come: in figures, and in a bar on a terminal."""

from __future__ import annotations

import io

import pytest

from mbap.addresses import Table
from mbap.cli.ahead import Ahead
from mbap.cli.surveying import Forecast, estimating, forecast
from mbap.client.dialogue import carry_out
from mbap.diagnose.scan.survey import Survey
from mbap.diagnose.scan.walk import Walk
from mbap.errors import ExceptionResponse
from mbap.protocol.pdu import Request


class Terminal(io.StringIO):
    """Standard error, while somebody is looking."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """One that standard error is from now on."""
    seen = Terminal()
    monkeypatch.setattr("sys.stderr", seen)
    return seen


def refuses(request: Request[object]) -> object:
    raise ExceptionResponse(2)


def test_what_is_ahead_is_said_in_requests_and_time() -> None:
    assert forecast(431, 1009, 0.0625) == "431 of about 1,440 requests, 1m4s to go"
    assert forecast(8, 0, 0.05) == "8 of about 8 requests, 0s to go"


def test_the_time_to_go_is_that_of_the_requests_that_were_really_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = terminal(monkeypatch)
    now = iter(range(1000))
    with Ahead(unseen=0.0) as ahead:
        shown = Forecast(ahead, clock=lambda: next(now))
        survey = Survey([Walk(Table.HOLDING_REGISTERS, 0, 49)], most=10)
        survey.tell = shown.tell
        carry_out(survey.dialogue(), shown.counting(refuses))
    assert "5 of about 10 requests, 5s to go" in seen.getvalue()
    assert seen.getvalue().endswith("\r")


def test_without_a_terminal_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = io.StringIO()
    monkeypatch.setattr("sys.stderr", quiet)
    with estimating(3, "unit") as tell:
        tell(0.5)
    assert quiet.getvalue() == ""


def test_what_takes_less_than_a_second_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = terminal(monkeypatch)
    with estimating(3, "unit") as tell:
        tell(0.5)
    assert seen.getvalue() == ""
