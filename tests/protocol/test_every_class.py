"""Every class of request, with any arguments, in every framing: round trip, any split, cut and longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import mbap.protocol.pdu as package
from mbap.errors import ExceptionResponse, ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.framing import Framing
from mbap.protocol.pdu import (
    CommEventCounter,
    CommEventLog,
    DeviceIdentification,
    Diagnostics,
    EncapsulatedInterface,
    FileRecord,
    FileRecordData,
    GetCommEventCounter,
    GetCommEventLog,
    MaskWriteRegister,
    Opaque,
    ReadCoils,
    ReadDeviceIdentification,
    ReadDiscreteInputs,
    ReadExceptionStatus,
    ReadFifoQueue,
    ReadFileRecord,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    ReportServerId,
    Request,
    WriteFileRecord,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
    decode_request,
)
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.sides import Side
from mbap.protocol.tcp import TcpFraming
from mbap.protocol.wire import Bits, Registers

Some = st.SearchStrategy[Request[Any]]
Pair = tuple[Request[Any], Any]
words = st.integers(0, 0xFFFF)
addresses = st.integers(0, 60_000)


def registers(count: int) -> st.SearchStrategy[Registers]:
    return st.binary(min_size=2 * count, max_size=2 * count).map(Registers)


def bits(count: int) -> st.SearchStrategy[Bits]:
    return st.lists(st.booleans(), min_size=count, max_size=count).map(Bits.of)


def reads(
    kind: Callable[[int, int], Request[Any]], most: int, values: Callable[[int], st.SearchStrategy[Any]]
) -> st.SearchStrategy[Pair]:
    return st.integers(1, most).flatmap(
        lambda count: st.tuples(st.builds(kind, addresses, st.just(count)), values(count))
    )


def only(
    requests: st.SearchStrategy[Request[Any]], results: st.SearchStrategy[Any]
) -> st.SearchStrategy[Pair]:
    return st.tuples(requests, results)


files = st.integers(1, 0xFFFF)
records = st.integers(0, 9_900)
file_reads = st.lists(st.builds(FileRecord, files, records, st.integers(1, 20)), min_size=1, max_size=5)
file_writes = st.lists(
    st.builds(FileRecordData, files, records, st.lists(words, min_size=1, max_size=15)),
    min_size=1,
    max_size=5,
)
objects = st.dictionaries(st.integers(0, 255), st.binary(max_size=40), min_size=1, max_size=5)


def identification(objects: dict[int, bytes]) -> DeviceIdentification:
    return DeviceIdentification(dict(sorted(objects.items())), 0x83)


EVERY: dict[type[Request[Any]], st.SearchStrategy[Pair]] = {
    ReadCoils: reads(ReadCoils, 2000, bits),
    ReadDiscreteInputs: reads(ReadDiscreteInputs, 2000, bits),
    ReadHoldingRegisters: reads(ReadHoldingRegisters, 125, registers),
    ReadInputRegisters: reads(ReadInputRegisters, 125, registers),
    WriteSingleCoil: only(st.builds(WriteSingleCoil, addresses, st.booleans()), st.none()),
    WriteSingleRegister: only(st.builds(WriteSingleRegister, addresses, words), st.none()),
    ReadExceptionStatus: only(st.just(ReadExceptionStatus()), st.integers(0, 255)),
    Diagnostics: only(st.builds(Diagnostics, st.integers(11, 18)), st.binary(min_size=2, max_size=2)),
    GetCommEventCounter: only(
        st.just(GetCommEventCounter()), st.builds(CommEventCounter, st.booleans(), words)
    ),
    GetCommEventLog: only(
        st.just(GetCommEventLog()),
        st.builds(CommEventLog, st.booleans(), words, words, st.binary(max_size=64)),
    ),
    WriteMultipleCoils: only(
        st.builds(WriteMultipleCoils, addresses, st.lists(st.booleans(), min_size=1, max_size=1968)),
        st.none(),
    ),
    WriteMultipleRegisters: only(
        st.builds(WriteMultipleRegisters, addresses, st.lists(words, min_size=1, max_size=123)), st.none()
    ),
    ReportServerId: only(st.just(ReportServerId()), st.binary(max_size=251)),
    ReadFileRecord: file_reads.flatmap(
        lambda some: st.tuples(
            st.just(ReadFileRecord(some)), st.tuples(*(registers(one.count) for one in some))
        )
    ),
    WriteFileRecord: only(st.builds(WriteFileRecord, file_writes), st.none()),
    MaskWriteRegister: only(st.builds(MaskWriteRegister, addresses, words, words), st.none()),
    ReadWriteMultipleRegisters: st.integers(1, 125).flatmap(
        lambda count: st.tuples(
            st.builds(
                ReadWriteMultipleRegisters,
                addresses,
                st.just(count),
                addresses,
                st.lists(words, min_size=1, max_size=121),
            ),
            registers(count),
        )
    ),
    ReadFifoQueue: only(st.builds(ReadFifoQueue, addresses), st.integers(0, 31).flatmap(registers)),
    ReadDeviceIdentification: only(
        st.builds(ReadDeviceIdentification, st.integers(1, 3), st.integers(0, 255)),
        objects.map(identification),
    ),
    EncapsulatedInterface: only(
        st.builds(EncapsulatedInterface, st.integers(0, 13), st.binary(max_size=251)), st.binary(max_size=251)
    ),
    Opaque: only(st.builds(Opaque, st.integers(65, 72), st.binary(max_size=252)), st.binary(max_size=252)),
}
every = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
OF_ANY_LENGTH = (EncapsulatedInterface, Opaque)
TOLD = [kind for kind in EVERY if kind not in OF_ANY_LENGTH]
told = pytest.mark.parametrize("kind", TOLD, ids=lambda kind: kind.__name__)
# Many classes and framings: a few examples of each in every run come to thousands.
few = settings(max_examples=15)
FRAMINGS: dict[str, tuple[Callable[[], Framing], Callable[[], Framing]]] = {
    "tcp": (TcpFraming, TcpFraming),
    "rtu": (lambda: RtuFraming(Side.CLIENT, echo=False), lambda: RtuFraming(Side.SERVER, echo=False)),
    "ascii": (lambda: AsciiFraming(Side.CLIENT, echo=False), lambda: AsciiFraming(Side.SERVER, echo=False)),
}
framings = pytest.mark.parametrize("framing", FRAMINGS)


def test_every_class_there_is_has_its_strategy() -> None:
    kinds = [getattr(package, name) for name in package.__all__]
    there = {
        kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Request) and kind is not Request
    }
    assert there == set(EVERY)


def decoded(pdu: bytes, kind: type[Request[Any]]) -> Request[Any] | int:
    """The request that *pdu* is, or the exception that answers it."""
    try:
        return Opaque.decode(pdu) if kind is Opaque else decode_request(pdu)
    except ExceptionResponse as refusal:
        return refusal.code


@every
@few
@given(data=st.data())
def test_any_request_and_any_answer_come_back_as_they_were(
    kind: type[Request[Any]], data: st.DataObject
) -> None:
    request, result = data.draw(EVERY[kind])
    assert decoded(request.encode(), kind) == request
    assert request.decode_response(request.encode_response(result)) == result


@told
@few
@given(data=st.data())
def test_any_cut_of_any_request_or_answer_is_refused(kind: type[Request[Any]], data: st.DataObject) -> None:
    request, result = data.draw(EVERY[kind])
    pdu, answer = request.encode(), request.encode_response(result)
    assert decoded(pdu[: data.draw(st.integers(0, len(pdu) - 1))], kind) in (1, 3)
    with pytest.raises(ProtocolError):
        request.decode_response(answer[: data.draw(st.integers(0, len(answer) - 1))])


@told
@few
@given(data=st.data(), more=st.binary(min_size=1, max_size=300))
def test_anything_behind_any_request_or_answer_is_refused(
    kind: type[Request[Any]], data: st.DataObject, more: bytes
) -> None:
    request, result = data.draw(EVERY[kind])
    assert decoded(request.encode() + more, kind) == 3
    with pytest.raises(ProtocolError):
        request.decode_response(request.encode_response(result) + more)


@every
@few
@given(data=st.data(), more=st.binary(max_size=300))
def test_any_bytes_as_request_or_answer_are_refused_or_fit(
    kind: type[Request[Any]], data: st.DataObject, more: bytes
) -> None:
    request, _ = data.draw(EVERY[kind])
    pdu = bytes((request.function_code,)) + more
    got = decoded(pdu, kind)
    assert got in (1, 2, 3) if isinstance(got, int) else len(pdu) <= 253
    try:
        result = request.decode_response(pdu)
    except ProtocolError:
        return
    assert request.decode_response(request.encode_response(result)) == result


def pieces(framing: Framing, stream: bytes, data: st.DataObject) -> list[Adu]:
    got: list[Adu] = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        got += framing.unpack(stream[:cut])
        stream = stream[cut:]
    return got


def rest(framing: Framing) -> list[Adu]:
    """What only the silence shows: frames whose content does not say how long they are."""
    return framing.silence() if isinstance(framing, RtuFraming) else []


@framings
@every
@few
@given(data=st.data())
def test_any_request_and_answer_pass_any_framing_in_any_split(
    framing: str, kind: type[Request[Any]], data: st.DataObject
) -> None:
    client, server = (make() for make in FRAMINGS[framing])
    request, result = data.draw(EVERY[kind])
    packed = client.pack(Adu(9, request.encode(), 1))
    assume(kind in TOLD or all(packed[-2:]))
    (asked,) = pieces(server, packed, data) + rest(server)
    assert decoded(asked.pdu, kind) == request
    answered = server.pack(Adu(9, request.encode_response(result), 1))
    # A check that ends with zeros may fit before all of it is here, where nothing tells the length.
    assume(kind in TOLD or all(answered[-2:]))
    (answer,) = pieces(client, answered, data) + rest(client)
    assert request.decode_response(answer.pdu) == result


@framings
@every
@few
@given(data=st.data())
def test_any_cut_of_any_frame_is_no_message(
    framing: str, kind: type[Request[Any]], data: st.DataObject
) -> None:
    client, server = (make() for make in FRAMINGS[framing])
    request, _ = data.draw(EVERY[kind])
    packed = client.pack(Adu(9, request.encode(), 1))
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]
    assert [one for one in server.unpack(cut) if one.pdu == request.encode()] == []
    assert server.failure is None
