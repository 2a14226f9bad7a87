"""What a device has besides its tables: its identification and server id, and that all of it is settable."""

from __future__ import annotations

from typing import TypeVar

import pytest

from mbap.errors import IllegalDataAddress, IllegalFunction
from mbap.protocol.pdu import Extras, ReadDeviceIdCode, ReadDeviceIdentification, ReportServerId, Request
from mbap.server.device import Device
from mbap.server.handler import Call, Peer

R = TypeVar("R")

OBJECTS: dict[int, bytes | str] = {
    0: "Pumps & Co",
    1: "P7",
    2: "V2.11",
    5: "Model 7",
    0x80: b"\xff\0\x1b",
}


def ask(device: Device, request: Request[R]) -> R:
    return device.handle(Call(request, 1, Peer()))


def test_a_device_has_every_extra() -> None:
    assert isinstance(Device(), Extras)


@pytest.mark.parametrize(
    ("code", "numbers"),
    [
        (ReadDeviceIdCode.BASIC, [0, 1, 2]),
        (ReadDeviceIdCode.REGULAR, [0, 1, 2, 5]),
        (ReadDeviceIdCode.EXTENDED, [0, 1, 2, 5, 0x80]),
    ],
)
def test_a_stream_has_the_objects_of_its_level(code: ReadDeviceIdCode, numbers: list[int]) -> None:
    answer = ask(Device(identification=OBJECTS), ReadDeviceIdentification(code))
    assert list(answer.objects) == numbers
    assert answer.conformity_level == 0x83
    assert answer.objects[0] == b"Pumps & Co"


def test_one_object_can_be_asked_for() -> None:
    device = Device(identification=OBJECTS)
    answer = ask(device, ReadDeviceIdentification(ReadDeviceIdCode.INDIVIDUAL, 0x80))
    assert answer.objects == {0x80: b"\xff\0\x1b"}


def test_h077_one_object_that_there_is_not_is_exception_02() -> None:
    with pytest.raises(IllegalDataAddress):
        ask(Device(identification=OBJECTS), ReadDeviceIdentification(ReadDeviceIdCode.INDIVIDUAL, 0x7F))


def test_h078_a_stream_from_an_object_that_there_is_not_begins_at_the_first() -> None:
    answer = ask(Device(identification=OBJECTS), ReadDeviceIdentification(ReadDeviceIdCode.BASIC, 0x55))
    assert list(answer.objects) == [0, 1, 2]


def test_h081_what_does_not_fit_into_one_answer_follows_in_others() -> None:
    private = {number: bytes([number]) * 240 for number in range(0x80, 0x100)}
    device = Device(identification={**OBJECTS, **private})
    request: ReadDeviceIdentification | None = ReadDeviceIdentification(ReadDeviceIdCode.EXTENDED)
    seen: dict[int, bytes] = {}
    while request is not None:
        answer = ask(device, request)
        assert len(request.encode_response(answer)) <= 253
        seen |= answer.objects
        request = request.following(answer)
    assert seen == {0: b"Pumps & Co", 1: b"P7", 2: b"V2.11", 5: b"Model 7", **private}


def test_h082_an_object_that_does_not_fit_is_refused_when_the_device_is_made() -> None:
    with pytest.raises(ValueError, match="object 0 has 245 bytes, and 244 fit"):
        Device(identification={0: "x" * 245})


def test_an_identification_can_be_set_while_it_runs() -> None:
    device = Device()
    device.set_identification({0: "Pumps & Co"})
    assert ask(device, ReadDeviceIdentification()).objects == {0: b"Pumps & Co"}
    device.set_identification({})
    with pytest.raises(IllegalFunction):
        ask(device, ReadDeviceIdentification())


def test_a_server_id_is_given_as_it_is() -> None:
    assert ask(Device(server_id=b"\x2a\xffPump 7"), ReportServerId()) == b"\x2a\xffPump 7"


def test_a_server_id_can_be_set_while_it_runs() -> None:
    device = Device(server_id=b"\x2a\xff")
    device.set_server_id(b"\x2a\0")
    assert ask(device, ReportServerId()) == b"\x2a\0"


def test_what_a_device_was_not_given_it_does_not_have() -> None:
    with pytest.raises(IllegalFunction):
        ask(Device(), ReportServerId())
    with pytest.raises(IllegalFunction):
        ask(Device(), ReadDeviceIdentification())


def test_a_server_id_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 251 bytes, not 252"):
        Device(server_id=b"x" * 252)
