"""What a device knows of its line: counters, events, and the listen only mode (function codes 7, 8, 11, 12).

Application Protocol V1.1b3, 6.7 to 6.10, and Serial Line V1.02, 2.7, for what each counter counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, get_args

from mbap.errors import ExceptionCode, IllegalDataValue, IllegalFunction, NoAnswer

if TYPE_CHECKING:
    from mbap.protocol.pdu.status import CommEventCounter, CommEventLog

DiagnosticAccess = Literal["none", "read", "control"]

# The same as in mbap.protocol.pdu, whose modules are loaded when a client asks for what they are about.
MOST_EVENTS: Final = 64
RESTARTED, ENTERED_LISTEN_ONLY = 0x00, 0x04
_RECEIVED, _BROADCAST, _LISTENING, _CHECK_FAILED = 0x80, 0x40, 0x20, 0x02
_SENT = 0x40
_RECEIVED_AND_SENT: Final = (_RECEIVED, _SENT) * (MOST_EVENTS // 2)
_NAK = 7
_SENT_WITH: Final = {1: 0x01, 2: 0x01, 3: 0x01, 4: 0x02, 5: 0x04, 6: 0x04, _NAK: 0x08}
_NOT_COUNTED: Final = frozenset({11, 12})
_CLEARING_LOG: Final = b"\xff\x00"
_NO_DELIMITER: Final = frozenset(b":\r0123456789ABCDEFabcdef")


class Bus:
    """What all devices of one server hear; the server counts it.

    Attributes:
        messages: messages for whichever unit.
        check_errors: messages whose check was wrong; there are none on TCP.
    """

    __slots__ = ("_lines", "check_errors", "messages")

    def __init__(self) -> None:
        self.messages = self.check_errors = 0
        self._lines: list[Line] = []

    def check_failed(self, count: int) -> None:
        """So many messages came whose check was wrong."""
        self.check_errors += count
        for line in self._lines:
            line.log.extendleft([_RECEIVED | _CHECK_FAILED] * min(count, MOST_EVENTS))

    def add(self, line: Line) -> None:
        """*line* hears this bus from now on."""
        self._lines.append(line)

    def remove(self, line: Line) -> None:
        """*line* does not hear it any more."""
        self._lines.remove(line)


class Line:
    """One device's end of its line.

    Args:
        access: which diagnostics clients may ask for: `none`; `read`, the counters and the echo; `control`,
            also to clear counters, to restart communications, to change the delimiter of ASCII frames, and
            to silence the device (listen only mode).

    Attributes:
        exception_status: eight outputs of the device's own choice, the first lowest; None: it has none.
        register: the diagnostic register.
        busy: at work on a program command; clients see it beside the event counter.
        listen_only: it answers nothing until communications are restarted.
        events: requests carried out; neither those answered with an exception nor those that read this.
        messages: those for this device or for all.
        exceptions, naks, busies, unanswered: messages answered with an exception, with exception 07, with 06,
            and not at all.
        overruns: characters lost on the line; nothing counts them on TCP, a program may.
        log: the newest 64 events, newest first; section 6.10 of the standard says what their bits are.

    Raises:
        ValueError: *access* is none of these.
    """

    __slots__ = (
        "_after",
        "_buses",
        "_earlier_check_errors",
        "_earlier_messages",
        "access",
        "busies",
        "busy",
        "events",
        "exception_status",
        "exceptions",
        "listen_only",
        "log",
        "messages",
        "naks",
        "overruns",
        "register",
        "unanswered",
    )

    def __init__(self, access: DiagnosticAccess = "read", exception_status: int | None = None) -> None:
        if access not in get_args(DiagnosticAccess):
            raise ValueError(f"diagnostics is 'none', 'read' or 'control', not {access!r}")
        if exception_status is not None and not 0 <= exception_status <= 0xFF:
            raise ValueError(f"an exception status is 0 to 255, not {exception_status}")
        self.access = access
        self.exception_status = exception_status
        self.listen_only = self.busy = False
        self.log: deque[int] = deque(maxlen=MOST_EVENTS)
        self._buses: list[Bus] = []
        self._after: Callable[[], None] | None = None
        self.clear()

    # --- what it hears ---

    def join(self, bus: Bus) -> None:
        """Hear *bus* from now on."""
        self._buses.append(bus)
        self._earlier_messages -= bus.messages
        self._earlier_check_errors -= bus.check_errors
        bus.add(self)

    def part(self, bus: Bus) -> None:
        """Do not hear *bus* any more; what it heard stays counted."""
        if bus in self._buses:
            self._buses.remove(bus)
            self._earlier_messages += bus.messages
            self._earlier_check_errors += bus.check_errors
            bus.remove(self)

    @property
    def bus_messages(self) -> int:
        """Messages on the line, for whichever unit."""
        return self._earlier_messages + sum(bus.messages for bus in self._buses)

    @property
    def check_errors(self) -> int:
        """Messages on the line whose check was wrong."""
        return self._earlier_check_errors + sum(bus.check_errors for bus in self._buses)

    # --- what becomes of one message ---

    def begin(self, request: object, *, broadcast: bool = False) -> None:
        """A message for this device came, *request* where it is one.

        Raises:
            NoAnswer: the device only listens.
        """
        self.messages += 1
        if not (broadcast or self.listen_only):
            self.log.appendleft(_RECEIVED)
            return
        self.log.appendleft(_RECEIVED | broadcast * _BROADCAST | self.listen_only * _LISTENING)
        if self.listen_only and not _restarts(request):
            self.unanswered += 1
            raise NoAnswer

    def answered(self, function_code: int) -> None:
        """It was carried out, and is answered."""
        self.log.appendleft(_SENT)
        if function_code not in _NOT_COUNTED:
            self.events += 1
        if self._after is not None:
            after, self._after = self._after, None
            after()

    def answered_at_once(self, count: int) -> None:
        """*count* messages for this device came, were carried out and answered, one after the other.

        None of them was one that asks for what is kept here.
        """
        self.messages += count
        self.events += count
        self.log.extendleft(_RECEIVED_AND_SENT[: 2 * count])

    def refused(self, code: int) -> None:
        """It is answered with the exception *code*."""
        self.log.appendleft(_SENT | _SENT_WITH.get(code, 0))
        self.exceptions += 1
        self.naks += code == _NAK
        self.busies += code == ExceptionCode.SERVER_DEVICE_BUSY

    def carried_out(self) -> None:
        """It was for all, so it was carried out and is not answered."""
        self.events += 1
        self.unanswered += 1

    def silenced(self) -> None:
        """It is not answered."""
        self.unanswered += 1

    # --- what clients ask for ---

    def diagnostics(self, sub_function: int, data: bytes) -> bytes:
        """Carry out a sub-function of function code 8: see `SerialStatus`."""
        from mbap.protocol.pdu.diagnostics import GIVING_A_WORD, READING

        if sub_function in GIVING_A_WORD:
            self._expect("read", "control")
            return (self._counter(sub_function) & 0xFFFF).to_bytes(2, "big")
        self._expect("control", *(("read",) if sub_function in READING else ()))
        self._control(sub_function, data)
        return data

    def event_counter(self) -> CommEventCounter:
        """Whether it is busy, and how many requests it has carried out."""
        from mbap.protocol.pdu.status import CommEventCounter

        self._expect("read", "control")
        return CommEventCounter(self.busy, self.events & 0xFFFF)

    def event_log(self) -> CommEventLog:
        """The same, with the messages on the line and the newest 64 events."""
        from mbap.protocol.pdu.status import CommEventLog

        self._expect("read", "control")
        return CommEventLog(self.busy, self.events & 0xFFFF, self.bus_messages & 0xFFFF, bytes(self.log))

    def clear(self) -> None:
        """Set the counters and the diagnostic register to 0."""
        self.register = self.events = self.messages = self.unanswered = self.overruns = 0
        self.exceptions = self.naks = self.busies = 0
        self._earlier_messages = -sum(bus.messages for bus in self._buses)
        self._earlier_check_errors = -sum(bus.check_errors for bus in self._buses)

    def restart(self, *, clear_log: bool = False) -> None:
        """Begin anew: counters at 0, listening and answering; with *clear_log* without the events before."""
        self.clear()
        self.listen_only = False
        if clear_log:
            self.log.clear()
        self.log.appendleft(RESTARTED)

    def _counter(self, sub_function: int) -> int:
        from mbap.protocol.pdu.diagnostics import SubFunction

        return {
            SubFunction.RETURN_DIAGNOSTIC_REGISTER: self.register,
            SubFunction.RETURN_BUS_MESSAGE_COUNT: self.bus_messages,
            SubFunction.RETURN_BUS_COMMUNICATION_ERROR_COUNT: self.check_errors,
            SubFunction.RETURN_BUS_EXCEPTION_ERROR_COUNT: self.exceptions,
            SubFunction.RETURN_SERVER_MESSAGE_COUNT: self.messages,
            SubFunction.RETURN_SERVER_NO_RESPONSE_COUNT: self.unanswered,
            SubFunction.RETURN_SERVER_NAK_COUNT: self.naks,
            SubFunction.RETURN_SERVER_BUSY_COUNT: self.busies,
            SubFunction.RETURN_BUS_CHARACTER_OVERRUN_COUNT: self.overruns,
        }[SubFunction(sub_function)]

    def _control(self, sub_function: int, data: bytes) -> None:
        """Do what *sub_function* is for; what concerns counters takes effect behind its own answer."""
        from mbap.protocol.pdu.diagnostics import SubFunction

        if sub_function == SubFunction.RESTART_COMMUNICATIONS:
            self._restart(clear_log=data == _CLEARING_LOG)
        elif sub_function == SubFunction.FORCE_LISTEN_ONLY_MODE:
            self.listen_only = True
            self.log.appendleft(ENTERED_LISTEN_ONLY)
            raise NoAnswer
        elif sub_function == SubFunction.CLEAR_COUNTERS_AND_DIAGNOSTIC_REGISTER:
            self._after = self.clear
        elif sub_function == SubFunction.CLEAR_OVERRUN_COUNTER_AND_FLAG:
            self.overruns = 0
        elif sub_function == SubFunction.CHANGE_ASCII_INPUT_DELIMITER and data[0] in _NO_DELIMITER:
            raise IllegalDataValue

    def _restart(self, *, clear_log: bool) -> None:
        if self.listen_only:
            self.restart(clear_log=clear_log)
            raise NoAnswer
        self._after = lambda: self.restart(clear_log=clear_log)

    def _expect(self, *access: DiagnosticAccess) -> None:
        if self.access not in access:
            raise IllegalFunction


def _restarts(request: object) -> bool:
    from mbap.protocol.pdu.diagnostics import Diagnostics, SubFunction

    return isinstance(request, Diagnostics) and request.sub_function == SubFunction.RESTART_COMMUNICATIONS
