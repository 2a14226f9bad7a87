"""The RTU framing: unit, PDU and CRC, with nothing that says where a frame begins or how long it is.

Serial Line V1.02, 2.5.1. The standard parts frames by silence, which neither a TCP stream nor most operating
systems keep; so the length comes from the content, the CRC decides, and `silence` is told where it is known.
"""

from __future__ import annotations

from typing import Final

from mbap.errors import ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.checksum import checked_length, crc16
from mbap.protocol.pdu.lengths import LONGEST_PDU, UNTOLD, Length, agrees, begin_of_response
from mbap.protocol.sides import MOST_NOISE, Echo, Side, no_frame

SHORTEST: Final = 4
LONGEST: Final = 256

# What else can be said of a place instead of where the frame ends that begins there.
_WAIT: Final = 0
_MAYBE: Final = -1
_NONE: Final = -2


class RtuFraming:
    """Packs ADUs into RTU frames and finds the frames in a stream of bytes, however it was cut.

    Bytes that are in no frame are left out one by one until a frame begins. A client knows the unit and
    function that it asked, and finds their answer behind anything. Where a frame may still be growing,
    nothing inside it is taken for one. A server waits for the rest of a request, or of the response to the
    request it heard last; behind noise, where only a long request agrees with itself, the nearest frame whose
    check is right goes first. A frame whose function code is of no standard is found by its CRC
    alone: where it comes in one piece at once, in several pieces only by `silence`.

    `pack` at a client begins a new exchange: what was left of the one before is dropped.

    Attributes:
        noise: bytes that were in no frame.
        crc_errors: frames whose check was wrong, or where something else stood in the place of a frame.
        foreign: requests of other clients, or at a server the responses of others, that were left out.
        echoes: own frames that came back and were left out.
        failure: set after 4,096 bytes in a row without a frame: wrong speed, or not RTU at all.
    """

    __slots__ = (
        "_aligned",
        "_buffer",
        "_echo",
        "_expected",
        "_in_one_piece",
        "_looked_at",
        "_noise_in_a_row",
        "_response",
        "_side",
        "crc_errors",
        "echoes",
        "failure",
        "foreign",
        "noise",
    )

    numbered = False
    """Nothing but the order tells which request an answer is for, so one may be on its way."""

    def __init__(self, side: Side = Side.CLIENT, *, echo: bool | None = None) -> None:
        """*echo* says whether own frames come back; None finds out (see `Echo`)."""
        self.noise = self.crc_errors = self.foreign = self.echoes = 0
        self._side = side
        self._echo = Echo(side, echo)
        self.clear()

    def clear(self) -> None:
        """Forget what came before: a new connection begins."""
        self._buffer = b""
        self._expected = b""
        # At a server what the response to the request heard last begins with; None at the very begin.
        self._response: bytes | None = None
        self._looked_at = 0
        self._aligned = self._in_one_piece = True
        self._noise_in_a_row = 0
        self._echo.clear()
        self.failure: ProtocolError | None = None

    @property
    def partial(self) -> int:
        """How many bytes of an unfinished frame are kept; at most 255."""
        return len(self._buffer)

    def pack(self, adu: Adu) -> bytes:
        """The bytes of *adu*; its transaction is left out."""
        body = bytes((adu.unit,)) + adu.pdu
        frame = body + crc16(body).to_bytes(2, "little")
        if self._side is Side.CLIENT:
            self._begin_anew()
            self._expected = body[:2]
        self._response = b""
        self._echo.sent(frame, adu.pdu)
        return frame

    def unpack(self, data: bytes) -> list[Adu]:
        """The ADUs that *data* completes, in order; an unfinished rest is kept for the next call."""
        adus: list[Adu] = []
        # A piece at a time keeps the buffer small, and leaving out a byte cheap.
        for start in range(0, len(data), LONGEST):
            if self.failure is None:
                self._in_one_piece = not self._buffer
                self._buffer += data[start : start + LONGEST]
                adus += self._take()
        return adus

    def silence(self) -> list[Adu]:
        """The line was silent for 3.5 characters or more: what is here is all; gives the ADUs in it.

        The rest is dropped. A frame whose content and length do not agree is found only here.
        """
        adus: list[Adu] = []
        self._in_one_piece = True
        while len(self._buffer) >= SHORTEST and self.failure is None:
            if self._left_echo():
                continue
            end = self._end_of_all()
            if end > 0:
                adus += self._accept(end)
            else:
                self._skip_one()
        self._begin_anew()
        return adus

    def _take(self) -> list[Adu]:
        adus: list[Adu] = []
        while len(self._buffer) >= SHORTEST and self.failure is None:
            if self._left_echo():
                continue
            start, end = 0, self._frame_at_start()
            if end == _NONE:
                self._skip_one()
                continue
            if end == _MAYBE:
                start, end = self._further_on()
            if end == _WAIT:
                break
            self.crc_errors += start > 0 and self._aligned
            self._drop(start)
            adus += self._accept(end - start)
        return adus

    def _left_echo(self) -> bool:
        if not self._echo.begins(self._buffer):
            return False
        self.echoes += 1
        self._keep_from(self._echo.size)
        return True

    def _frame_at_start(self) -> int:
        awaited = self._end(0, self._side.awaited)
        if awaited > 0 or (awaited == _WAIT and self._is_sure(0)):
            return awaited
        foreign = self._end(0, self._side.foreign)
        if foreign == _WAIT and self._is_response_expected():
            return _WAIT
        return foreign if foreign > 0 or _WAIT not in (awaited, foreign) else _MAYBE

    def _further_on(self) -> tuple[int, int]:
        """Begin and end of the first frame that does not begin at once: a sure one, or at a server any."""
        places, looked_at = self._places(), self._looked_at
        for start in places:
            sure = self._is_sure(start)
            if sure or self._side is Side.SERVER:
                end = self._end(start, self._side.awaited, looked_at)
                if end > 0 or (sure and end == _WAIT):
                    return start, end
            if self._side is Side.SERVER:
                end = self._end(start, self._side.foreign, looked_at)
                if end > 0:
                    return start, end
        if places.start == 1:
            self._looked_at = len(self._buffer)
        return 0, _WAIT

    def _places(self) -> range:
        """Where another frame may begin.

        At the very begin of a stream the response of another may come whose request was not heard. What it
        has in it is no request, but one that follows at once where a request ends whose check is wrong.
        """
        size = self._side.awaited(self._buffer, 1)
        if self._aligned and self._response is None and size and size + 3 <= len(self._buffer):
            return range(size + 3, size + 4)
        return range(1, len(self._buffer) - SHORTEST + 1)

    def _end_of_all(self) -> int:
        size = checked_length(self._buffer[:LONGEST])
        if size and not any(self._buffer[size:]):
            return size
        return max(self._end(0, self._side.awaited), 0) or self._end(0, self._side.foreign)

    def _end(self, start: int, length: Length, beyond: int = 0) -> int:
        """Where the frame ends that begins at *start* and is right, *beyond* the known; _WAIT, or _NONE."""
        size = length(self._buffer, start + 1)
        if size is None:
            return _WAIT
        if size == UNTOLD:
            return self._tried_end(start)
        end = start + size + 3
        if size > LONGEST_PDU or end <= beyond:
            return _NONE
        if end > len(self._buffer):
            return _WAIT
        return end if crc16(self._buffer[start:end]) == 0 else _NONE

    def _tried_end(self, start: int) -> int:
        # By chance a CRC fits at one of 65,536 places: only where a frame really should begin. And the check
        # of one frame in 256 fits a byte too early: only where the rest is there.
        if not (self._aligned and start == 0) and not self._is_expected(start):
            return _NONE
        size = checked_length(self._buffer[start : start + LONGEST]) if self._in_one_piece else 0
        if size:
            return start + size
        return _WAIT if len(self._buffer) - start < LONGEST else _NONE

    def _is_sure(self, start: int) -> bool:
        """Whether what begins at *start* is so likely a frame that the rest of it is waited for."""
        if self._side is Side.CLIENT:
            return self._is_expected(start)
        begins = self._aligned and start == 0 and self._side.awaited(self._buffer, 1) != UNTOLD
        agreed = agrees(self._buffer, start + 1)
        return begins if agreed is None else agreed

    def _is_response_expected(self) -> bool:
        return self._aligned and bool(self._response) and self._buffer.startswith(self._response or b"")

    def _is_expected(self, start: int) -> bool:
        begin = self._buffer[start : start + 2]
        return len(begin) == 2 and bytes((begin[0], begin[1] & 0x7F)) == self._expected

    def _accept(self, size: int) -> list[Adu]:
        unit, pdu = self._buffer[0], self._buffer[1 : size - 2]
        self._keep_from(size)
        foreign = self._side.is_foreign(pdu)
        if self._side is Side.SERVER:
            self._response = b"" if foreign else bytes((unit,)) + begin_of_response(pdu)
        if foreign:
            self.foreign += 1
            return []
        return [Adu(unit, pdu)]

    def _keep_from(self, size: int) -> None:
        """The first *size* bytes were a frame."""
        self._buffer = self._buffer[size:]
        self._looked_at = 0
        self._aligned = True
        self._noise_in_a_row = 0

    def _skip_one(self) -> None:
        self.crc_errors += self._aligned or self._is_expected(0)
        self._drop(1)
        self._aligned = False

    def _drop(self, count: int) -> None:
        self._buffer = self._buffer[count:]
        self._looked_at = max(0, self._looked_at - count)
        self.noise += count
        self._noise_in_a_row += count
        if self._noise_in_a_row > MOST_NOISE:
            self._buffer = b""
            self.failure = ProtocolError(no_frame("RTU"))

    def _begin_anew(self) -> None:
        """What comes next is the begin of a frame, whatever is here."""
        self.noise += len(self._buffer)
        self._buffer = b""
        self._looked_at = 0
        self._aligned = True
