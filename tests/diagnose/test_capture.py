"""Requests paired with answers across everything that TCP, and a tap, may do to them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.diagnose.adus import plausible_start
from mbap.diagnose.capture import MOST_PENDING, Capture, Captured, exchanges
from mbap.protocol.checksum import crc16
from mbap.protocol.pdu.opaque import Opaque
from mbap.protocol.pdu.registers import ReadHoldingRegisters
from support.packets import ETHERNET, Talk, ethernet, pcap, pcapng, read, tcp
from support.recorded import NAMES
from support.tshark import functions_by_tshark

ASK = "0007 0000 0006 01 03 006b 0003"
ANSWER = "0007 0000 0009 01 03 06 022b 0000 0064"
OTHER, OTHER_ANSWER = "0008 0000 0006 01 03 0000 0001", "0008 0000 0005 01 03 02 0009"
EXCEPTION = "0007 0000 0003 01 83 02"


def test_a_request_and_its_answer_are_one_exchange() -> None:
    (one,) = Talk().open().asks(ASK).answers(ANSWER).exchanges()
    assert (one.client, one.client_port, one.server, one.server_port) == ("10.0.0.5", 40_000, "10.0.0.9", 502)
    assert one.request == ReadHoldingRegisters(107, 3)
    assert one.response == bytes.fromhex("03 06 022b 0000 0064")
    assert (one.frame, one.response_frame, one.delay) == (3, 4, 1000)


def test_an_exchange_is_as_its_class_makes_it() -> None:
    (one,) = Talk().open().asks(ASK).exchanges()
    ends = ("10.0.0.5", 40_000, "10.0.0.9", 502)
    assert one == Captured(
        one.time, *ends, 1, 7, ReadHoldingRegisters(107, 3), bytes.fromhex(ASK)[7:], frame=3, connection=1
    )


def test_an_exception_is_the_answer() -> None:
    (one,) = Talk().open().asks(ASK).answers(EXCEPTION).exchanges()
    assert one.exception == 2


def test_several_adus_of_one_segment_are_told_apart() -> None:
    first, second = Talk().open().asks(ASK, OTHER).answers(ANSWER, OTHER_ANSWER).exchanges()
    assert (first.transaction, second.transaction) == (7, 8)


def test_answers_may_come_in_another_order() -> None:
    talk = Talk().open().asks(ASK, OTHER).answers(OTHER_ANSWER).answers(ANSWER)
    assert [one.transaction for one in talk.exchanges()] == [8, 7]


def test_a_request_without_an_answer_comes_at_the_end() -> None:
    (one,) = Talk().open().asks(ASK).exchanges()
    assert one.response is None


def test_h150_an_answer_without_a_request_stands_alone() -> None:
    (one,) = Talk().open().answers(ANSWER).exchanges()
    assert (one.pdu, one.request, one.function_code) == (b"", None, 3)


def test_an_answer_of_another_function_is_not_taken_for_the_answer() -> None:
    talk = Talk().open().asks(ASK).answers("0007 0000 0006 01 06 0001 0003")
    assert sorted((bool(one.pdu), one.response is not None) for one in talk.exchanges()) == [
        (False, True),
        (True, False),
    ]


def renumbered(*answers: str, port: int = 40_000) -> list[bytes]:
    """The packets of a connection whose answers have numbers of their own."""
    talk = Talk(client_port=port).open()
    for number, answer in enumerate(answers, 0x63):
        talk.asks(ASK).answers(f"{number:04x}{answer[4:]}")
    return talk.packets


REFUSED = "0007 0000 0003 01 83 02"


@pytest.mark.parametrize("answer", [ANSWER, REFUSED])
def test_answers_that_do_not_repeat_the_transaction_are_counted(answer: str) -> None:
    capture, found = read(pcap(renumbered(answer, answer)))
    assert (len(found), capture.renumbered) == (4, 2)


@pytest.mark.parametrize(
    "answers",
    [
        (ANSWER,),
        ("0007 0000 0006 01 06 0001 0003", "0007 0000 0006 01 06 0001 0003"),
        ("0007 0000 0005 01 03 02 0007", "0007 0000 0005 01 03 02 0007"),
    ],
    ids=["a single one", "another function", "another length"],
)
def test_answers_to_what_was_asked_before_the_capture_are_not(answers: tuple[str, ...]) -> None:
    assert read(pcap(renumbered(*answers)))[0].renumbered == 0


def test_where_several_wait_an_answer_of_another_number_may_be_one_to_what_was_lost() -> None:
    talk = Talk().open().asks(ASK).asks(OTHER)
    talk.answers("0063" + ANSWER[4:]).answers("0064" + ANSWER[4:])
    assert read(pcap(talk.packets))[0].renumbered == 0


def test_answers_of_connections_that_were_forgotten_stay_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mbap.diagnose.capture.MOST_OPEN", 1)
    packets = [one for port in (40_000, 40_001, 40_002) for one in renumbered(ANSWER, ANSWER, port=port)]
    assert read(pcap(packets))[0].renumbered == 6


def test_an_unknown_function_is_opaque() -> None:
    (one,) = Talk().open().asks("0001 0000 0004 01 5a 00 40").exchanges()
    assert one.request == Opaque(0x5A, b"\x00\x40")


def test_a_pdu_that_breaks_the_standard_is_no_request() -> None:
    (one,) = Talk().open().asks("0001 0000 0003 01 03 00").exchanges()
    assert (one.request, one.pdu) == (None, b"\x03\x00")


def test_a_request_that_is_sent_again_before_its_answer_is_marked() -> None:
    talk = Talk().open().asks(ASK).asks(ASK).answers(ANSWER)
    assert Counter(one.repeated for one in talk.exchanges()) == {False: 1, True: 1}


def test_a_request_may_come_byte_by_byte() -> None:
    talk = Talk().open()
    for byte in bytes.fromhex(ASK):
        talk.asks(f"{byte:02x}")
    (one,) = talk.answers(ANSWER).exchanges()
    assert one.request == ReadHoldingRegisters(107, 3)
    assert one.frame == 14


def test_h149_segments_out_of_order_are_put_in_order() -> None:
    talk = Talk().open().asks(ASK).asks(OTHER)
    talk.packets[2:] = talk.packets[:1:-1]
    assert [one.transaction for one in talk.exchanges()] == [7, 8]


def test_h149_what_is_sent_again_counts_once() -> None:
    talk = Talk().open().asks(ASK)
    talk.packets.append(talk.packets[-1])
    capture, found = read(pcap(talk.answers(ANSWER).packets))
    assert (len(found), capture.streams.again) == (1, 1)


def test_what_keeps_a_connection_alive_is_not_sent_again() -> None:
    talk = Talk().open().asks(ASK).answers(ANSWER)
    talk.packets.append(talk.packet(True, b"\0", sequence=talk.sequences[0] - 1))
    capture, found = read(pcap(talk.asks(OTHER).answers(OTHER_ANSWER).packets))
    assert (len(found), capture.streams.again, capture.foreign) == (2, 0, 0)


def test_h149_of_two_that_differ_the_first_stands() -> None:
    talk = Talk().open()
    good, evil = bytes.fromhex(ASK), bytes.fromhex("0007 0000 0006 01 06 006b 0003")
    later = talk.packet(True, good[6:], sequence=1006)
    talk.packets += [later, talk.packet(True, evil[6:], sequence=1006), talk.packet(True, good[:6])]
    capture, (one,) = read(pcap(talk.packets))
    assert one.request == ReadHoldingRegisters(107, 3)
    assert capture.streams.conflicts == 1


def test_h149_a_lost_segment_costs_only_what_was_in_it() -> None:
    talk = Talk().open()
    for number in range(100):
        talk.asks(f"{number:04x} 0000 0006 01 03 0000 0001")
    del talk.packets[20]
    capture, found = read(pcap(talk.packets))
    assert {one.transaction for one in found} == set(range(100)) - {18}
    assert capture.streams.lost == 1


def test_h149_a_stream_is_joined_in_the_middle_of_an_adu() -> None:
    talk = Talk().asks("03 006b 0003", OTHER).answers(OTHER_ANSWER)
    capture, (one,) = read(pcap(talk.packets))
    assert one.transaction == 8
    assert capture.foreign == 5


def test_sequence_numbers_may_wrap() -> None:
    talk = Talk(sequences=[2**32 - 6, 5000]).open()
    talk.packets.append(talk.packet(True, bytes.fromhex(ASK)))
    talk.packets.append(talk.packet(True, bytes.fromhex(OTHER), sequence=6))
    assert [one.transaction for one in talk.exchanges()] == [7, 8]


def test_the_same_ports_used_again_are_another_connection() -> None:
    again = Talk(sequences=[90_000, 95_000]).open().asks(ASK).answers(ANSWER)
    packets = Talk().open().asks(ASK).packets + again.packets
    _, found = read(pcap(packets))
    assert len({one.connection for one in found}) == 2
    assert Counter(one.response is None for one in found) == {True: 1, False: 1}


def test_h146_packets_that_were_cut_give_what_can_be_read() -> None:
    capture, found = read(pcap(Talk().open().asks(ASK).answers(ANSWER).packets, snap=60))
    assert (found, capture.problem, capture.streams.cut) == ([], None, 2)


def test_bytes_of_another_protocol_are_counted() -> None:
    talk = Talk().open().asks(b"GET / HTTP/1.1\r\n\r\n".hex())
    capture, found = read(pcap(talk.packets))
    assert (found, capture.foreign) == ([], 18)


def test_other_ports_are_left_out_unless_they_are_named() -> None:
    packet = ethernet(tcp(bytes.fromhex(ASK), ports=(40_000, 1502)))
    assert not read(pcap([packet]))[1]


def test_ipv6_and_pcapng_give_the_same(tmp_path: Path) -> None:
    talk = Talk(hosts=("fe80::1", "fe80::2")).open().asks(ASK).answers(ANSWER)
    path = tmp_path / "six.pcapng"
    path.write_bytes(pcapng(talk.packets, link=ETHERNET))
    (one,) = exchanges(path)
    assert (one.client, one.server, one.transaction) == ("fe80::1", "fe80::2", 7)


def test_h033_what_nobody_answers_does_not_pile_up() -> None:
    talk = Talk().open()
    for number in range(3 * MOST_PENDING):
        talk.asks(f"{number:04x} 0000 0006 01 03 0000 0001")
    assert len(talk.exchanges()) == 3 * MOST_PENDING


@settings(max_examples=60)
@given(st.randoms(use_true_random=False), st.binary(min_size=1, max_size=4000))
def test_any_bytes_in_any_order_are_survived(chance: random.Random, data: bytes) -> None:
    talk = Talk().open()
    while data:
        size = chance.randint(1, 60)
        talk.says(chance.random() < 0.5, data[:size].hex())
        data = data[size:]
    chance.shuffle(talk.packets)
    capture, _ = read(pcap(talk.packets))
    assert capture.packets == len(talk.packets)


def rtu(frame: str) -> str:
    data = bytes.fromhex(frame)
    return (data + crc16(data).to_bytes(2, "little")).hex()


RTU_ASK, RTU_ANSWER = rtu("01 03 0000 0002"), rtu("01 03 04 0001 0002")


@pytest.mark.parametrize("cut", [None, 3, 7])
def test_rtu_frames_over_tcp_are_read_whole_and_cut(cut: int | None) -> None:
    talk = Talk().open().asks(RTU_ASK)
    pieces = [RTU_ANSWER] if cut is None else [RTU_ANSWER[: 2 * cut], RTU_ANSWER[2 * cut :]]
    for piece in pieces if cut is None else [RTU_ANSWER, *pieces]:
        talk.answers(piece)
    one, *_ = talk.exchanges()
    assert (one.unit, one.transaction, one.request) == (1, None, ReadHoldingRegisters(0, 2))
    assert one.response == bytes.fromhex("03 04 0001 0002")


def test_several_rtu_frames_in_a_row_and_rubbish_between_them_are_told_apart() -> None:
    talk = Talk().open().asks(RTU_ASK).asks(RTU_ASK + rtu("01 06 0001 0005")).answers(RTU_ANSWER)
    found = talk.asks("ff" * 300).exchanges()
    assert sorted(one.pdu[0] for one in found) == [3, 3, 6]


def test_a_header_and_one_byte_is_no_rtu_frame() -> None:
    (one,) = Talk().open().asks("0001 0000 0002 01 07").answers("0001 0000 0003 01 07 55").exchanges()
    assert (one.transaction, one.pdu, one.response) == (1, b"\x07", b"\x07\x55")


def test_modbus_on_another_port_and_tls_are_noticed() -> None:
    ask = bytes.fromhex(ASK)
    packets = [ethernet(tcp(ask, ports=(40_000, 1502))), ethernet(tcp(ask[:9], ports=(1502, 40_000)))]
    packets += [ethernet(tcp(b"\x16\x03\x01 hello", ports=(40_000, port))) for port in (802, 502, 443)]
    capture, found = read(pcap(packets))
    assert not found
    assert capture.streams.elsewhere == {1502: 1}
    assert capture.streams.encrypted == 2


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (ASK, 0),
        ("ff" + ASK, 1),
        ("0003" + ASK + OTHER, 2),
        ("0007 0000 0006 01 2a 006b 0003", 0),
        ("ffff ffff ffff ffff ffff", None),
        ("0000 0000 0000 0000", None),
        ("0007 0000", None),
    ],
)
def test_where_an_adu_can_begin(data: str, start: int | None) -> None:
    assert plausible_start(bytes.fromhex(data)) == start


@pytest.mark.peer
@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_counted_as_tshark_counts_it(
    captures: Path, peer: Callable[..., str], name: str
) -> None:
    counted: Counter[int] = Counter()
    for one in exchanges(captures / name):
        counted.update(pdu[0] & 0x7F for pdu in (one.pdu, one.response) if pdu)
    assert counted == functions_by_tshark(peer("tshark"), captures / name)


BEHIND_A_WILD_SEQUENCE_NUMBER = {19: 47, 21: 51, 23: 53, 25: 54, 26: 58, 27: 59, 32: 66}
"""Of zeek_fuzz-72.pcap, by frame, the function codes that tshark leaves out.

Frame 12 claims to be 131,000 bytes ahead, and frame 20 to be 35,084 bytes long. tshark goes on behind them
and takes what follows for retransmissions, which it does not look into. Here they are put in order.
"""


@pytest.mark.peer
def test_what_is_counted_otherwise_than_by_tshark_is_known_frame_by_frame(
    captures: Path, peer: Callable[..., str]
) -> None:
    counted: Counter[int] = Counter()
    for one in exchanges(captures / "zeek_fuzz-72.pcap"):
        counted.update(pdu[0] & 0x7F for pdu in (one.pdu, one.response) if pdu)
    theirs = functions_by_tshark(peer("tshark"), captures / "zeek_fuzz-72.pcap")
    assert counted == theirs + Counter(BEHIND_A_WILD_SEQUENCE_NUMBER.values())


def test_a_capture_made_at_random_is_survived(captures: Path) -> None:
    with (captures / "zeek_fuzz-72.pcap").open("rb") as file:
        capture = Capture(file)
        assert list(capture)
    assert capture.packets == 36
