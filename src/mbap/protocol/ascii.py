"""The ASCII framing: a colon, unit, PDU and LRC as hexadecimal digits, carriage return and line feed.

Serial Line V1.02, 2.5.2.
"""

from __future__ import annotations

from binascii import unhexlify
from typing import Final

from mbap.errors import ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.checksum import lrc
from mbap.protocol.sides import MOST_NOISE, Echo, Side, no_frame

LONGEST: Final = 513
"""Colon, 2 x (unit, PDU of 253 bytes, LRC), carriage return, delimiter; the colon is where a frame begins."""
LINE_FEED: Final = b"\n"
_SHORTEST_BODY: Final = 3
_NO_DELIMITER: Final = frozenset(b":\r0123456789ABCDEFabcdef")


class AsciiFraming:
    """Packs ADUs into ASCII frames and takes a stream of bytes apart into ADUs, however it was cut.

    A colon begins a frame anew wherever it stands; what is before it is noise. Digits may be small letters.

    Attributes:
        noise: bytes that were in no frame.
        malformed: frames that had an odd number of digits, something else than digits, or a wrong length.
        lrc_errors: frames whose check was wrong.
        foreign: requests of other clients, or at a server the responses of others, that were left out.
        echoes: own frames that came back and were left out.
        failure: set after 4,096 bytes in a row without a frame: wrong speed, or not ASCII at all.
    """

    __slots__ = (
        "_buffer",
        "_delimiter",
        "_echo",
        "_noise_in_a_row",
        "_side",
        "echoes",
        "failure",
        "foreign",
        "lrc_errors",
        "malformed",
        "noise",
    )

    numbered = False
    """Nothing but the order tells which request an answer is for, so one may be on its way."""

    def __init__(
        self, side: Side = Side.CLIENT, *, delimiter: bytes = LINE_FEED, echo: bool | None = None
    ) -> None:
        """*delimiter* ends a frame after the carriage return; *echo* says whether own frames come back.

        Raises:
            ValueError: *delimiter* is not one byte, or one that a frame has in it.
        """
        self.noise = self.malformed = self.lrc_errors = self.foreign = self.echoes = 0
        self._side = side
        self._echo = Echo(side, echo)
        self.delimiter = delimiter
        self.clear()

    @property
    def delimiter(self) -> bytes:
        """The byte after the carriage return, which a device changes when function 8/3 asks it to."""
        return self._delimiter

    @delimiter.setter
    def delimiter(self, delimiter: bytes) -> None:
        if len(delimiter) != 1 or delimiter[0] in _NO_DELIMITER:
            raise ValueError(f"a delimiter is one byte that is not in a frame otherwise, not {delimiter!r}")
        self._delimiter = delimiter

    def clear(self) -> None:
        """Forget what came before: a new connection begins."""
        self._buffer = b""
        self._noise_in_a_row = 0
        self._echo.clear()
        self.failure: ProtocolError | None = None

    @property
    def partial(self) -> int:
        """How many bytes of an unfinished frame are kept; at most 512."""
        return len(self._buffer)

    def pack(self, adu: Adu) -> bytes:
        """The bytes of *adu*; its transaction is left out."""
        body = bytes((adu.unit,)) + adu.pdu
        digits = (body + bytes((lrc(body),))).hex().upper()
        frame = b":" + digits.encode("ascii") + b"\r" + self._delimiter
        if self._side is Side.CLIENT:
            self._leave(len(self._buffer))
            self._buffer = b""
        self._echo.sent(frame, adu.pdu)
        return frame

    def unpack(self, data: bytes) -> list[Adu]:
        """The ADUs that *data* completes, in order; an unfinished rest is kept for the next call."""
        if self.failure is not None:
            return []
        *lines, rest = (self._buffer + data).split(b"\r" + self._delimiter)
        adus = [adu for line in lines for adu in self._read(line)]
        self._keep(rest)
        return adus

    def _read(self, line: bytes) -> list[Adu]:
        begin = line.rfind(b":")
        if begin < 0:
            self._leave(len(line) + 2)
            return []
        self._leave(begin)
        if self._echo.begins(line[begin:] + b"\r" + self._delimiter):
            self.echoes += 1
            return []
        return self._adu(line[begin + 1 :])

    def _adu(self, digits: bytes) -> list[Adu]:
        body = _body(digits) if len(digits) <= LONGEST - 3 else b""
        if len(body) < _SHORTEST_BODY or lrc(body):
            self.lrc_errors += len(body) >= _SHORTEST_BODY
            self.malformed += len(body) < _SHORTEST_BODY
            self._leave(len(digits) + 3)
            return []
        self._noise_in_a_row = 0
        if self._side.is_foreign(body[1:-1]):
            self.foreign += 1
            return []
        return [Adu(body[0], body[1:-1])]

    def _keep(self, rest: bytes) -> None:
        begin = rest.rfind(b":")
        if begin < 0:
            begin = len(rest) - rest.endswith(b"\r")
        self._leave(begin)
        self._buffer = rest[begin:]
        if len(self._buffer) >= LONGEST:
            self.malformed += 1
            self._leave(len(self._buffer))
            self._buffer = b""

    def _leave(self, count: int) -> None:
        self.noise += count
        self._noise_in_a_row += count
        if self._noise_in_a_row > MOST_NOISE and self.failure is None:
            self.failure = ProtocolError(no_frame("ASCII"))


def _body(digits: bytes) -> bytes:
    """The bytes that *digits* are; none where they are no such."""
    try:
        return unhexlify(digits)
    except ValueError:
        return b""
