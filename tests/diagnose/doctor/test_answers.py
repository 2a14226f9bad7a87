"""Answers that are Modbus and not as they should be: closed behind, doubled, or not to be cut apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mbap.diagnose.doctor.finding import Severity, spoken
from mbap.errors import ProtocolError
from support.doctored import QUICK, examined
from support.scripted import Reply, Request, scripted


def refuses_and_leaves(request: Request) -> Reply:
    """Answers, and closes the connection behind a refusal."""
    refused = request.pdu[1:3] == b"\xff\xff"
    return Reply(pdu=bytes((request.pdu[0] | 0x80, 2)), close=True) if refused else Reply()


@pytest.mark.parametrize(
    ("step", "closes"), [(Reply(close=True), "always"), (refuses_and_leaves, "refusing"), (Reply(), None)]
)
def test_a_connection_that_is_closed_without_a_reason_is_told(
    step: Reply | Callable[[Request], Reply], closes: str | None
) -> None:
    with scripted(step) as server:
        found = examined(server.url, timeout=QUICK)
    assert found["answer"].data.get("closes") == closes
    assert found["answer"].severity is (Severity.WARNING if closes else Severity.OK)
    assert found.faults == []


def test_answers_that_nobody_can_cut_apart_are_where_it_ends() -> None:
    with scripted(Reply(length=lambda right: right + 3)) as server:
        found = examined(server.url, timeout=QUICK)
    assert found.faults == ["header"]
    assert found.topics[-1] == "header"
    assert isinstance(found["header"].error, ProtocolError)


def test_answers_that_come_twice_are_told_and_read() -> None:
    with scripted(Reply(times=2)) as server:
        found = examined(server.url, timeout=QUICK)
    assert found["header"].seen == "the answer comes more than once"
    assert found.faults == []


def test_a_time_of_more_than_a_second_is_said_in_seconds() -> None:
    assert [spoken(one) for one in (0.00015, 0.9994, 1.508, 12.0)] == ["0.15 ms", "999 ms", "1.51 s", "12 s"]
