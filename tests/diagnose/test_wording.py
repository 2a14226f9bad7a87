"""Exchanges in words: what was asked and said."""

from __future__ import annotations

import pytest

from mbap.cli.capturereports import block_text
from mbap.diagnose.capture import Captured
from mbap.diagnose.capturefilter import Filter
from mbap.diagnose.captureprofile import ProfileFromCapture
from mbap.diagnose.capturestats import Statistics
from mbap.diagnose.wording import asked, said
from support.packets import Talk


def exchanged(asked: str, answered: str) -> Captured:
    """One exchange of two PDUs."""
    pdus = bytes.fromhex(asked), bytes.fromhex(answered)
    request, answer = (f"0001 0000 {len(pdu) + 1:04x} 01 {pdu.hex()}" for pdu in pdus)
    (one,) = Talk().open().asks(request).answers(answer).exchanges()
    return one


OBJECTS = "00 03 414243 02 04 312e1b32"
SAID = {
    "read hr1..2": ("03 0001 0002", "03 04 0007 0009", "7 9"),
    "read exception status": ("07", "07 1f", "1f"),
    "diagnostics, return query data": ("08 0000 a537", "08 0000 a537", "a5 37"),
    "get comm event counter": ("0b", "0b 0000 0001", "1 event"),
    "get comm event log": ("0c", "0c 08 0000 0108 0121 2000", "264 events, 289 messages"),
    "report server id": ("11", "11 09 00ff 57696e67706174", r"'\x00\xffWingpat'"),
    "read FIFO queue hr4": ("18 0004", "18 0006 0002 01b8 1284", "440 4740"),
    "read FIFO queue hr0": ("18 0000", "18 0002 0000", "no values"),
    "read device identification, basic": (
        "2b 0e 01 00",
        f"2b 0e 01 81 ff 03 02 {OBJECTS}",
        r"'ABC', '1.\x1b2', more follows",
    ),
    "read device identification, object 1": ("2b 0e 04 01", "2b 0e 04 81 00 00 01 01 03 414243", "'ABC'"),
}


@pytest.mark.parametrize("words", SAID)
def test_what_was_asked_and_said_is_in_words(words: str) -> None:
    request, answer, outcome = SAID[words]
    one = exchanged(request, answer)
    assert (asked(one), said(one, 8)) == (words, outcome)


def test_a_long_answer_of_bytes_is_cut() -> None:
    one = exchanged("11", "11 14" + 20 * "00")
    assert said(one, 8) == "00" + 15 * " 00" + " and 4 bytes more"


def test_an_answer_that_nobody_asked_for_is_counted_in_bytes() -> None:
    (one,) = Talk().answers("0001 0000 0002 01 07").exchanges()
    assert said(one, 8) == "1 byte"


def test_a_queue_is_named_as_one_in_statistics_and_is_no_point_of_a_profile() -> None:
    one, drafted = exchanged("18 0004", "18 0004 0001 01b8"), ProfileFromCapture()
    statistics = Statistics()
    for _ in range(3):
        statistics.take(one)
        drafted.take(one)
    assert [block_text(row) for row in statistics.rows] == ["read FIFO queue hr4"]
    with pytest.raises(ValueError, match=r"\w"):
        drafted.text()


@pytest.mark.parametrize(("text", "fits"), [("write", True), ("read", False)])
def test_a_malformed_write_is_a_write_to_a_filter(text: str, fits: bool) -> None:
    assert Filter(text).fits(exchanged("15 00", "95 03")) is fits
