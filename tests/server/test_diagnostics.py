"""Line: counters that count, events that are logged, restarting and listening only (6.7 to 6.10)."""

from __future__ import annotations

from typing import TypeVar

import pytest

from mbap.errors import (
    ExceptionResponse,
    IllegalDataAddress,
    IllegalDataValue,
    IllegalFunction,
    NoAnswer,
)
from mbap.protocol.pdu import (
    Diagnostics,
    GetCommEventCounter,
    GetCommEventLog,
    ReadExceptionStatus,
    ReadHoldingRegisters,
    Request,
    SubFunction,
    WriteSingleRegister,
)
from mbap.protocol.pdu.status import CommEventCounter
from mbap.server.device import Device
from mbap.server.diagnostics import Bus, DiagnosticAccess
from mbap.server.handler import Call, Peer, Units

R = TypeVar("R")

READ = ReadHoldingRegisters(0, 1)
MISSING = ReadHoldingRegisters(9, 1)
RECEIVED, SENT, SENT_REFUSAL = 0x80, 0x40, 0x41
CONTROLS = [
    (SubFunction.RESTART_COMMUNICATIONS, b"\0\0"),
    (SubFunction.CHANGE_ASCII_INPUT_DELIMITER, b"!\0"),
    (SubFunction.FORCE_LISTEN_ONLY_MODE, b"\0\0"),
    (SubFunction.CLEAR_COUNTERS_AND_DIAGNOSTIC_REGISTER, b"\0\0"),
    (SubFunction.CLEAR_OVERRUN_COUNTER_AND_FLAG, b"\0\0"),
]


def made(diagnostics: DiagnosticAccess = "control") -> Device:
    return Device(holding_registers=[7], diagnostics=diagnostics)


def ask(device: Device, request: Request[R], *, broadcast: bool = False) -> R:
    return device.handle(Call(request, 1, Peer(), broadcast))


def counter(device: Device, sub_function: SubFunction) -> int:
    return int.from_bytes(ask(device, Diagnostics(sub_function)), "big")


def refused(device: Device, request: Request[R]) -> None:
    with pytest.raises(ExceptionResponse):
        ask(device, request)


def restart(device: Device, data: bytes = b"\0\0") -> bytes:
    return ask(device, Diagnostics(SubFunction.RESTART_COMMUNICATIONS, data))


def silence(device: Device) -> None:
    with pytest.raises(NoAnswer):
        ask(device, Diagnostics(SubFunction.FORCE_LISTEN_ONLY_MODE))


def test_query_data_comes_back() -> None:
    assert ask(made("read"), Diagnostics(SubFunction.RETURN_QUERY_DATA, b"\xa5\x37\1\2")) == b"\xa5\x37\1\2"


def test_the_server_message_count_has_every_message_for_the_device_in_it() -> None:
    device = made()
    ask(device, READ)
    refused(device, MISSING)
    device.refuse(1, IllegalDataValue())
    assert counter(device, SubFunction.RETURN_SERVER_MESSAGE_COUNT) == 4


def test_the_exception_count_has_refusals_in_it_wherever_they_were_decided() -> None:
    device = made()
    refused(device, MISSING)
    device.refuse(1, IllegalFunction())
    assert counter(device, SubFunction.RETURN_BUS_EXCEPTION_ERROR_COUNT) == 2


class Refusing(Device):
    """Answers writes with the exception that it is told."""

    code = 6

    def write_registers(self, *arguments: object) -> None:
        raise ExceptionResponse(self.code)


@pytest.mark.parametrize(
    ("code", "sub_function", "event"),
    [
        (6, SubFunction.RETURN_SERVER_BUSY_COUNT, 0x44),
        (7, SubFunction.RETURN_SERVER_NAK_COUNT, 0x48),
        (4, SubFunction.RETURN_BUS_EXCEPTION_ERROR_COUNT, 0x42),
        (5, SubFunction.RETURN_BUS_EXCEPTION_ERROR_COUNT, 0x44),
    ],
)
def test_kinds_of_refusals_have_their_counter_and_their_event(
    code: int, sub_function: SubFunction, event: int
) -> None:
    device = Refusing(holding_registers=[7])
    device.code = code
    refused(device, WriteSingleRegister(0, 1))
    assert device.line.log[0] == event
    assert counter(device, sub_function) == 1


