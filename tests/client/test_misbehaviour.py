"""Both clients against a device that misbehaves: never wrong data, and the next read is right."""

from __future__ import annotations

import pytest

from mbap import (
    ConnectionLost,
    ExceptionResponse,
    ModbusError,
    OutcomeUnknown,
    ProtocolError,
    ReadHoldingRegisters,
    ResponseTimeout,
    WriteMultipleRegisters,
    WriteSingleRegister,
)
from support.fronts import FRONTS, connected
from support.scripted import Held, Reply, Silence, Step, registers, scripted

QUICK = 0.5
READ = ReadHoldingRegisters(107, 3)
RIGHT = registers(107, 3)
WRITE = WriteSingleRegister(7, 42)


def read_answer(*words: int, function: int = 3, size: int | None = None) -> bytes:
    body = b"".join(word.to_bytes(2, "big") for word in words)
    return bytes((function, len(body) if size is None else size)) + body


WRONG = {
    "silence": (Silence(), ResponseTimeout),
    "closes": (Silence(close=True), ConnectionLost),
    "resets": (Silence(reset=True), ConnectionLost),
    "closes in the middle": (Reply(cut=9, close=True), ConnectionLost),
    "stops in the middle": (Reply(cut=9), ResponseTimeout),
    "wrong transaction": (Reply(transaction=0xBEEF), ResponseTimeout),
    "wrong unit": (Reply(unit=77), ProtocolError),
    "unit 0": (Reply(unit=0), ProtocolError),
    "fewer registers": (Reply(pdu=read_answer(1, 2)), ProtocolError),
    "more registers": (Reply(pdu=read_answer(1, 2, 3, 4)), ProtocolError),
    "odd byte count": (Reply(pdu=read_answer(1, 2, 3, size=5)), ProtocolError),
    "byte count too large": (Reply(pdu=read_answer(1, 2, 3, size=8)), ProtocolError),
    "another function": (Reply(pdu=read_answer(1, 2, 3, function=4)), ProtocolError),
    "exception of another function": (Reply(pdu=b"\x84\x02"), ProtocolError),
    "exception 0": (Reply(pdu=b"\x83\x00"), ProtocolError),
    "long exception": (Reply(pdu=b"\x83\x02\x00"), ProtocolError),
    "no function code": (Reply(pdu=b"", length=1), ProtocolError),
    "length 0": (Reply(length=0), ProtocolError),
    "length 300": (Reply(length=300), ProtocolError),
    "length too large": (Reply(length=20), ResponseTimeout),
    "protocol 1": (Reply(protocol=1), ResponseTimeout),
    "rubbish": (Reply(before=b"HTTP/1.1 400 Bad Request\r\n\r\n"), ProtocolError),
    "exception 02": (Reply(pdu=b"\x83\x02"), ExceptionResponse),
    "exception E1": (Reply(pdu=b"\x83\xe1"), ExceptionResponse),
}


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize(("step", "error"), WRONG.values(), ids=list(WRONG))
def test_what_does_not_fit_is_an_error_and_the_next_read_is_right(
    kind: str, step: Step, error: type[ModbusError]
) -> None:
    with scripted(step, Reply()) as server, connected(kind, server.url, timeout=QUICK) as client:
        with pytest.raises(error) as caught:
            client.execute(READ)
        assert type(caught.value) is error or error is ExceptionResponse
        assert client.execute(READ) == RIGHT


@pytest.mark.parametrize("kind", FRONTS)
def test_an_answer_that_comes_late_is_not_taken_for_the_next_request(kind: str) -> None:
    with scripted(Held(), Reply()) as server, connected(kind, server.url, timeout=QUICK) as client:
        with pytest.raises(ResponseTimeout):
            client.execute(ReadHoldingRegisters(0, 3))
        assert client.execute(READ) == RIGHT


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize(
    "step",
    [
        Reply(by_the_byte=True),
        Reply(before=bytes.fromhex("beef 0000 0009 01 03 06 000900090009")),
        Reply(before=bytes.fromhex("0001 0007 0003 01 83 02")),
    ],
    ids=["byte by byte", "behind an answer to nothing", "behind another protocol"],
)
def test_what_fits_is_found_in_what_does_not(kind: str, step: Step) -> None:
    with scripted(step) as server, connected(kind, server.url) as client:
        assert client.execute(READ) == RIGHT


@pytest.mark.parametrize("kind", FRONTS)
def test_junk_behind_each_answer_costs_nothing(kind: str) -> None:
    with scripted(Reply(after=b"\r\n")) as server, connected(kind, server.url) as client:
        assert [client.execute(READ) for _ in range(3)] == [RIGHT] * 3
        assert server.connections == 1


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize(
    ("step", "cause"),
    [
        (Silence(), ResponseTimeout),
        (Silence(close=True), ConnectionLost),
        (Silence(reset=True), ConnectionLost),
        (Reply(pdu=bytes.fromhex("06 0007 0000")), ProtocolError),
    ],
    ids=["silence", "closes", "resets", "wrong echo"],
)
def test_a_write_without_a_usable_answer_is_in_doubt_and_is_not_repeated(
    kind: str, step: Step, cause: type[ModbusError]
) -> None:
    with scripted(step) as server, connected(kind, server.url, timeout=QUICK, retries=5) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            client.execute(WRITE)
        assert isinstance(caught.value.__cause__, cause)
        assert len(server.requests) == 1


