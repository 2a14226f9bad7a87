"""Filters in Wireshark's words: what they mean, what they say about that, and how they fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.diagnose.capture import exchanges
from mbap.diagnose.capturefields import FIELDS
from mbap.diagnose.capturefilter import Filter
from support.packets import Talk
from support.tshark import frames_by_tshark

READ = Talk().open().asks("0007 0000 0006 05 03 006b 0003").answers("0007 0000 0009 05 03 06 022b 0000 0064")
EXCEPTION = Talk().open().asks("0008 0000 0006 01 03 006b 0003").answers("0008 0000 0003 01 83 02")
WRITE = Talk().open().asks("0009 0000 0009 02 10 0001 0001 02 0007").answers("0009 0000 0006 02 10 0001 0001")
SILENT = Talk().open().asks("000a 0000 0006 01 04 0000 0001")
AGAIN = Talk().open().asks("000b 0000 0006 01 04 0000 0001").asks("000b 0000 0006 01 04 0000 0001")
TALKS = {"read": READ, "exception": EXCEPTION, "write": WRITE, "silent": SILENT, "again": AGAIN}
ALL = set(TALKS)


def fitting(text: str) -> set[str]:
    wanted = Filter(text)
    return {name for name, talk in TALKS.items() if any(wanted.fits(one) for one in talk.exchanges())}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ALL),
        ("modbus", ALL),
        ("tcp.port == 502", ALL),
        ("tcp.dstport == 502", ALL),
        ("tcp.srcport == 502", {"read", "exception", "write"}),
        ("tcp.port == 1502", set()),
        ("modbus.func_code == 3", {"read", "exception"}),
        ("modbus.func_code == 16", {"write"}),
        ("modbus.func_code == 0x10", {"write"}),
        ("modbus.func_code >= 128", {"exception"}),
        ("modbus.exception_code", {"exception"}),
        ("modbus.exception_code == 2", {"exception"}),
        ("ip.addr == 10.0.0.5 && tcp.port == 502", ALL),
        ("ip.addr == 10.0.0.0/24", ALL),
        ("ip.addr == 192.168.1.1 && tcp.port == 502", set()),
        ("ip.src == 10.0.0.9", {"read", "exception", "write"}),
        ("ip.addr != 10.0.0.5", set()),
        ("ip.addr in {10.0.0.5, 10.0.0.7}", ALL),
        ("modbus && frame.time_delta > 1", set()),
        ("modbus && frame.time_delta > 0.0005", {"read", "exception", "write"}),
        ("unit == 5", {"read"}),
        ("unit in {2, 5}", {"read", "write"}),
        ("register in 100..120", {"read", "exception"}),
        ("register in 109..120", {"read", "exception"}),
        ("register in 110..120", set()),
        ("register == 109", {"read", "exception"}),
        ("register != 109", {"write", "silent", "again"}),
        ("register > 108", {"read", "exception"}),
        ("register <= 1", {"write", "silent", "again"}),
        ("register in {1,107}", {"read", "exception", "write"}),
        ("delay > 1s", set()),
        ("delay >= 1ms", {"read", "exception", "write"}),
        ("retransmission", {"again"}),
        ("unanswered", {"silent", "again"}),
        ("write", {"write"}),
        ("read", ALL - {"write"}),
        ("client == 10.0.0.5 and server == 10.0.0.9", ALL),
        ("not write and not unanswered", {"read", "exception"}),
        ("!(write or unit == 5) && !unanswered", {"exception"}),
        ("transaction == 7", {"read"}),
        ("count == 3", {"read", "exception"}),
        ("modbus.reference_num == 107", {"read", "exception"}),
        ("frame.number == 4", {"read", "exception", "write", "again"}),
        ("tcp.port != 502", set()),
        ("tcp.port != 503", ALL),
        ("modbus.func_code > 127", {"exception"}),
        ("modbus.func_code in {3, 131}", {"read", "exception"}),
        ("modbus.unit_id == 5", {"read"}),
        ("mbtcp.unit_id == 5", {"read"}),
        ("mbtcp.trans_id == 8", {"exception"}),
        ("mbtcp.len == 9", {"read", "write"}),
        ("mbtcp.prot_id == 0", ALL),
        ("modbus.regval_uint16 == 100", {"read"}),
        ("modbus.regval_uint16 in {7 9}", {"write"}),
        ("modbus.regval_int16 < 0", set()),
        ("modbus.bitval", set()),
        ("value == 555", {"read"}),
        ("ip.addr in {10.0.0.1..10.0.0.6}", ALL),
        ("ip.src in {10.0.0.6..10.0.0.9}", {"read", "exception", "write"}),
        ("ip.addr in {10.0.1.0..10.0.1.9, fe80::1}", set()),
        ("ip && !ipv6", ALL),
        ("tcp.analysis.retransmission", {"again"}),
        ("unit in {1 2} && not write", {"exception", "silent", "again"}),
    ],
)
def test_what_a_filter_fits(text: str, names: set[str]) -> None:
    assert fitting(text) == names


def test_function_codes_from_128_on_mean_exceptions_and_that_is_said() -> None:
    assert "Wireshark itself wants modbus.exception_code" in Filter("modbus.func_code >= 128").says[0]


def test_an_unknown_field_names_those_that_there_are() -> None:
    with pytest.raises(
        ValueError, match=r"modbus\.data.* [Tt]here are modbus\.response_time, modbus\.func_code"
    ):
        Filter("modbus.data contains 00:01")
    with pytest.raises(
        ValueError, match=r"'eth\.addr' is no field .* [Tt]here are modbus, .*unit, .*unanswered"
    ):
        Filter("eth.addr == 1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("modbus.unit_id == 1", "Wireshark itself calls it mbtcp.unit_id"),
        ("tcp.analysis.retransmission", "what TCP sends again is counted apart"),
        ("tcp.stream == 0", "Wireshark counts those to others too"),
    ],
)
def test_what_is_meant_otherwise_than_in_wireshark_is_said(text: str, says: str) -> None:
    assert says in Filter(text).says[0]


def test_time_delta_means_a_slow_answer_and_that_is_said() -> None:
    assert "from a request to its answer" in Filter("modbus && frame.time_delta > 1").says[0]


def test_nothing_is_said_where_wireshark_means_the_same() -> None:
    assert Filter("modbus.func_code == 3 && ip.addr == 10.0.0.5").says == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("modbus.function == 3", "did you mean modbus.func_code"),
        ("xyzzy", "no field that a filter knows"),
        ("unit ==", "a value is missing"),
        ("(unit == 5", r"a \) is missing"),
        ("unit == 5 unit", "does not belong"),
        ("unit == five", "is not a number"),
        ("ip.addr == plc", "is not an IP address"),
        ("ip.addr > 10.0.0.5", "compared with == and !="),
        ("delay > soon", "is not a time"),
        ("&& unit == 5", "no field"),
        ("unit == 5 §", "means nothing"),
        ("unit = 5", "what is the same is =="),
        ("time > 25:00", "is not a moment such as 22:13"),
        ("time == 14", "is not a moment such as 22:13"),
        ("time > 10:00+02:00", "is not a moment such as 22:13"),
        ("time in 10:00..1970-01-01", "from one time of day to another"),
        ('unit == "5"', "without quotes"),
        ("unit == 5 & write", "both is && or and"),
        ('modbus.func_code == "Read Coils"', "without quotes"),
        ("unit in {1,", "a value is missing"),
        ("write in {1}", "in no set of values"),
    ],
)
def test_what_is_wrong_with_a_filter_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Filter(text)


@given(
    st.lists(
        st.sampled_from([*FIELDS, "==", "in", "..", "1", "{", "}", "(", ")", "&&", "!", "10.0.0.5"]),
        max_size=9,
    )
)
def test_any_words_are_a_filter_or_a_sentence(words: list[str]) -> None:
    try:
        wanted = Filter(" ".join(words))
    except ValueError:
        return
    for talk in TALKS.values():
        for one in talk.exchanges():
            assert wanted.fits(one) in (True, False)


SAME_AS_TSHARK = [
    "modbus",
    "tcp.port == 502",
    "tcp.dstport == 502",
    "tcp.srcport == 502",
    "modbus.func_code == 3",
    "modbus.func_code == 16",
    "modbus.func_code != 3",
    "modbus.exception_code",
    "modbus.exception_code == 2",
    "ip.addr == 10.1.1.234 && tcp.port == 502",
    "ip.addr == 141.81.0.0/16",
    "ip.src == 192.168.66.235 or ip.dst == 141.81.0.26",
    "ip.addr in {10.1.1.234, 141.81.0.26}",
    "ip.addr in {10.1.1.0..10.1.1.255}",
    "not tcp.dstport == 502",
    "mbtcp.unit_id == 255",
    "mbtcp.unit_id in {1, 2, 3}",
    "mbtcp.trans_id == 1",
    "mbtcp.trans_id in {0, 2..9}",
    "mbtcp.len > 6",
    "(modbus.func_code == 1 || modbus.func_code == 15) && !(tcp.srcport == 502)",
    "modbus.bitval == 1 && tcp.srcport == 502",
    "tcp.dstport == 502 && modbus.reference_num == 0",
    "tcp.dstport == 502 && modbus.word_cnt > 1",
    "tcp.dstport == 502 && modbus.bit_cnt",
    "frame.time_epoch >= 1493388810 && frame.time_epoch < 1493388830.5",
    'frame.time >= "2017-04-28T14:13:30+00:00"',
]
"""Filters that mean here what they mean in Wireshark, where it is about Modbus."""


@pytest.mark.peer
@pytest.mark.parametrize("text", SAME_AS_TSHARK)
@pytest.mark.parametrize("name", ["icsnpp_modbus_example.pcap", "iti_modbus_test.pcap", "ndpi_modbus.pcap"])
def test_the_same_frames_as_in_tshark(captures: Path, peer: Callable[..., str], name: str, text: str) -> None:
    theirs = frames_by_tshark(peer("tshark"), captures / name, f"modbus && ({text})")
    wanted = Filter(text)
    assert {frame for one in exchanges(captures / name) for frame in wanted.frames(one)} == theirs


@pytest.mark.peer
@pytest.mark.parametrize("text", ["modbus.reference_num == 0", "modbus.word_cnt == 1", "modbus.bit_cnt"])
@pytest.mark.parametrize("name", ["icsnpp_modbus_example.pcap", "iti_modbus_test.pcap", "ndpi_modbus.pcap"])
def test_an_answer_is_found_by_what_its_request_names(
    captures: Path, peer: Callable[..., str], name: str, text: str
) -> None:
    theirs = frames_by_tshark(peer("tshark"), captures / name, text)
    wanted = Filter(text)
    found = [one for one in exchanges(captures / name) if wanted.fits(one)]
    assert theirs <= {frame for one in found for frame in (one.frame, one.response_frame)}
    assert bool(theirs) == bool(found)


CLOCK = 10 * 3600 * 1_000_000
"""10:00, at which the exchange is that a moment is asked of; its answer comes a second later."""


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("time >= 10:00", True),
        ("time > 10:00:01", False),
        ("time == 10:00:01", True),
        ("time in 10:00:01..11:00", True),
        ("time in 10:00:01.5..11:00", False),
        ("time in 23:00..10:00", True),
        ("time in 23:00..09:59:59", False),
        ("time in {08:00..09:00, 10:00..10:30}", True),
        ("frame.time >= 1970-01-03", True),
        ("frame.time >= 1970-01-03T10:00:02", False),
        ("frame.time <= 1970-01-03T12:00+02:00", True),
        ('frame.time >= "1970-01-03 10:00:01" && function == 3', True),
        ("frame.time_epoch >= 208801", True),
        ("frame.time_epoch > 208801", False),
    ],
)
def test_a_moment_is_a_time_of_day_or_a_date(text: str, fits: bool) -> None:
    (one,) = READ.exchanges()
    one.time = 2 * 86_400_000_000 + CLOCK
    one.response_time = one.time + 1_000_000
    assert Filter(text).fits(one) is fits


def test_an_answer_that_never_came_has_no_time() -> None:
    (one,) = SILENT.exchanges()
    assert Filter("frame.time_epoch >= 0").frames(one) == [one.frame]
