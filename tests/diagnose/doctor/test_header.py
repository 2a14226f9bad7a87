"""Answers that break rules of the header: each is seen in the bytes, and read by the quirk that is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.diagnose.doctor.finding import Severity
from mbap.diagnose.doctor.header import quirks_of, take_apart
from mbap.protocol.adu import Adu
from mbap.protocol.tcp import TcpFraming
from support.doctored import QUICK, examined
from support.scripted import Reply, Request, scripted

ASKED = Adu(1, bytes.fromhex("0300000001"), 0x4D42)


@pytest.mark.parametrize(
    ("answer", "quirks"),
    [
        ("4d42 0000 0005 01 03 02 0007", {}),
        ("0000 0000 0005 01 03 02 0007", {"transaction": "zero"}),
        ("424d 0000 0005 01 03 02 0007", {"transaction": "own"}),
        ("4d42 0000 0005 ff 03 02 0007", {"answer_unit": 255}),
        ("4d42 0000 0006 01 03 02 0007", {"long_length": True}),
        ("4d42 0000 0004 01 83 02", {"exception_length": True}),
        ("4d42 0000 0003 01 03 00", {"short_answers": True}),
    ],
)
def test_what_an_answer_does_otherwise_has_a_quirk(answer: str, quirks: dict[str, object]) -> None:
    head = take_apart(ASKED, bytes.fromhex(answer))
    assert head is not None
    assert quirks_of(head.oddities) == quirks


@pytest.mark.parametrize(
    ("answer", "seen", "hopeless"),
    [
        ("4d42 0000 0008 01 03 02 0007", "the length in the header is 8, and 5 bytes follow", True),
        ("4d42 0000 0004 01 03 02 0007", "the length in the header is 4, and 5 bytes follow", True),
        ("4d42 0000 0007 01 03 02 0007 0000", "the answer has 2 bytes more than its own count says", True),
        ("4d42 0000 0005 01 03 02 0007 " * 2, "the answer comes more than once", False),
        ("4d42 0000 0005 01 03 02 0007 0d0a", "2 bytes follow the answer", False),
    ],
)
def test_bytes_that_do_not_belong_there_are_told(answer: str, seen: str, hopeless: bool) -> None:
    head = take_apart(ASKED, bytes.fromhex(answer))
    assert head is not None
    assert [(one.seen, one.hopeless) for one in head.oddities] == [(seen, hopeless)]


@pytest.mark.parametrize("data", ["", "4d42", "4d42 0001 0005 01 03 02 0007", "4d42 0000 0005 01 04 02 0007"])
def test_what_is_no_answer_is_none(data: str) -> None:
    assert take_apart(ASKED, bytes.fromhex(data)) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_apart_or_not_and_nothing_else_happens(data: bytes) -> None:
    head = take_apart(ASKED, data)
    assert head is None or head.pdu[0] & 0x7F == 3


@given(st.integers(1, 125).flatmap(lambda count: st.binary(min_size=2 * count, max_size=2 * count)))
def test_a_right_answer_has_nothing_odd(words: bytes) -> None:
    count = len(words) // 2
    asked = Adu(7, bytes((3, 0, 0, 0, count)), 99)
    answer = TcpFraming().pack(Adu(7, bytes((3, len(words))) + words, 99))
    head = take_apart(asked, answer)
    assert head is not None
    assert head.oddities == ()
    assert head.pdu[2:] == words


def longer(request: Request) -> Reply:
    """Exception responses say a length of 4, all other answers are right."""
    if request.pdu[0] in (1, 2, 7, 8, 11, 12, 17, 20, 24, 43) or request.pdu[1:3] == b"\xff\xff":
        return Reply(pdu=bytes((request.pdu[0] | 0x80, 2)), length=4)
    return Reply()


@pytest.mark.parametrize(
    ("step", "quirk"),
    [
        (Reply(transaction=0), "transaction=zero"),
        (Reply(transaction=lambda number: number + 5), "transaction=own"),
        (Reply(unit=9), "answer-unit=9"),
        (Reply(length=lambda right: right + 1), "long-length"),
        (longer, "exception-length"),
    ],
)
def test_a_device_that_breaks_a_rule_is_read_with_the_quirk(step: object, quirk: str) -> None:
    with scripted(step) as server:  # type: ignore[arg-type]
        found = examined(server.url, timeout=QUICK)
    assert found.faults == []
    assert found["header"].severity is Severity.WARNING
    assert f"--quirk {quirk}" in found.prescription.command
    assert "[quirks]" in found.prescription.profile
