"""Who a device is: function code 43, type 14, and the other types of that code.

Application Protocol V1.1b3, 6.19 to 6.21.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any, ClassVar

from mbap.errors import IllegalDataAddress, IllegalFunction, ProtocolError
from mbap.protocol.pdu.base import (
    LONGEST_PDU,
    Request,
    Tables,
    check_structure,
    expect_fitting,
    expect_function,
    fitting,
    register,
)
from mbap.protocol.pdu.extras import Identified

CANOPEN, DEVICE_IDENTIFICATION = 13, 14
LONGEST_OBJECT = 244
"""Objects are not divided, and each has to fit into one answer."""
MORE, LAST = 0xFF, 0x00
INDIVIDUAL_ACCESS = 0x80
CONFORMITY_LEVELS = frozenset({1, 2, 3, 0x81, 0x82, 0x83})

_HEAD = 7


class ReadDeviceIdCode(IntEnum):
    """What part of the identification is asked for."""

    BASIC = 1
    REGULAR = 2
    EXTENDED = 3
    INDIVIDUAL = 4


class ObjectId(IntEnum):
    """The objects that the standard names; 128 to 255 are the device's own."""

    VENDOR_NAME = 0
    PRODUCT_CODE = 1
    MAJOR_MINOR_REVISION = 2
    VENDOR_URL = 3
    PRODUCT_NAME = 4
    MODEL_NAME = 5
    USER_APPLICATION_NAME = 6


_LAST_OBJECT = {1: 0x02, 2: 0x7F, 3: 0xFF}
"""The last object of what each stream has in it."""


@dataclass(frozen=True, slots=True)
class DeviceIdentification:
    """One answer's part of a device's identification.

    Attributes:
        objects: bytes by number, `ObjectId` names some; bytes and not text, because nothing says in which
            encoding, and they come from a stranger: escape them before they are shown.
        conformity_level: 1 basic, 2 regular, 3 extended; with 0x80 added where single objects can be read.
        more_follows: there are further objects, from *next_object_id* on.
        next_object_id: 0 where nothing follows.
    """

    objects: Mapping[int, bytes]
    conformity_level: int = 0x81
    more_follows: bool = False
    next_object_id: int = 0


@dataclass(frozen=True, slots=True)
class ReadDeviceIdentification(Request[DeviceIdentification]):
    """Read who the device is, as many objects as fit into one answer (function code 43, type 14).

    *code* says what is asked for, see `ReadDeviceIdCode`; *object_id* is the first object, or the only one
    where *code* is INDIVIDUAL. `following` gives the request for what did not fit.
    """

    code: int = ReadDeviceIdCode.BASIC
    object_id: int = 0
    function_code: ClassVar[int] = 43

    def __post_init__(self) -> None:
        if not 1 <= self.code <= 4:
            raise ValueError(f"code is 1 (basic) to 4 (one object), not {self.code}")
        if not 0 <= self.object_id <= 0xFF:
            raise ValueError(f"object_id is 0 to 255, not {self.object_id}")

    def encode(self) -> bytes:
        return bytes((43, DEVICE_IDENTIFICATION, self.code, self.object_id))

    @classmethod
    def decode(cls, pdu: bytes) -> ReadDeviceIdentification:
        check_structure(len(pdu) == 4 and 1 <= pdu[2] <= 4)
        return cls(pdu[2], pdu[3])

    def encode_response(self, result: DeviceIdentification) -> bytes:
        check_objects(result.objects)
        more = MORE if result.more_follows else LAST
        head = (43, DEVICE_IDENTIFICATION, self.code, result.conformity_level, more, result.next_object_id)
        objects = [bytes((number, len(value))) + value for number, value in result.objects.items()]
        return fitting(bytes((*head, len(objects))) + b"".join(objects), "these objects take")

    def decode_response(self, pdu: bytes) -> DeviceIdentification:
        expect_function(pdu, 43)
        expect_fitting(pdu)
        if len(pdu) < _HEAD or pdu[1] != DEVICE_IDENTIFICATION or pdu[2] != self.code:
            raise ProtocolError(f"{pdu[:_HEAD].hex(' ')} does not begin the identification asked for")
        _, _, _, level, more, next_object_id, count = pdu[:_HEAD]
        if level not in CONFORMITY_LEVELS or more not in (MORE, LAST):
            raise ProtocolError(f"conformity level {level:02X} with {more:02X} for more does not exist")
        objects = list(_objects(pdu, count))
        self._expect_order([number for number, _ in objects] + [next_object_id] * (more == MORE))
        return DeviceIdentification(dict(objects), level, more == MORE, next_object_id if more else 0)

    def _expect_order(self, numbers: list[int]) -> None:
        if any(after <= before for before, after in pairwise(numbers)):
            raise ProtocolError(f"objects come in order, and these are {numbers}")
        if self.code == ReadDeviceIdCode.INDIVIDUAL and numbers != [self.object_id]:
            raise ProtocolError(f"object {self.object_id} was asked for, and these are {numbers}")

    def following(self, answer: DeviceIdentification) -> ReadDeviceIdentification | None:
        """The request for what did not fit into *answer*, which answers this one; None at the end.

        Raises:
            ProtocolError: it would not get any further, and asking on would never end.
        """
        if not answer.more_follows:
            return None
        if answer.next_object_id <= self.object_id:
            raise ProtocolError(
                f"after object {self.object_id} should come a later one, not {answer.next_object_id}"
            )
        return ReadDeviceIdentification(self.code, answer.next_object_id)

    def apply(self, tables: Tables) -> DeviceIdentification:
        if not isinstance(tables, Identified):
            raise IllegalFunction
        objects = tables.identification()
        if not objects:
            raise IllegalFunction
        return identify(objects, self.code, self.object_id)