def test_a_failure_of_the_device_itself_counts_as_the_exception_04_that_is_answered() -> None:
    class Failing(Device):
        def read_registers(self, *arguments: object) -> object:  # type: ignore[override]
            raise KeyError

    device = Failing()
    with pytest.raises(KeyError):
        ask(device, READ)
    assert (device.line.log[0], device.line.exceptions) == (0x42, 1)


def test_the_event_counter_counts_what_was_carried_out_and_not_who_reads_it() -> None:
    device = made()
    for _ in range(3):
        ask(device, READ)
    refused(device, MISSING)
    ask(device, GetCommEventCounter())
    ask(device, GetCommEventLog())
    assert ask(device, GetCommEventCounter()) == CommEventCounter(busy=False, events=3)


def test_a_busy_program_is_seen_beside_the_counter() -> None:
    device = made()
    device.line.busy = True
    assert ask(device, GetCommEventCounter()).busy


def test_the_log_has_receipts_and_answers_newest_first() -> None:
    device = made()
    ask(device, READ)
    refused(device, MISSING)
    assert ask(device, GetCommEventLog()).log == bytes((RECEIVED, SENT_REFUSAL, RECEIVED, SENT, RECEIVED))


def test_the_log_keeps_the_newest_64() -> None:
    device = made()
    for _ in range(100):
        ask(device, READ)
    log = ask(device, GetCommEventLog()).log
    assert (len(log), log[:2]) == (64, bytes((RECEIVED, SENT)))


def test_a_broadcast_is_logged_as_one_and_has_no_answer() -> None:
    device = made()
    ask(device, WriteSingleRegister(0, 9), broadcast=True)
    assert (list(device.line.log), device.line.unanswered, device.line.events) == ([0xC0], 1, 1)


def test_a_counter_begins_anew_behind_65535() -> None:
    device = made()
    device.line.messages = 65_535
    assert counter(device, SubFunction.RETURN_SERVER_MESSAGE_COUNT) == 0


def test_the_diagnostic_register_and_the_overruns_are_the_programs() -> None:
    device = made()
    device.line.register, device.line.overruns = 0x1234, 3
    assert counter(device, SubFunction.RETURN_DIAGNOSTIC_REGISTER) == 0x1234
    assert counter(device, SubFunction.RETURN_BUS_CHARACTER_OVERRUN_COUNT) == 3
    ask(device, Diagnostics(SubFunction.CLEAR_OVERRUN_COUNTER_AND_FLAG))
    assert (device.line.overruns, device.line.register) == (0, 0x1234)


def test_clearing_sets_all_counters_and_the_register_to_0_and_keeps_the_log() -> None:
    device, bus = made(), Bus()
    device.join(bus)
    bus.messages = 5
    bus.check_failed(2)
    device.line.register = 1
    refused(device, MISSING)
    ask(device, Diagnostics(SubFunction.CLEAR_COUNTERS_AND_DIAGNOSTIC_REGISTER))
    line = device.line
    assert (line.messages, line.exceptions, line.events, line.register) == (0, 0, 0, 0)
    assert (line.bus_messages, line.check_errors) == (0, 0)
    assert len(line.log) == 6


def test_a_restart_is_answered_and_then_begins_anew_with_its_event() -> None:
    device = made()
    ask(device, READ)
    assert restart(device) == b"\0\0"
    assert (device.line.messages, device.line.events) == (0, 0)
    assert list(device.line.log) == [0x00, SENT, RECEIVED, SENT, RECEIVED]


def test_a_restart_that_stops_on_errors_clears_the_log() -> None:
    device = made()
    ask(device, READ)
    assert restart(device, b"\xff\0") == b"\xff\0"
    assert list(device.line.log) == [0x00]


def test_a_device_that_only_listens_does_nothing_and_says_nothing() -> None:
    device = made()
    silence(device)
    with pytest.raises(NoAnswer):
        ask(device, WriteSingleRegister(0, 9))
    with pytest.raises(NoAnswer):
        device.refuse(1, IllegalFunction())
    assert device.holding_registers[0] == 7
    assert list(device.line.log) == [0xA0, 0xA0, 0x04, RECEIVED]
    assert device.line.unanswered == 3


