"""mbap.client.quirks and mbap.client.leeway: what a device may do, as data. What it changes is tested in
test_misbehaviours.py.
"""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap import Quirks
from mbap.client.leeway import Leeway, OverlongFraming
from mbap.client.options import LinkOptions
from mbap.client.quirks import NO_QUIRKS
from mbap.client.rewriting import in_parts
from mbap.protocol.adu import Adu
from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.wire import Registers


def test_each_is_off_until_it_is_asked_for() -> None:
    assert NO_QUIRKS.said() == {}
    assert not NO_QUIRKS.forgives
    assert not NO_QUIRKS.rewrites


@pytest.mark.parametrize(
    ("texts", "quirks"),
    [
        ([], Quirks()),
        (["transaction=zero"], Quirks(transaction="zero")),
        (["answer-unit=0", "short-answers"], Quirks(answer_unit=0, short_answers=True)),
        (["answer_unit=any"], Quirks(answer_unit="any")),
        (["largest-read=60", "largest-bits=8"], Quirks(largest_read=60, largest_bits=8)),
        (["reconnect-idle=500ms"], Quirks(reconnect_idle=0.5)),
        (["reconnect-idle=30"], Quirks(reconnect_idle=30)),
        (
            ["exception-length", "long-length", "no-gaps", "echo"],
            Quirks(exception_length=True, long_length=True, no_gaps=True, echo=True),
        ),
        (["only-fc6", "silence-is-illegal-address"], Quirks(only_fc6=True, silence_is_illegal_address=True)),
    ],
)
def test_they_are_written_as_names_and_values(texts: list[str], quirks: Quirks) -> None:
    assert Quirks.parse(texts) == quirks


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        (["transacton=zero"], "'transacton' is not a quirk: did you mean transaction?"),
        (["slow"], "'slow' is not a quirk: "),
        (["transaction"], "the quirk 'transaction' needs a value: transaction=zero or transaction=own"),
        (["transaction=one"], "transaction is zero or own, not 'one'"),
        (["short-answers=yes"], "the quirk 'short-answers=yes' takes no value"),
        (["answer-unit=256"], "answer_unit is 0 to 255 or any, not 256"),
        (["answer-unit=x"], "needs a number"),
        (["largest-read=126"], "largest_read is 1 to 125, not 126"),
        (["largest-read=0"], "largest_read is 1 to 125, not 0"),
        (["reconnect-idle"], "needs a duration"),
        (["reconnect-idle=soon"], "soon"),
        (["reconnect-idle=nan"], "reconnect_idle is more than 0 seconds"),
        (["reconnect-idle=0"], "reconnect_idle is more than 0 seconds"),
        (["echo", "echo"], "the quirk 'echo' is given twice"),
        (["only-fc6", "only-fc16"], "leave no function code to write with"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(texts: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("?", r"\?")):
        Quirks.parse(texts)


def test_a_table_of_a_file_gives_them_too() -> None:
    table = {"transaction": "zero", "short_answers": True, "echo": False, "largest_read": 60}
    assert Quirks.of(table) == Quirks(transaction="zero", short_answers=True, largest_read=60)
    with pytest.raises(ValueError, match="did you mean short_answers"):
        Quirks.of({"short_answer": True})


some_quirks = st.builds(
    Quirks,
    transaction=st.sampled_from(["", "zero", "own"]),
    answer_unit=st.none() | st.integers(0, 255) | st.just("any"),
    short_answers=st.booleans(),
    largest_read=st.none() | st.integers(1, 125),
    reconnect_idle=st.none() | st.floats(0.5, 1e6),
)


@given(some_quirks)
def test_what_is_printed_is_read_back(quirks: Quirks) -> None:
    assert Quirks.parse(str(quirks).split(", ") if str(quirks) else []) == quirks


@given(some_quirks)
def test_as_a_table_they_are_read_back(quirks: Quirks) -> None:
    assert Quirks.of(quirks.said()) == quirks


def test_each_use_is_counted_and_the_first_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    leeway = Leeway(Quirks(answer_unit="any"), "tcp://plc:502")
    with caplog.at_level(logging.INFO, "mbap.client.leeway"):
        assert leeway.unit_fits(7, 1)
        assert leeway.unit_fits(8, 1)
    assert leeway.counts == {"answer_unit": 2}
    assert caplog.messages == ["tcp://plc:502 unit 1: the quirk answer_unit was needed"]


def test_each_unit_may_have_its_own() -> None:
    leeway = Leeway(Quirks(transaction="zero"), "plc", {5: Quirks(answer_unit=0)})
    assert leeway.unit_fits(0, 5)
    assert not leeway.unit_fits(0, 6)
    assert leeway.at(5).quirks == Quirks(answer_unit=0)
    assert leeway.at(6).quirks == Quirks(transaction="zero")


def test_what_a_unit_needed_is_counted_for_it_and_what_the_connection_needed_for_all() -> None:
    leeway = Leeway(Quirks(transaction="zero"), "plc", {5: Quirks(answer_unit=0)})
    leeway.number_fits(0, 1)
    leeway.unit_fits(0, 5)
    leeway.at(5).used("no_gaps")
    assert leeway.counts_of(5) == {"transaction": 1, "answer_unit": 1, "no_gaps": 1}
    assert leeway.counts_of(6) == {"transaction": 1}
    assert leeway.counts == {"transaction": 1, "answer_unit": 1, "no_gaps": 1}


def test_a_link_refuses_a_quirk_of_the_connection_for_one_unit() -> None:
    with pytest.raises(ValueError, match="unit 5: transaction is of the connection"):
        LinkOptions(unit_quirks={5: Quirks(transaction="zero")})


def test_quirks_are_of_the_connection_or_of_a_unit() -> None:
    quirks = Quirks(transaction="own", reconnect_idle=3, short_answers=True, answer_unit=0)
    assert quirks.of_connection() == Quirks(transaction="own", reconnect_idle=3)
    assert quirks.of_unit() == Quirks(short_answers=True, answer_unit=0)


@pytest.mark.parametrize(
    ("scheme", "names"),
    [
        ("tcp", ("echo",)),
        ("udp", ("long_length", "echo")),
        ("rtu+tcp", ("transaction", "long_length")),
    ],
)
def test_some_change_nothing_on_some_endpoints(scheme: str, names: tuple[str, ...]) -> None:
    quirks = Quirks(transaction="own", long_length=True, echo=True, short_answers=True)
    assert quirks.without_effect(scheme) == names


def test_parts_of_a_long_read_end_with_the_first_short_answer() -> None:
    parts = in_parts(ReadHoldingRegisters(0, 6), Quirks(largest_read=2, short_answers=True))
    assert parts is not None
    assert parts.join([Registers.of([1, 2]), Registers.of([3]), Registers.of([5, 6])]) == [1, 2, 3]


right_answers = st.lists(
    st.tuples(
        st.integers(0, 0xFFFF),
        st.sampled_from(
            [
                b"\x83\x02",
                b"\x03\x02\x00\x07",
                b"\x06\x00\x01\x00\x02",
                b"\x11\x02ab",
                b"\x2b\x0e\x01\x01\x00\x00\x00",
            ]
        ),
        st.booleans(),
    ),
    max_size=5,
)


@given(right_answers, st.data())
def test_answers_whose_length_is_one_too_large_are_found_however_the_stream_is_cut(
    answers: list[tuple[int, bytes, bool]], data: st.DataObject
) -> None:
    framing = OverlongFraming(Leeway(Quirks(long_length=True), "plc"))
    adus = [Adu(1, pdu, number) for number, pdu, _ in answers]
    stream = b"".join(
        TcpFraming().pack(adu)[:5] + bytes((len(adu.pdu) + 1 + overlong,)) + TcpFraming().pack(adu)[6:]
        for adu, (_, _, overlong) in zip(adus, answers, strict=True)
    )
    found = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += framing.unpack(stream[:size])
        stream = stream[size:]
    assert found == adus
    assert framing.partial == 0


def test_only_exceptions_are_mended_where_only_they_are_wrong() -> None:
    framing = OverlongFraming(Leeway(Quirks(exception_length=True), "plc"))
    assert framing.unpack(bytes.fromhex("0001 0000 0004 01 83 02")) == [Adu(1, b"\x83\x02", 1)]
    assert framing.unpack(bytes.fromhex("0002 0000 0006 01 03 02 0007")) == []
    assert framing.partial == 11


def test_a_length_that_cannot_be_ends_the_stream_as_ever() -> None:
    framing = OverlongFraming(Leeway(Quirks(long_length=True), "plc"))
    framing.unpack(bytes.fromhex("0001 0000 ffff 01 83"))
    assert framing.failure is not None