@pytest.mark.parametrize("kind", FRONTS)
def test_a_write_that_was_refused_is_not_in_doubt(kind: str) -> None:
    with (
        scripted(Reply(pdu=b"\x86\x04")) as server,
        connected(kind, server.url) as client,
        pytest.raises(ExceptionResponse, match="exception 04"),
    ):
        client.execute(WRITE)


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize(
    "step",
    [Silence(), Silence(close=True), Reply(unit=9), Reply(pdu=b"\x83\x0b")],
    ids=["silence", "closes", "wrong unit", "gateway target silent"],
)
def test_a_read_is_repeated_as_often_as_retries_say(kind: str, step: Step) -> None:
    with (
        scripted(step, step, Reply()) as server,
        connected(kind, server.url, timeout=QUICK, retries=2) as client,
    ):
        assert client.execute(READ) == RIGHT
        assert len(server.requests) == 3


@pytest.mark.parametrize("kind", FRONTS)
def test_a_read_that_was_refused_is_not_repeated(kind: str) -> None:
    with scripted(Reply(pdu=b"\x83\x02")) as server, connected(kind, server.url, retries=5) as client:
        with pytest.raises(ExceptionResponse):
            client.execute(READ)
        assert len(server.requests) == 1


@pytest.mark.parametrize("kind", FRONTS)
def test_no_retry_starts_that_cannot_finish_before_the_deadline(kind: str) -> None:
    with scripted(Silence()) as server, connected(kind, server.url, timeout=0.2, retries=50) as client:
        with pytest.raises(ResponseTimeout):
            client.execute(READ, deadline=0.5)
        assert 1 <= len(server.requests) <= 2


@pytest.mark.parametrize("kind", FRONTS)
def test_a_deadline_shorter_than_the_timeout_bounds_an_attempt(kind: str) -> None:
    with (
        scripted(Silence()) as server,
        connected(kind, server.url, timeout=60) as client,
        pytest.raises(ResponseTimeout),
    ):
        client.execute(READ, deadline=0.1)


@pytest.mark.parametrize("kind", FRONTS)
def test_three_silences_in_a_row_and_the_connection_is_made_anew(kind: str) -> None:
    silence = Silence()
    with (
        scripted(silence, silence, silence, Reply()) as server,
        connected(kind, server.url, timeout=QUICK) as client,
    ):
        for _ in range(3):
            with pytest.raises(ResponseTimeout):
                client.execute(READ)
        assert client.execute(READ) == RIGHT
        assert [request.connection for request in server.requests] == [1, 1, 1, 2]


@pytest.mark.parametrize("kind", FRONTS)
def test_a_device_that_closes_after_each_answer_is_read_anyway(kind: str) -> None:
    with scripted(Reply(close=True)) as server, connected(kind, server.url, retries=1) as client:
        assert [client.execute(READ) for _ in range(3)] == [RIGHT] * 3
        assert server.connections == 3


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize("outstanding", [1, 4])
def test_many_requests_come_back_in_their_order_each_with_its_own_outcome(
    kind: str, outstanding: int
) -> None:
    steps = [Reply(), Reply(pdu=b"\x83\x02"), Reply(), Reply(transaction=9999), Reply()]
    with (
        scripted(*steps) as server,
        connected(kind, server.url, timeout=QUICK, outstanding=outstanding) as client,
    ):
        outcomes = client.execute_many([ReadHoldingRegisters(i, 2) for i in range(7)])
    kinds = [type(one) if isinstance(one, ModbusError) else list(one) for one in outcomes]
    assert kinds[0] == registers(0, 2)
    assert issubclass(kinds[1], ExceptionResponse)  # type: ignore[arg-type]
    assert kinds[3] is ResponseTimeout
    assert [kinds[i] for i in (2, 4, 5, 6)] == [registers(i, 2) for i in (2, 4, 5, 6)]


@pytest.mark.parametrize("kind", FRONTS)
def test_many_requests_survive_a_device_that_closes_in_between(kind: str) -> None:
    with (
        scripted(Reply(), Reply(close=True), Reply()) as server,
        connected(kind, server.url, retries=1) as client,
    ):
        outcomes = client.execute_many([ReadHoldingRegisters(i, 1) for i in range(5)])
    assert outcomes == [registers(i, 1) for i in range(5)]


@pytest.mark.parametrize("kind", FRONTS)
def test_without_a_unit_the_error_says_which_was_assumed_and_what_to_try(kind: str) -> None:
    with (
        scripted(Silence()) as server,
        connected(kind, server.url, timeout=0.05) as client,
        pytest.raises(ResponseTimeout) as caught,
    ):
        client.execute(READ)
    assert "unit 1" in str(caught.value)
    assert "holding registers 107 to 109 (references 40108 to 40110)" in str(caught.value)
    assert "no unit was given, so 1 was assumed: try unit 255, then 0" in str(caught.value)


@pytest.mark.parametrize("kind", FRONTS)
def test_what_came_instead_of_the_answer_is_better_advice_than_another_unit(kind: str) -> None:
    with (
        scripted(Reply(transaction=0)) as server,
        connected(kind, server.url, timeout=0.05) as client,
        pytest.raises(ResponseTimeout, match="needs a quirk for that"),
    ):
        client.execute(READ)


@pytest.mark.parametrize("kind", FRONTS)
def test_with_a_unit_the_error_does_not_speak_of_assuming(kind: str) -> None:
    with (
        scripted(Silence()) as server,
        connected(kind, server.url, timeout=0.05, unit=1) as client,
        pytest.raises(ResponseTimeout) as caught,
    ):
        client.execute(READ)
    assert "assumed" not in str(caught.value)


@pytest.mark.parametrize("kind", FRONTS)
def test_the_unit_at_the_end_of_the_url_is_asked(kind: str) -> None:
    with scripted(Reply()) as server, connected(kind, f"{server.url}#17") as client:
        client.execute(WriteMultipleRegisters(0, [1, 2]))
        assert server.requests[0].unit == 17