def test_it_takes_a_restart_without_answering_and_answers_the_next() -> None:
    device = made()
    silence(device)
    with pytest.raises(NoAnswer):
        restart(device)
    assert ask(device, READ) == [7]


def test_broadcasts_are_not_carried_out_while_it_only_listens() -> None:
    device = made()
    silence(device)
    with pytest.raises(NoAnswer):
        ask(device, WriteSingleRegister(0, 9), broadcast=True)
    assert (device.holding_registers[0], device.line.log[0]) == (7, 0xE0)


@pytest.mark.parametrize(("sub_function", "data"), CONTROLS)
def test_h083_h085_h086_what_disturbs_the_line_is_refused_unless_it_is_allowed(
    sub_function: SubFunction, data: bytes
) -> None:
    device = made("read")
    with pytest.raises(IllegalFunction):
        ask(device, Diagnostics(sub_function, data))
    assert ask(device, READ) == [7]


@pytest.mark.parametrize("sub_function", [19, 21, 65_535])
def test_h088_a_reserved_sub_function_is_refused(sub_function: int) -> None:
    with pytest.raises(IllegalFunction):
        ask(made(), Diagnostics(sub_function))


@pytest.mark.parametrize(
    "request_", [Diagnostics(0), Diagnostics(11), Diagnostics(4), GetCommEventCounter(), GetCommEventLog()]
)
def test_a_device_without_diagnostics_does_not_have_the_functions(request_: Request[object]) -> None:
    with pytest.raises(IllegalFunction):
        ask(made("none"), request_)


@pytest.mark.parametrize("character", [b":", b"\r", b"A", b"7"])
def test_a_delimiter_that_stands_in_frames_is_exception_03(character: bytes) -> None:
    with pytest.raises(IllegalDataValue):
        ask(made(), Diagnostics(SubFunction.CHANGE_ASCII_INPUT_DELIMITER, character + b"\0"))


def test_the_exception_status_is_what_the_program_says() -> None:
    device = Device(exception_status=0x6D)
    assert ask(device, ReadExceptionStatus()) == 0x6D
    device.line.exception_status = 1
    assert ask(device, ReadExceptionStatus()) == 1


def test_a_device_without_an_exception_status_does_not_have_the_function() -> None:
    with pytest.raises(IllegalFunction):
        ask(Device(), ReadExceptionStatus())


def test_an_exception_status_or_access_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 255, not 256"):
        Device(exception_status=256)
    with pytest.raises(ValueError, match="'none', 'read' or 'control', not 'all'"):
        Device(diagnostics="all")  # type: ignore[arg-type]


def test_a_bus_is_heard_from_when_it_is_joined_until_it_is_left() -> None:
    device, bus = made(), Bus()
    bus.messages = 10
    device.join(bus)
    bus.messages += 3
    bus.check_failed(2)
    assert (device.line.bus_messages, device.line.check_errors) == (3, 2)
    device.part(bus)
    bus.messages += 5
    bus.check_failed(1)
    assert (device.line.bus_messages, device.line.check_errors) == (3, 2)


def test_devices_hear_all_the_buses_that_they_are_on() -> None:
    device, first, second = made(), Bus(), Bus()
    Units({1: device}).join(first)
    device.join(second)
    first.messages, second.messages = 3, 4
    assert counter(device, SubFunction.RETURN_BUS_MESSAGE_COUNT) == 7


def test_wrong_checks_on_the_bus_are_events_of_every_device() -> None:
    one, two, bus = made(), made(), Bus()
    units = Units({1: one, 2: two, 3: two}, unknown=made())
    units.join(bus)
    bus.check_failed(100)
    assert [len(device.line.log) for device in (one, two)] == [64, 64]
    assert set(one.line.log) == {0x82}
    units.part(bus)


def test_answering_02_is_a_refusal_of_the_read_exception_kind() -> None:
    device = made()
    with pytest.raises(IllegalDataAddress):
        ask(device, MISSING)
    assert device.line.log[0] == SENT_REFUSAL
