"""What a device says of its state: function codes 7, 11, 12 and 17.

Application Protocol V1.1b3, 6.7, 6.9, 6.10 and 6.13. The first three are for serial lines.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from mbap.errors import IllegalFunction, ProtocolError
from mbap.protocol.pdu.base import (
    Request,
    Tables,
    argument_word,
    check_structure,
    expect_function,
    register,
    sizes,
)
from mbap.protocol.pdu.extras import SerialStatus, ServerIdentity

R = TypeVar("R")

MOST_EVENTS = 64
LONGEST_SERVER_ID = 251
BUSY, READY = 0xFFFF, 0x0000

_COUNTER = struct.Struct(">BHH")
_LOG = struct.Struct(">BBHHH")


@dataclass(frozen=True, slots=True)
class CommEventCounter:
    """How often a device carried out a request.

    Attributes:
        busy: it is still at work on a program command.
        events: requests carried out; neither those answered with an exception nor the two that read this.
    """

    busy: bool
    events: int

    def __post_init__(self) -> None:
        argument_word("events", self.events)


@dataclass(frozen=True, slots=True)
class CommEventLog:
    """What happened on a device's line last.

    Attributes:
        busy: it is still at work on a program command.
        events: requests carried out, as in `CommEventCounter`.
        messages: messages it has processed.
        log: 0 to 64 events of one byte each, newest first; their bits are in section 6.10 of the standard.
    """

    busy: bool
    events: int
    messages: int
    log: bytes

    def __post_init__(self) -> None:
        argument_word("events", self.events)
        argument_word("messages", self.messages)
        if len(self.log) > MOST_EVENTS:
            raise ValueError(f"a log has at most {MOST_EVENTS} events, not {len(self.log)}")


@dataclass(frozen=True, slots=True)
class _Bare(Request[R]):
    """What requests share that are a function code and nothing else."""

    def encode(self) -> bytes:
        return bytes((self.function_code,))

    @classmethod
    def decode(cls, pdu: bytes) -> _Bare[R]:
        check_structure(len(pdu) == 1)
        return cls()


@register
@dataclass(frozen=True, slots=True)
class ReadExceptionStatus(_Bare[int]):
    """Read eight outputs of the device's own choice, the first lowest: 0 to 255 (function code 7)."""

    function_code: ClassVar[int] = 7

    def encode_response(self, result: int) -> bytes:
        if not 0 <= result <= 0xFF:
            raise ValueError(f"an exception status is 0 to 255, not {result}")
        return bytes((7, result))

    def decode_response(self, pdu: bytes) -> int:
        expect_function(pdu, 7)
        if len(pdu) != 2:
            raise ProtocolError(f"an exception status takes 2 bytes, and the answer has {len(pdu)}")
        return pdu[1]

    def apply(self, tables: Tables) -> int:
        if not isinstance(tables, SerialStatus):
            raise IllegalFunction
        return tables.exception_status()


@register
@dataclass(frozen=True, slots=True)
class GetCommEventCounter(_Bare[CommEventCounter]):
    """Read how many requests the device has carried out (function code 11)."""

    function_code: ClassVar[int] = 11

    def encode_response(self, result: CommEventCounter) -> bytes:
        return _COUNTER.pack(11, BUSY if result.busy else READY, result.events)

    def decode_response(self, pdu: bytes) -> CommEventCounter:
        expect_function(pdu, 11)
        if len(pdu) != _COUNTER.size:
            raise ProtocolError(f"an event counter takes 5 bytes, and the answer has {len(pdu)}")
        _, status, events = _COUNTER.unpack(pdu)
        return CommEventCounter(_is_busy(status), events)

    def apply(self, tables: Tables) -> CommEventCounter:
        if not isinstance(tables, SerialStatus):
            raise IllegalFunction
        return tables.event_counter()


@register
@dataclass(frozen=True, slots=True)
class GetCommEventLog(_Bare[CommEventLog]):
    """Read what happened on the device's line last (function code 12)."""

    function_code: ClassVar[int] = 12

    def encode_response(self, result: CommEventLog) -> bytes:
        status = BUSY if result.busy else READY
        return _LOG.pack(12, 6 + len(result.log), status, result.events, result.messages) + result.log

    def decode_response(self, pdu: bytes) -> CommEventLog:
        expect_function(pdu, 12)
        if not _LOG.size <= len(pdu) <= _LOG.size + MOST_EVENTS or pdu[1] != len(pdu) - 2:
            raise ProtocolError(f"an event log takes 6 to 70 bytes, and the answer is {sizes(pdu)}")
        _, _, status, events, messages = _LOG.unpack_from(pdu)
        return CommEventLog(_is_busy(status), events, messages, pdu[_LOG.size :])

    def apply(self, tables: Tables) -> CommEventLog:
        if not isinstance(tables, SerialStatus):
            raise IllegalFunction
        return tables.event_log()


@register
@dataclass(frozen=True, slots=True)
class ReportServerId(_Bare[bytes]):
    """Read what the device says of its type and state (function code 17).

    The result is its identifier, FF where it runs or 00, and what else it says. How long each is, only the
    device's manual tells, so they are not taken apart here.
    """

    function_code: ClassVar[int] = 17

    def encode_response(self, result: bytes) -> bytes:
        if len(result) > LONGEST_SERVER_ID:
            raise ValueError(f"a server id has at most {LONGEST_SERVER_ID} bytes, not {len(result)}")
        return bytes((17, len(result))) + result

    def decode_response(self, pdu: bytes) -> bytes:
        expect_function(pdu, 17)
        if len(pdu) < 2 or pdu[1] != len(pdu) - 2 or pdu[1] > LONGEST_SERVER_ID:
            raise ProtocolError(f"a server id fills the answer, and this is {sizes(pdu)}")
        return pdu[2:]

    def apply(self, tables: Tables) -> bytes:
        if not isinstance(tables, ServerIdentity):
            raise IllegalFunction
        return tables.server_id()


def _is_busy(status: int) -> bool:
    if status not in (BUSY, READY):
        raise ProtocolError(f"a status is FFFF (busy) or 0000, not {status:04X}")
    return status == BUSY
