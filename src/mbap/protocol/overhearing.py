"""What two others say on a serial line: their requests paired with the answers, and how long they took."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from mbap.errors import ExceptionResponse, ModbusError
from mbap.protocol.adu import Adu
from mbap.protocol.pdu.base import EXCEPTION_FLAG, Request, decode_request
from mbap.protocol.pdu.lengths import UNTOLD, request_length
from mbap.protocol.pdu.opaque import Opaque

PATIENCE: Final = 5.0
"""Seconds after which nothing is taken for the answer to a request any more."""
MOST_ROWS: Final = 2000
"""So many units and functions are counted one by one; what is more is counted as `other`."""
_BROADCAST: Final = 0


class Frames(Protocol):
    """What finds the frames: of RTU or ASCII."""

    noise: int

    @property
    def partial(self) -> int: ...

    def unpack(self, data: bytes) -> list[Adu]: ...


class Overheard(NamedTuple):
    """A request with what became of it.

    Attributes:
        at: when the request ended, by the clock that `hear` is told.
        request: what was asked; None for an answer to nothing that was heard.
        answer: the PDU that answered; None where nothing did.
        seconds: from the end of the request to the begin of the answer; None where that cannot be told.
    """

    at: float
    unit: int
    request: Request[Any] | None
    answer: bytes | None
    seconds: float | None

    @property
    def outcome(self) -> str:
        """`answered`, `exception 02`, `no answer`, `broadcast`, or `unasked`."""
        if self.request is None:
            return "unasked"
        if self.answer is None:
            return "broadcast" if self.unit == _BROADCAST else "no answer"
        return f"exception {self.answer[1]:02X}" if self.answer[0] >= EXCEPTION_FLAG else "answered"

    @property
    def function_code(self) -> int:
        """The code of the request, or of the answer."""
        if self.request is not None:
            return self.request.function_code
        return (self.answer or b"\0")[0] & ~EXCEPTION_FLAG


@dataclass(slots=True)
class Row:
    """What was heard of one unit and function; seconds are those of the answers."""

    requests: int = 0
    answers: int = 0
    exceptions: int = 0
    silent: int = 0
    timed: int = 0
    total: float = 0.0
    longest: float = 0.0

    @property
    def mean(self) -> float:
        """Seconds until an answer, on average; 0 where none was timed."""
        return self.total / self.timed if self.timed else 0.0

    def count(self, overheard: Overheard) -> None:
        """Add *overheard*."""
        self.requests += 1
        outcome = overheard.outcome
        self.answers += outcome == "answered"
        self.exceptions += outcome.startswith("exception")
        self.silent += outcome == "no answer"
        if overheard.seconds is not None:
            self.timed += 1
            self.total += overheard.seconds
            self.longest = max(self.longest, overheard.seconds)


Key: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class Heard:
    """What was heard in all.

    Attributes:
        rows: by unit and function code. other: requests beyond `MOST_ROWS` of those.
        bytes: all of them. frames: those that were right.
        unasked: answers to nothing that was heard. torn: frames with a silence inside.
    """

    rows: dict[Key, Row] = field(default_factory=dict)
    other: int = 0
    bytes: int = 0
    frames: int = 0
    unasked: int = 0
    torn: int = 0


class _Open(NamedTuple):
    request: Request[Any]
    unit: int
    ended: float


class Overhearing:
    """Pairs what *frames* finds; it neither reads nor waits.

    Args:
        frames: finds the frames.
        character: how many seconds a character takes.
        characters_a_byte: how many there are for a byte: 1 in RTU, 2 in ASCII.
        silence: seconds that part frames.

    Attributes:
        heard: the counts.
    """

    def __init__(self, frames: Frames, *, character: float, characters_a_byte: int, silence: float) -> None:
        self.heard = Heard()
        self._frames = frames
        self._byte_time = character * characters_a_byte
        self._character = character
        self._silence = silence
        self._open: _Open | None = None
        self._last_byte = 0.0

    def hear(self, data: bytes, now: float) -> list[Overheard]:
        """Take in *data*, whose last byte came at *now*; gives the exchanges that ended by it."""
        self.heard.bytes += len(data)
        began = now - len(data) * self._character
        split = bool(self._frames.partial) and began - self._last_byte > self._silence
        self._last_byte = now
        adus = self._frames.unpack(data)
        self.heard.torn += split and bool(adus)
        return self._timed(adus, now - self._frames.partial * self._character)

    def silent(self, now: float, adus: list[Adu]) -> list[Overheard]:
        """The line is silent: *adus* were complete at the last byte; who did not answer until now may."""
        overheard = self._timed(adus, self._last_byte)
        if self._open is not None and now - self._open.ended > PATIENCE:
            overheard += self._close()
        return overheard

    def end(self) -> list[Overheard]:
        """Nothing more is heard: what is open was not answered."""
        return self._close()

    def _timed(self, adus: list[Adu], end: float) -> list[Overheard]:
        """Each with its begin and end: they are told from the last one back, as bytes follow each other."""
        times: list[tuple[float, float]] = []
        for adu in reversed(adus):
            begin = end - (len(adu.pdu) + 3) * self._byte_time
            times.append((begin, end))
            end = begin
        pairs = zip(adus, reversed(times), strict=True)
        return [one for adu, (begin, ended) in pairs for one in self._frame(adu, begin, ended)]

    def _frame(self, adu: Adu, begin: float, ended: float) -> list[Overheard]:
        self.heard.frames += 1
        if self._open is not None and begin - self._open.ended <= PATIENCE and _answers(adu, self._open):
            request, unit, asked = self._open
            self._open = None
            return [self._counted(Overheard(asked, unit, request, adu.pdu, _between(asked, begin, ended)))]
        return self._close() + self._begin(adu, ended)

    def _begin(self, adu: Adu, ended: float) -> list[Overheard]:
        request = _request(adu.pdu)
        if request is None:
            self.heard.unasked += 1
            return [Overheard(ended, adu.unit, None, adu.pdu, None)]
        self._open = _Open(request, adu.unit, ended)
        return self._close() if adu.unit == _BROADCAST else []

    def _close(self) -> list[Overheard]:
        if self._open is None:
            return []
        request, unit, asked = self._open
        self._open = None
        return [self._counted(Overheard(asked, unit, request, None, None))]

    def _counted(self, overheard: Overheard) -> Overheard:
        key = (overheard.unit, overheard.function_code)
        rows = self.heard.rows
        if key not in rows and len(rows) >= MOST_ROWS:
            self.heard.other += 1
        else:
            rows.setdefault(key, Row()).count(overheard)
        return overheard


def _between(asked: float, begin: float, ended: float) -> float | None:
    """Seconds from a request to its answer; where bytes came faster than a line carries them, to its end.

    None where both came at once: whoever kept them together knows.
    """
    if begin > asked:
        return begin - asked
    return ended - asked if begin < asked < ended else None


def _answers(adu: Adu, asked: _Open) -> bool:
    """Whether *adu* is an answer to what was asked."""
    if adu.unit != asked.unit or adu.pdu[0] & ~EXCEPTION_FLAG != asked.request.function_code:
        return False
    if adu.pdu[0] >= EXCEPTION_FLAG:
        return len(adu.pdu) == 2
    try:
        asked.request.decode_response(adu.pdu)
    except ModbusError:
        return False
    return True


def _request(pdu: bytes) -> Request[Any] | None:
    """The request that *pdu* is; None where it can be none."""
    if request_length(pdu) not in (len(pdu), UNTOLD):
        return None
    try:
        return decode_request(pdu)
    except ExceptionResponse:
        return Opaque(pdu[0], pdu[1:])