@register
@dataclass(frozen=True, slots=True)
class EncapsulatedInterface(Request[bytes]):
    """Pass on anything of function code 43: type 13 is CANopen; the result is what follows the type."""

    mei_type: int
    data: bytes = b""
    function_code: ClassVar[int] = 43
    writes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.mei_type <= 0xFF:
            raise ValueError(f"mei_type is 0 to 255, not {self.mei_type}")
        if len(self.data) > LONGEST_PDU - 2:
            raise ValueError(f"a PDU has room for 251 bytes after the type, not {len(self.data)}")

    def encode(self) -> bytes:
        return bytes((43, self.mei_type)) + self.data

    @classmethod
    def decode(cls, pdu: bytes) -> Request[Any]:
        """The request that *pdu* is: for type 14 a `ReadDeviceIdentification`."""
        check_structure(2 <= len(pdu) <= LONGEST_PDU)
        if pdu[1] == DEVICE_IDENTIFICATION:
            return ReadDeviceIdentification.decode(pdu)
        return cls(pdu[1], pdu[2:])

    def encode_response(self, result: bytes) -> bytes:
        return fitting(bytes((43, self.mei_type)) + result)

    def decode_response(self, pdu: bytes) -> bytes:
        expect_function(pdu, 43)
        expect_fitting(pdu)
        if len(pdu) < 2 or pdu[1] != self.mei_type:
            raise ProtocolError(f"{pdu[:2].hex(' ')} does not answer type {self.mei_type} of function 43")
        return pdu[2:]


def identify(objects: Mapping[int, bytes], code: int, object_id: int) -> DeviceIdentification:
    """The answer of a device that has *objects*.

    A stream begins at *object_id*, or at the first object where it has none of that number. *code* beyond
    what the device has gives what it has.

    Raises:
        IllegalDataAddress: a single object that does not exist.
        ValueError: an object is not what it has to be.
    """
    check_objects(objects)
    level = INDIVIDUAL_ACCESS | _level(objects)
    if code == ReadDeviceIdCode.INDIVIDUAL:
        if object_id not in objects:
            raise IllegalDataAddress
        return DeviceIdentification({object_id: objects[object_id]}, level)
    stream = [number for number in sorted(objects) if number <= _LAST_OBJECT[code]]
    asked = stream[stream.index(object_id) :] if object_id in stream else stream
    fitting = list(_fitting(objects, asked))
    part = {number: objects[number] for number in fitting}
    if len(fitting) == len(asked):
        return DeviceIdentification(part, level)
    return DeviceIdentification(part, level, True, asked[len(fitting)])


def check_objects(objects: Mapping[int, bytes]) -> None:
    """Check a device's identification.

    Raises:
        ValueError: a number is not 0 to 255, or an object has more than the 244 bytes that fit.
    """
    for number, value in objects.items():
        if not 0 <= number <= 0xFF:
            raise ValueError(f"objects have numbers from 0 to 255, not {number}")
        if len(value) > LONGEST_OBJECT:
            raise ValueError(f"object {number} has {len(value)} bytes, and {LONGEST_OBJECT} fit")


def _level(objects: Mapping[int, bytes]) -> int:
    last = max(objects, default=0)
    return next(code for code, end in _LAST_OBJECT.items() if last <= end)


def _fitting(objects: Mapping[int, bytes], numbers: list[int]) -> Iterator[int]:
    left = LONGEST_PDU - _HEAD
    for number in numbers:
        left -= 2 + len(objects[number])
        if left < 0:
            return
        yield number


def _objects(pdu: bytes, count: int) -> Iterator[tuple[int, bytes]]:
    at = _HEAD
    for _ in range(count):
        end = at + 2 + pdu[at + 1] if at + 2 <= len(pdu) else at + 2
        if end > len(pdu):
            raise ProtocolError(f"the answer ends before the {count} objects do that it says it has")
        yield pdu[at], pdu[at + 2 : end]
        at = end
    if at != len(pdu):
        raise ProtocolError(f"{len(pdu) - at} bytes follow the last of {count} objects")
