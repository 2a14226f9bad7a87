"""What a policy would have done with recorded traffic, out of captures and out of audit trails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu.base import Request
from mbap.protocol.pdu.bits import ReadCoils, WriteMultipleCoils, WriteSingleCoil
from mbap.protocol.pdu.diagnostics import Diagnostics
from mbap.protocol.pdu.opaque import Opaque
from mbap.protocol.pdu.registers import (
    MaskWriteRegister,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    WriteMultipleRegisters,
    WriteSingleRegister,
)
from mbap.security.auditrecord import fields
from mbap.security.compact import parse_compact
from mbap.security.events import Event
from mbap.security.firewalllog import request_details
from mbap.security.replaying import replay
from mbap.security.trailexchanges import exchanges_of_trail
from mbap.server.handler import Peer

SECOND = 1_000_000
POLICY = parse_compact(
    "ALLOW SRC=10.0.0.5 FC=3 REG=0-9 RATE=2/s\nALLOW SRC=10.0.0.5 FC=6 REG=5\nDENY FC=8 LOG=YES"
)


def seen(request: Request[Any] | None, time: int = 0, client: str = "10.0.0.5") -> Exchange:
    pdu = b"\x03\x00" if request is None else request.encode()
    return Exchange(time, client, 40_000, "10.0.0.9", 502, 1, 7, request, pdu)


def test_each_request_is_judged_and_counted_by_its_rule() -> None:
    traffic = [
        seen(ReadHoldingRegisters(0, 10)),
        seen(WriteSingleRegister(5, 1)),
        seen(WriteSingleRegister(6, 1)),
    ]
    found = replay(POLICY, traffic)
    assert (found.requests, found.allowed, found.denied) == (3, 2, 1)
    assert found.rules == {"line-1": 1, "line-2": 1, "": 1}


def test_rates_go_by_the_times_of_the_recording() -> None:
    quick = [seen(ReadHoldingRegisters(0, 1), 1000 * n) for n in range(4)]
    slow = [replace(one, time=n * SECOND) for n, one in enumerate(quick)]
    assert (replay(POLICY, quick).denied, replay(POLICY, slow).denied) == (2, 0)


def test_the_same_refusal_is_shown_once_with_its_count() -> None:
    found = replay(POLICY, [seen(ReadHoldingRegisters(50, 1), n) for n in range(7)])
    (((rule, reason, *_), (first, _, count)),) = found.examples.items()
    assert (rule, reason, first.time, count) == ("", "no rule allows it", 0, 7)


def test_what_is_no_request_is_counted_apart() -> None:
    found = replay(POLICY, [seen(None)])
    assert (found.requests, found.malformed) == (0, 1)


def test_answers_alone_are_passed_over() -> None:
    alone = replace(seen(None), pdu=b"", response=b"\x03\x02\x00\x01")
    assert replay(POLICY, [alone]).requests == 0


def line(request: Request[Any], *, values: bool = True, **more: Any) -> str:
    details = request_details(request, 1, values=values)
    event = Event("deny", 5 * SECOND, Peer("10.0.0.5", 4000, "tcp://:502"), {**details, **more})
    return json.dumps(fields(event))


@pytest.mark.parametrize(
    "request_",
    [
        ReadCoils(19, 19),
        ReadHoldingRegisters(107, 3),
        ReadInputRegisters(8, 1),
        WriteSingleCoil(172, True),
        WriteSingleRegister(1, 3),
        WriteMultipleCoils(19, [True, False, True, True, False, False, True, True, True, False]),
        WriteMultipleRegisters(1, [10, 258]),
        MaskWriteRegister(4, 0xF2, 0x05),
        ReadWriteMultipleRegisters(3, 6, 14, [255, 255, 255]),
        Diagnostics(4, b"\0\0"),
    ],
    ids=lambda request: type(request).__name__,
)
def test_a_request_comes_out_of_the_trail_as_it_went_in(request_: Request[Any]) -> None:
    (found,) = exchanges_of_trail([line(request_)])
    assert found.request == request_
    assert (found.client, found.unit, found.time) == ("10.0.0.5", 1, 5 * SECOND)


def test_a_function_that_is_not_known_keeps_its_code() -> None:
    (found,) = exchanges_of_trail([line(Opaque(0x5A, b"\0\x40"))])
    assert found.request == Opaque(0x5A, b"")


def test_a_line_that_counts_stands_for_so_many_requests() -> None:
    assert len(list(exchanges_of_trail([line(ReadCoils(0, 1), count=12)]))) == 12


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"event": "deny"}', '{"event": "deny", "func": 3}', '{"event":"system"}']
)
def test_lines_that_tell_of_no_request_are_passed_over(text: str) -> None:
    assert not [one for one in exchanges_of_trail([text]) if one.request is None]
    assert len(list(exchanges_of_trail([text, line(ReadCoils(0, 1))]))) == 1


def test_a_trail_is_judged_like_a_capture() -> None:
    lines = [
        line(ReadHoldingRegisters(0, 10)),
        line(WriteSingleRegister(6, 1)),
        line(Diagnostics(1, b"\0\0")),
    ]
    found = replay(POLICY, exchanges_of_trail(lines))
    assert (found.allowed, found.denied, found.rules["line-3"]) == (1, 2, 1)
