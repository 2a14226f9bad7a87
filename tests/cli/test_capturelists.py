"""What is kept of lines that come again and again changes nothing of what is printed."""

from __future__ import annotations

from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mbap.cli import capturerows
from mbap.cli.capturelists import Listing, WriteListing
from mbap.cli.capturerows import MOST_VALUES, Phrases, write_text
from mbap.cli.capturetext import clock, day
from mbap.cli.times import moment
from mbap.diagnose.capture import Captured
from mbap.diagnose.capturewrites import Writes
from mbap.diagnose.wording import asked, said
from support.exchanging import exchange, exchanges

MOST = st.sampled_from([1, 3, 4096])
MASK, READ, WRITE = "16 0000 00f2 0025", "03 0000 0001", "06 0000 0010"


def answer_alone(answer: str) -> Captured:
    return exchange(0, "", answer)


def printed(listing: Listing | WriteListing, captured: list[Captured]) -> list[str]:
    with redirect_stdout(StringIO()) as out:
        for one in captured:
            listing.take(one)
    return [line.split("unit ", 1)[1][5:] for line in out.getvalue().splitlines() if "unit " in line]


@given(exchanges(), MOST)
@example([answer_alone("03 02 0001"), answer_alone("04 02 0001"), answer_alone("83 02")], 4096)
@example([exchange(0, READ, "03 02 0001"), exchange(1, READ, "83 02")], 4096)
def test_phrases_are_what_is_asked_and_said(captured: list[Captured], most: int) -> None:
    phrases = Phrases()
    with mock.patch.object(capturerows, "_MOST_KEPT", most):
        for one in captured:
            assert (phrases.asked(one), phrases.said(one)) == (asked(one), said(one, MOST_VALUES))


@given(exchanges(), MOST)
@example(
    [
        exchange(0, READ, "03 02 0002"),
        exchange(1, MASK, MASK),
        exchange(2, WRITE, WRITE),
        exchange(3, MASK, MASK),
    ],
    4096,
)
@example([exchange(0, WRITE, WRITE), exchange(1, WRITE, "86 02")], 4096)
def test_lines_of_writes_are_those_of_each_by_itself(captured: list[Captured], most: int) -> None:
    writes = Writes()
    expected = [write_text(write) for one in captured if (write := writes.take(one)) is not None]
    with mock.patch.object(capturerows, "_MOST_KEPT", most), mock.patch.dict("os.environ", COLUMNS="5000"):
        assert printed(WriteListing(), captured) == expected


@given(st.integers(0, 4_102_444_800_000_000))
@example(1_700_000_000_999_999)
def test_day_and_clock_are_those_of_utc_cut_to_the_millisecond(time: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)
    assert (day(time), clock(time)) == (f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S.%f}"[:-3])


@pytest.mark.parametrize("time", [2**63, -(2**63)])
def test_a_time_that_no_calendar_has_is_the_first_or_the_last(time: int) -> None:
    when = moment(time)
    assert (day(time), clock(time)) == (f"{when:%Y-%m-%d}", f"{when:%H:%M:%S.%f}"[:-3])
