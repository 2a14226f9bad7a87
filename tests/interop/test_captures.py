"""Recorded traffic of real plants: framing and PDU classes read it, and count what tshark counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.explain import explain
from mbap.protocol.pdu import decode_request, raise_exception
from mbap.protocol.tcp import TcpFraming
from support.pcap import Piece, pieces
from support.tshark import functions_by_tshark

PLANT = "iti_ModbusTCP_plant1.pcap"
MODBUS_ONLY = [
    PLANT,
    "ekin_FC1-permit.pcap",
    "ekin_ModbusFloat.pcap",
    "ekin_modbus-mask-write-register.pcap",
    "icsnpp_modbus_example.pcap",
    "iti_modbus_test.pcap",
    "lemay_channel_4d_12s.pcap",
    "lemay_fake_command_p502.pcap",
    "lemay_normal_exploit_run_p502.pcap",
    "lemay_normal_moving_files_p502.pcap",
    "ndpi_modbus.pcap",
    "zeek_modbus-eit.pcap",
    "zeek_modbusSmall.pcap",
]
WITH_ATTACKS = ["iti_modbus_test_data_part1.pcap", "suricata-verify_modbus.pcap"]
"""Some connections send something else than Modbus, and are given up there."""
WITH_OTHER_BYTES = [*WITH_ATTACKS, "zeek_fuzz-72.pcap"]
"""The last one was made at random, with segments missing: tshark and we guess differently there."""
WRONG_ANSWERS = {"ekin_modbus-mask-write-register.pcap": 1, "iti_modbus_test.pcap": 1}
"""Servers that repeat something else than was written; the others answer right."""
FUNCTIONS = {1, 2, 3, 4, 5, 6, 15, 16, 22, 23}


@dataclass
class Traffic:
    """What framing made of one recording.

    Attributes:
        sent: (connection, to the server, ADU), in the order they were completed.
        failures: why a direction could not be followed any further.
    """

    sent: list[tuple[int, bool, Adu]] = field(default_factory=list)
    failures: list[ProtocolError] = field(default_factory=list)
    foreign: int = 0
    left_over: int = 0

    @property
    def functions(self) -> Counter[int]:
        """How many ADUs of each function code, exceptions with the function they answer."""
        return Counter(adu.pdu[0] & 0x7F for _, _, adu in self.sent)


@cache
def read(path: Path) -> Traffic:
    """Everything in *path*."""
    traffic = Traffic()
    framings: dict[tuple[int, bool], TcpFraming] = {}
    for piece in pieces(path):
        framing = framings.setdefault((piece.connection, piece.to_server), TcpFraming())
        if piece.after_gap:
            _note(traffic, framing)
            framing.clear()
        traffic.sent += _adus(piece, framing)
    for framing in framings.values():
        _note(traffic, framing)
        traffic.foreign += framing.foreign
    return traffic


def _adus(piece: Piece, framing: TcpFraming) -> Iterator[tuple[int, bool, Adu]]:
    return ((piece.connection, piece.to_server, adu) for adu in framing.unpack(piece.data))


def _note(traffic: Traffic, framing: TcpFraming) -> None:
    traffic.left_over += framing.partial
    if framing.failure is not None:
        traffic.failures.append(framing.failure)


def exchanges(traffic: Traffic) -> Iterator[tuple[Adu, Adu | None]]:
    """Each request with its response, None where none was recorded."""
    pending: dict[tuple[int, int | None, int], Adu] = {}
    for connection, to_server, adu in traffic.sent:
        key = (connection, adu.transaction, adu.unit)
        if to_server:
            if key in pending:
                yield pending[key], None
            pending[key] = adu
        elif key in pending:
            yield pending.pop(key), adu
    yield from ((request, None) for request in pending.values())


def fits(asked: Adu, response: Adu) -> bool:
    """Whether *response* can be the answer to *asked*, an exception included."""
    request = decode_request(asked.pdu)
    try:
        raise_exception(response.pdu, request.function_code)
        request.decode_response(response.pdu)
    except ExceptionResponse:
        return True
    except ProtocolError:
        return False
    return True


@pytest.mark.peer
@pytest.mark.parametrize("name", [*MODBUS_ONLY, *WITH_ATTACKS])
def test_the_functions_are_counted_as_tshark_counts_them(
    captures: Path, peer: Callable[..., str], name: str
) -> None:
    assert read(captures / name).functions == functions_by_tshark(peer("tshark"), captures / name)


@pytest.mark.parametrize("name", MODBUS_ONLY)
def test_every_byte_belongs_to_an_adu(captures: Path, name: str) -> None:
    traffic = read(captures / name)
    assert (traffic.failures, traffic.foreign, traffic.left_over) == ([], 0, 0)


@pytest.mark.parametrize("name", MODBUS_ONLY)
def test_every_request_decodes_and_encodes_to_the_same_bytes(captures: Path, name: str) -> None:
    sent = {adu.pdu for _, to_server, adu in read(captures / name).sent if to_server}
    known = {pdu for pdu in sent if pdu[0] in FUNCTIONS}
    assert {decode_request(pdu).encode() for pdu in known} == known


@pytest.mark.parametrize("name", MODBUS_ONLY)
def test_every_response_answers_its_request(captures: Path, name: str) -> None:
    wrong = []
    for asked, response in exchanges(read(captures / name)):
        if response is not None and asked.pdu[0] in FUNCTIONS and not fits(asked, response):
            wrong.append((asked, response))
    assert len(wrong) == WRONG_ANSWERS.get(name, 0)


def test_the_plants_requests_and_responses_belong_together(captures: Path) -> None:
    traffic = read(captures / PLANT)
    answered = [response is not None for _, response in exchanges(traffic)]
    # It begins and ends in the middle: 3 requests were sent before, and 7 are not answered in it any more.
    assert (len(traffic.sent), answered.count(True), answered.count(False)) == (15976, 7983, 7)
    assert len(traffic.sent) - 2 * answered.count(True) - answered.count(False) == 3


@pytest.mark.parametrize("name", [*MODBUS_ONLY, *WITH_OTHER_BYTES])
def test_every_frame_can_be_explained(captures: Path, name: str) -> None:
    traffic = read(captures / name)
    for pdu, unit in {(adu.pdu, adu.unit) for _, _, adu in traffic.sent}:
        frame = TcpFraming().pack(Adu(unit, pdu, 1))
        (explanation,) = explain(frame)
        right = name in MODBUS_ONLY and pdu[0] & 0x7F in FUNCTIONS
        assert not (right and explanation.every_fault), frame.hex(" ")


@pytest.mark.parametrize("name", [*MODBUS_ONLY, *WITH_OTHER_BYTES])
def test_what_was_on_the_line_can_be_explained_as_a_stream(captures: Path, name: str) -> None:
    for piece in list(pieces(captures / name))[:500]:
        assert b"".join(one.data for one in explain(piece.data)) == piece.data


@pytest.mark.parametrize("name", WITH_OTHER_BYTES)
def test_what_is_not_modbus_is_survived(captures: Path, name: str) -> None:
    assert read(captures / name).sent
