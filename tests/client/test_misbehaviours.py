"""Both clients against what devices are known to do: never wrong data, and afterwards the right data again.

Each case carries the number of its misbehaviour, E01 to E43; those of connections and of times are in
test_misbehaving_connections.py. E20, a serial adapter that vanishes, is none of a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mbap import (
    ExceptionResponse,
    GatewayTargetFailedToRespond,
    IllegalDataAddress,
    IllegalFunction,
    ModbusError,
    OutcomeUnknown,
    ProtocolError,
    Quirks,
    ReadCoils,
    ReadHoldingRegisters,
    ResponseTimeout,
    ServerDeviceBusy,
    WriteMultipleRegisters,
    WriteSingleRegister,
)
from mbap.protocol.pdu import Request
from support.fronts import FRONTS, connected
from support.scripted import Echoed, Held, Reply, Silence, Step, adu, crc, registers, scripted
from support.scripted import Request as Asked

QUICK = 0.3
READ = ReadHoldingRegisters(107, 3)
RIGHT = registers(107, 3)
WRITE = WriteSingleRegister(7, 42)
WRITE_TWO = WriteMultipleRegisters(7, [42, 43])
MAC = b"D8B04CAABBCC"

Outcome = type[ModbusError] | Sequence[int] | None
"""What one call gives: an error of just this kind, or of one below it, or a result."""


@dataclass(frozen=True)
class Case:
    """A device that answers by *steps*, is asked *requests*, and what has to come of each.

    Attributes:
        outcomes: of the requests; the last request is repeated for those beyond.
        client, server: options. used: the quirk that must have been counted.
        connections: how many there must have been at the end, if it matters.
    """

    steps: Sequence[Step]
    outcomes: Sequence[Outcome]
    requests: Sequence[Request[Any]] = (READ,)
    client: dict[str, Any] = field(default_factory=dict)
    server: dict[str, Any] = field(default_factory=dict)
    used: str = ""
    connections: int | None = None


def quirk(name: str, **quirks: Any) -> dict[str, Any]:
    """The options of a case that needs the quirk *name*."""
    return {"client": {"quirks": Quirks(**quirks)}, "used": name}


def exception(code: int, function: int = 3) -> bytes:
    return bytes((function | 0x80, code))


def answer(*words: int, function: int = 3, size: int | None = None) -> bytes:
    body = b"".join(word.to_bytes(2, "big") for word in words)
    return bytes((function, len(body) if size is None else size)) + body


def one_behind() -> Step:
    """On the first connection each request is answered when the next comes, as after a lost answer."""
    before: list[Asked] = []

    def step(request: Asked) -> Reply | Silence:
        before.append(request)
        if request.connection > 1:
            return Reply()
        return Silence() if len(before) == 1 else Reply(raw=adu(before[-2], Reply()))

    return step


def refusing(*functions: int) -> Step:
    """A device without these function codes."""
    return lambda request: Reply(pdu=exception(1, request.pdu[0])) if request.pdu[0] in functions else Reply()


def giving_at_most(count: int) -> Step:
    """A device that is silent when more registers are asked for."""
    return lambda request: Silence() if int.from_bytes(request.pdu[3:5], "big") > count else Reply()


FOREIGN_FRAME = bytes((9,)) + answer(7, 7, 7)
FOREIGN_FRAME += crc(FOREIGN_FRAME)
RTU: dict[str, Any] = {"rtu": True}

CASES: dict[str, Case] = {
    "E01 exception with length 4": Case(
        [Reply(pdu=exception(2), length=4), Reply()], [ResponseTimeout, RIGHT]
    ),
    "E01 with its quirk": Case(
        [Reply(pdu=exception(2), length=4), Reply()],
        [IllegalDataAddress, RIGHT],
        connections=1,
        **quirk("exception_length", exception_length=True),
    ),
    "E02 length one too large": Case(
        [Reply(length=lambda right: right + 1), Reply()], [ResponseTimeout, RIGHT]
    ),
    "E02 with its quirk": Case(
        [Reply(length=lambda right: right + 1)] * 2 + [Reply(pdu=exception(2), length=4), Reply()],
        [RIGHT, RIGHT, IllegalDataAddress, RIGHT],
        connections=1,
        **quirk("long_length", long_length=True),
    ),
    "E02 exception with length 2": Case([Reply(pdu=exception(2), length=2), Reply()], [ProtocolError, RIGHT]),
    "E03 header without function code": Case([Reply(pdu=b"", length=1), Reply()], [ProtocolError, RIGHT]),
    "E04 length 60000, then silence": Case([Reply(length=60000), Reply()], [ProtocolError, RIGHT]),
    "E04 length 0": Case([Reply(length=0), Reply()], [ProtocolError, RIGHT]),
    "E05 own counter": Case([Reply(transaction=lambda right: right + 999)], [ResponseTimeout] * 2),
    "E05 own counter with its quirk": Case(
        [Reply(transaction=lambda right: right + 999)],
        [RIGHT] * 3,
        connections=1,
        **quirk("transaction", transaction="own"),
    ),
    "E05 always 0": Case([Reply(transaction=0)], [ResponseTimeout] * 2),
    "E05 always 0 with its quirk": Case(
        [Reply(transaction=0)], [RIGHT] * 3, connections=1, **quirk("transaction", transaction="zero")
    ),
    "E05 always 0, and one late": Case(
        [Reply(transaction=0, delay=0.9), Reply(transaction=0)],
        [ResponseTimeout, registers(5, 3)],
        [READ, ReadHoldingRegisters(5, 3)],
        {"timeout": 0.6, "quirks": Quirks(transaction="zero")},
    ),
    "E05 bytes exchanged, with its quirk": Case(
        [Reply(transaction=lambda right: (right & 0xFF) << 8 | right >> 8)],
        [RIGHT] * 3,
        **quirk("transaction", transaction="own"),
    ),
    "E05 high identifiers are ignored": Case(
        [lambda asked: Silence() if asked.transaction > 0x7FFF else Reply()], [RIGHT] * 3, connections=1
    ),
    "E06 one behind after a timeout": Case([one_behind()], [*[ResponseTimeout] * 3, RIGHT, RIGHT]),
    "E07 every answer twice": Case([Reply(times=2)], [RIGHT] * 3, connections=1),
    "E07 every answer twice, RTU": Case([Reply(times=2)], [RIGHT] * 3, server=RTU),
    "E08 unit always 0": Case([Reply(unit=0), Reply()], [ProtocolError, RIGHT]),
    "E08 unit always 0 with its quirk": Case(
        [Reply(unit=0)], [RIGHT] * 2, connections=1, **quirk("answer_unit", answer_unit=0)
    ),
    "E08 255 in exceptions": Case(
        [Reply(unit=255, pdu=exception(2)), Reply()],
        [IllegalDataAddress, RIGHT],
        connections=1,
        **quirk("answer_unit", answer_unit=255),
    ),
    "E08 any unit": Case([Reply(unit=17)], [RIGHT], **quirk("answer_unit", answer_unit="any")),
    "E08 another unit than the quirk says": Case(
        [Reply(unit=17), Reply()], [ProtocolError, RIGHT], client={"quirks": Quirks(answer_unit=0)}
    ),
    "E09 a trailing CR": Case([Reply(after=b"\r")], [RIGHT] * 3, connections=1),
    "E09 its MAC address in the stream": Case([Reply(before=MAC), Reply()], [ProtocolError, RIGHT]),
    "E09 its MAC address after the answer": Case([Reply(after=MAC), Reply()], [RIGHT] * 2, connections=1),
    "E10 byte by byte": Case([Reply(by_the_byte=True)], [RIGHT] * 2, connections=1),
    "E12 bytes before the next answer": Case(
        [Reply(), Reply(before=bytes(3)), Reply()], [RIGHT, ModbusError, RIGHT]
    ),
    "E12 bytes before the next answer, RTU": Case([Reply(), Reply(before=bytes(3))], [RIGHT] * 2, server=RTU),
    "E13 a byte missing, and a zero in the CRC": Case(
        [Reply(drop=1, crc=b"\0\0"), Reply()], [ResponseTimeout, RIGHT], server=RTU
    ),
    "E14 a leading 00": Case([Reply(before=b"\0")], [RIGHT] * 2, server=RTU, connections=1),
    "E14 a leading FF": Case([Reply(before=b"\xff")], [RIGHT] * 2, server=RTU, connections=1),
    "E14 zeros on both sides": Case(
        [Reply(before=b"\0", after=b"\0")], [RIGHT] * 3, server=RTU, connections=1
    ),
    "E15 trailing zeros": Case([Reply(after=b"\0\0")], [RIGHT] * 3, server=RTU, connections=1),
    "E15 the CRC twice": Case(
        [Reply(after=crc(bytes((1,)) + answer(*RIGHT)))], [RIGHT] * 3, server=RTU, connections=1
    ),
    "E16 an echo": Case([Echoed()], [RIGHT] * 3, server=RTU, connections=1),
    "E16 an echo one byte short": Case([Echoed(cut=1)], [RIGHT] * 2, server=RTU),
    "E16 an echo of writes": Case(
        [Echoed()], [RIGHT, None, None, RIGHT], [READ, WRITE, WRITE, READ], server=RTU
    ),
    "E16 an echo of the first write": Case(
        [Echoed()], [None, RIGHT], [WRITE, READ], server=RTU, connections=1, **quirk("echo", echo=True)
    ),
    "E16 an echo alone is no answer": Case(
        [lambda asked: Reply(raw=bytes((1,)) + asked.pdu + crc(bytes((1,)) + asked.pdu))],
        [OutcomeUnknown],
        [WRITE],
        {"quirks": Quirks(echo=True)},
        RTU,
    ),
    "E17 two bytes more than the count says": Case(
        [Reply(pdu=answer(*RIGHT, 0, size=6)), Reply()], [ResponseTimeout, RIGHT], server=RTU
    ),
    "E17 a byte count that is nonsense": Case(
        [Reply(pdu=answer(*RIGHT, size=99)), Reply()], [ResponseTimeout, RIGHT], server=RTU
    ),
    "E17 the same in TCP": Case([Reply(pdu=answer(*RIGHT, size=99)), Reply()], [ProtocolError, RIGHT]),
    "E18 another unit answers": Case([Reply(unit=9), Reply()], [ResponseTimeout, RIGHT], server=RTU),
    "E18 another unit answers first": Case(
        [Reply(before=FOREIGN_FRAME)], [RIGHT] * 3, server=RTU, connections=1
    ),
    "E19 an answer after the timeout": Case(
        [Held(), Reply()],
        [ResponseTimeout, registers(5, 3)],
        [READ, ReadHoldingRegisters(5, 3)],
        connections=1,
    ),
    "E19 an answer after the timeout, RTU": Case(
        [Reply(delay=0.9), Reply()],
        [ResponseTimeout, registers(5, 3)],
        [READ, ReadHoldingRegisters(5, 3)],
        {"timeout": 0.6},
        RTU,
        connections=1,
    ),
    "E19 no answer at all, RTU": Case(
        [Silence(), Reply()],
        [ResponseTimeout, registers(5, 3)],
        [READ, ReadHoldingRegisters(5, 3)],
        server=RTU,
        connections=2,
    ),
    "E21 fewer registers than asked": Case([Reply(pdu=answer(1, 2)), Reply()], [ProtocolError, RIGHT]),
    "E21 fewer registers, RTU": Case([Reply(pdu=answer(1, 2)), Reply()], [ProtocolError, RIGHT], server=RTU),
    "E21 fewer registers with its quirk": Case(
        [Reply(pdu=answer(1, 2)), Reply()], [[1, 2], RIGHT], **quirk("short_answers", short_answers=True)
    ),
    "E21 more registers than asked": Case(
        [Reply(pdu=answer(1, 2, 3, 4)), Reply()],
        [ProtocolError, RIGHT],
        client={"quirks": Quirks(short_answers=True)},
    ),
    "E22 FC 6 echoes only the value": Case(
        [Reply(pdu=b"\x06\x00\x2a"), Reply()], [OutcomeUnknown, RIGHT], [WRITE, READ]
    ),
    "E22 FC 16 echoes the whole request": Case(
        [Reply(pdu=lambda asked: asked), Reply()], [OutcomeUnknown, RIGHT], [WRITE_TWO, READ]
    ),
    "E22 FC 6 with one byte more": Case(
        [Reply(pdu=WRITE.encode() + b"\0"), Reply()], [OutcomeUnknown, RIGHT], [WRITE, READ]
    ),
    "E23 no FC 6": Case([refusing(6)], [IllegalFunction, RIGHT], [WRITE, READ]),
    "E23 only FC 16": Case([refusing(6)], [None], [WRITE], **quirk("only_fc16", only_fc16=True)),
    "E23 no FC 16": Case([refusing(16)], [IllegalFunction, RIGHT], [WRITE_TWO, READ]),
    "E23 only FC 6": Case([refusing(16)], [None], [WRITE_TWO], **quirk("only_fc6", only_fc6=True)),
    "E25 a device that gives 2 at once": Case([giving_at_most(2)], [ResponseTimeout]),
    "E25 with its quirk": Case(
        [giving_at_most(2)],
        [RIGHT, registers(0, 25)],
        [READ, ReadHoldingRegisters(0, 25)],
        **quirk("largest_read", largest_read=2),
    ),
    "E25 bits with their quirk": Case(
        [giving_at_most(16)], [[False] * 40], [ReadCoils(0, 40)], **quirk("largest_bits", largest_bits=16)
    ),
    "E29 silence where an address does not exist": Case(
        [Reply(), Silence(), Reply(), Silence()],
        [RIGHT, IllegalDataAddress, RIGHT, IllegalDataAddress, ResponseTimeout],
        **quirk("silence_is_illegal_address", silence_is_illegal_address=True),
    ),
    "E29 a write is never taken for refused": Case(
        [Reply(), Silence()],
        [RIGHT, OutcomeUnknown],
        [READ, WRITE],
        client={"quirks": Quirks(silence_is_illegal_address=True)},
    ),
    "E30 an unknown exception": Case(
        [Reply(pdu=exception(0xE1)), Reply()], [ExceptionResponse, RIGHT], connections=1
    ),
    "E30 an exception with two codes": Case([Reply(pdu=b"\x83\x02\x07"), Reply()], [ProtocolError, RIGHT]),
    "E37 accepted and never read": Case([], [ResponseTimeout], server={"most": 0, "beyond": "mute"}),
    "E38 a request to wake it": Case([Silence(), Reply()], [RIGHT], client={"retries": 1}),
    "E39 busy": Case([Reply(pdu=exception(6)), Reply()], [ServerDeviceBusy, RIGHT]),
    "E39 busy for long": Case(
        [Reply(pdu=exception(6))] * 3 + [Reply()], [RIGHT], client={"retries": 3}, connections=1
    ),
    "E39 busy and silent in turn": Case(
        [Reply(pdu=exception(6)), Silence(), Reply(pdu=exception(6)), Reply()], [RIGHT], client={"retries": 3}
    ),
    "E39 busy for a write": Case(
        [Reply(pdu=exception(6, 6)), Reply()], [None], [WRITE], client={"retries": 1}, connections=1
    ),
    "E39 acknowledged, a read is asked again": Case(
        [Reply(pdu=exception(5)), Reply()], [RIGHT], client={"retries": 1}, connections=1
    ),
    "E40 a gateway without the unit": Case(
        [Reply(pdu=exception(0x0B)), Reply()], [GatewayTargetFailedToRespond, RIGHT], connections=1
    ),
    "E42 writes are refused over TCP": Case(
        [refusing(5, 6, 15, 16)], [IllegalFunction, RIGHT], [WRITE, READ]
    ),
    "E43 unit 0 is asked": Case([Reply()], [RIGHT], client={"unit": 0}),
    "E43 unit 255 is asked": Case([Reply()], [RIGHT], client={"unit": 255}),
}


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_it_gives_right_data_or_a_clean_error_and_then_right_data(kind: str, case: Case) -> None:
    requests = [*case.requests, *[case.requests[-1]] * (len(case.outcomes) - len(case.requests))]
    with (
        scripted(*case.steps, **case.server) as server,
        connected(kind, server.url, **{"timeout": QUICK, **case.client}) as client,
    ):
        for request, expected in zip(requests, case.outcomes, strict=True):
            if isinstance(expected, type):
                with pytest.raises(expected):
                    client.execute(request)
            else:
                assert client.execute(request) == expected
        assert not case.used or client.quirks_used[case.used] >= 1
        assert case.connections in (None, server.connections)
