"""mbap.protocol.overhearing: requests and answers of others, paired and timed."""

from __future__ import annotations

import pytest

from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.bus import BusFraming
from mbap.protocol.overhearing import MOST_ROWS, PATIENCE, Heard, Overheard, Overhearing
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side

CHARACTER = 0.001


class Line:
    """A line on which frames are heard one after the other."""

    def __init__(self) -> None:
        self.frames = BusFraming()
        self.overhearing = Overhearing(self.frames, character=CHARACTER, characters_a_byte=1, silence=0.004)
        self.now = 100.0

    @property
    def heard(self) -> Heard:
        return self.overhearing.heard

    def say(self, pdu: str, unit: int = 3, after: float = 0.01) -> list[Overheard]:
        """A frame that begins *after* seconds; it takes as long as a line needs for it."""
        data = RtuFraming(echo=False).pack(Adu(unit, bytes.fromhex(pdu)))
        self.now += after + len(data) * CHARACTER
        return self.overhearing.hear(data, self.now)

    def be_silent(self, seconds: float) -> list[Overheard]:
        self.now += seconds
        return self.overhearing.silent(self.now, self.frames.silence())


READ, ANSWER = "0300000002", "030400070008"


def test_a_request_is_paired_with_its_answer() -> None:
    line = Line()
    assert line.say(READ) == []
    (one,) = line.say(ANSWER)
    assert (one.unit, one.function_code, one.outcome) == (3, 3, "answered")
    assert one.answer == bytes.fromhex(ANSWER)


def test_the_time_of_an_answer_is_from_the_end_of_the_request_to_its_begin() -> None:
    line = Line()
    line.say(READ)
    (one,) = line.say(ANSWER, after=0.025)
    assert one.seconds == pytest.approx(0.025)


def test_where_bytes_come_faster_than_on_a_line_the_time_is_that_to_the_end() -> None:
    line = Line()
    line.say(READ)
    (one,) = line.say(ANSWER, after=-9 * CHARACTER + 0.002)
    assert one.seconds == pytest.approx(0.002)


def test_where_both_come_at_once_nobody_knows_the_time() -> None:
    line = Line()
    pack = RtuFraming(echo=False).pack
    both = pack(Adu(3, bytes.fromhex(READ))) + pack(Adu(3, bytes.fromhex(ANSWER)))
    (one,) = line.overhearing.hear(both, 101.0)
    assert one.seconds is None


def test_an_exception_is_an_answer() -> None:
    line = Line()
    line.say(READ)
    (one,) = line.say("8302")
    assert one.outcome == "exception 02"


def test_a_write_and_its_answer_look_the_same_and_are_paired() -> None:
    line = Line()
    assert line.say("0600010007") == []
    (one,) = line.say("0600010007")
    assert one.outcome == "answered"
    assert line.say("0600010008") == []


def test_a_request_that_another_follows_was_not_answered() -> None:
    line = Line()
    line.say(READ)
    (one,) = line.say(READ, unit=4)
    assert (one.unit, one.outcome) == (3, "no answer")


def test_a_request_that_nothing_follows_was_not_answered() -> None:
    line = Line()
    line.say(READ)
    assert line.be_silent(0.1) == []
    (one,) = line.be_silent(PATIENCE)
    assert one.outcome == "no answer"


def test_at_the_end_what_is_open_was_not_answered() -> None:
    line = Line()
    line.say(READ)
    (one,) = line.overhearing.end()
    assert one.outcome == "no answer"


def test_a_broadcast_is_not_waited_for() -> None:
    line = Line()
    (one,) = line.say("0600010007", unit=0)
    assert one.outcome == "broadcast"


def test_an_answer_without_a_request_is_counted() -> None:
    line = Line()
    (one,) = line.say(ANSWER)
    assert (one.outcome, line.heard.unasked) == ("unasked", 1)


def test_the_answer_of_another_unit_is_none_to_the_request() -> None:
    line = Line()
    line.say(READ)
    no_answer, unasked = line.say(ANSWER, unit=4)
    assert (no_answer.outcome, unasked.outcome) == ("no answer", "unasked")


def test_a_request_that_looks_like_an_answer_is_told_by_what_was_asked() -> None:
    """Heard from the middle on: an answer to read coils is as long as a request, until a real one comes."""
    line = Line()
    line.say("0103070007")
    line.say("0100000018")
    (one,) = line.say("0103070007")
    assert one.outcome == "answered"


def test_units_and_functions_are_counted_one_by_one() -> None:
    line = Line()
    for _ in range(3):
        line.say(READ)
        line.say(ANSWER, after=0.02)
    line.say(READ)
    line.say("8302", after=0.04)
    line.say(READ, unit=9)
    line.overhearing.end()
    row = line.heard.rows[3, 3]
    assert (row.requests, row.answers, row.exceptions, row.silent) == (4, 3, 1, 0)
    assert row.mean == pytest.approx(0.025)
    assert row.longest == pytest.approx(0.04)
    assert line.heard.rows[9, 3].silent == 1


def test_the_rows_are_bounded() -> None:
    line = Line()
    for unit in range(1, 200):
        for code in range(1, 100):
            line.overhearing._counted(Overheard(0.0, unit, None, bytes((code, 0)), None))
    assert len(line.heard.rows) == MOST_ROWS
    assert line.heard.other == 199 * 99 - MOST_ROWS


def test_a_frame_with_a_silence_inside_is_counted_as_torn() -> None:
    line = Line()
    data = RtuFraming(echo=False).pack(Adu(3, bytes.fromhex(READ)))
    line.overhearing.hear(data[:4], 101.0)
    line.overhearing.hear(data[4:], 101.02)
    assert (line.heard.torn, line.heard.frames) == (1, 1)


def test_ascii_is_heard_too() -> None:
    frames = AsciiFraming(Side.LISTENER, echo=False)
    overhearing = Overhearing(frames, character=CHARACTER, characters_a_byte=2, silence=1.0)
    pack = AsciiFraming(echo=False).pack
    overhearing.hear(pack(Adu(3, bytes.fromhex(READ))), 101.0)
    (one,) = overhearing.hear(pack(Adu(3, bytes.fromhex(ANSWER))), 101.1)
    assert one.outcome == "answered"
