"""What was asked and said with the functions that neither read nor write values, in words."""

from __future__ import annotations

from typing import Any

from mbap.protocol.fields import amount, function_name
from mbap.protocol.pdu import (
    CommEventCounter,
    CommEventLog,
    DeviceIdentification,
    Diagnostics,
    ReadDeviceIdentification,
    ReadFifoQueue,
    Request,
    SubFunction,
)
from mbap.protocol.pdu.identification import ReadDeviceIdCode
from mbap.protocol.rarer_layouts import quoted

_MOST_BYTES = 16


def asked_rarer(request: Request[Any]) -> str | None:
    """What was asked; None where the places that it touches say so."""
    match request:
        case Diagnostics(sub_function=code):
            return f"diagnostics, {_sub_function(code)}"
        case ReadFifoQueue(address=address):
            return f"read FIFO queue hr{address}"
        case ReadDeviceIdentification(code=ReadDeviceIdCode.INDIVIDUAL, object_id=number):
            return f"read device identification, object {number}"
        case ReadDeviceIdentification(code=code):
            return f"read device identification, {ReadDeviceIdCode(code).name.lower()}"
    return None if request.spans() else function_name(request.function_code)


def _sub_function(code: int) -> str:
    known = {one.value: one.name for one in SubFunction}
    return known.get(code, f"sub-function {code}").lower().replace("_", " ")


def said_rarer(result: object, size: int) -> str:
    """What was answered, *size* bytes of data; text of a device is escaped."""
    match result:
        case int():
            return f"{result:02x}"
        case bytes():
            return _bytes(result)
        case CommEventCounter(events=events):
            return _amount(events, "event")
        case CommEventLog(events=events, messages=messages):
            return f"{_amount(events, 'event')}, {_amount(messages, 'message')}"
        case DeviceIdentification(objects=objects, more_follows=more):
            return (", ".join(map(quoted, objects.values())) or "no objects") + ", more follows" * more
    return amount(size)


def _bytes(data: bytes) -> str:
    """As text, where that is what most of it is."""
    if sum(0x20 <= byte < 0x7F for byte in data) > len(data) // 2:
        return quoted(data)
    shown = data[:_MOST_BYTES].hex(" ")
    more = len(data) - _MOST_BYTES
    return f"{shown} and {amount(more)} more" if more > 0 else shown or "no data"


def _amount(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
