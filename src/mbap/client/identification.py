"""Reading a device's whole identification, however many answers it takes."""

from __future__ import annotations

from mbap.client.dialogue import Dialogue
from mbap.errors import ProtocolError
from mbap.protocol.pdu import DeviceIdentification, ReadDeviceIdentification


def identification(code: int, object_id: int) -> Dialogue[DeviceIdentification]:
    """Ask until nothing follows; the objects of all answers together.

    It ends: objects come in order and have numbers up to 255.

    Raises:
        ProtocolError: an answer repeats what an earlier one had.
    """
    request: ReadDeviceIdentification | None = ReadDeviceIdentification(code, object_id)
    objects: dict[int, bytes] = {}
    level = 0
    while request is not None:
        answer: DeviceIdentification = yield request
        if objects.keys() & answer.objects.keys():
            raise ProtocolError("the identification goes on with objects that it has had already")
        objects |= answer.objects
        level = answer.conformity_level
        request = request.following(answer)
    return DeviceIdentification(objects, level)
