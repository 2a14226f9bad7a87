"""The RTU framing for who only listens: requests and responses of others, told by their lengths and CRC."""

from __future__ import annotations

from typing import Final

from mbap.protocol.adu import Adu
from mbap.protocol.checksum import checked_length, crc16
from mbap.protocol.pdu.lengths import LONGEST_PDU, UNTOLD, Length, request_length, response_length

SHORTEST: Final = 4
LONGEST: Final = 256
_BOTH: Final = (request_length, response_length)


class BusFraming:
    """Takes the traffic of a bus apart into frames, whoever sent them.

    Where what is here can be no frame, bytes are left out until one begins. A frame whose function code is of
    no standard is found when the line is silent.

    Attributes:
        noise: bytes that were in no frame.
        crc_errors: how often something else stood where a frame should begin.
    """

    __slots__ = ("_aligned", "_buffer", "crc_errors", "noise")

    def __init__(self) -> None:
        self.noise = self.crc_errors = 0
        self._buffer = b""
        self._aligned = True

    @property
    def partial(self) -> int:
        """How many bytes of an unfinished frame are kept; at most 256."""
        return len(self._buffer)

    def unpack(self, data: bytes) -> list[Adu]:
        """The frames that *data* completes, in order; an unfinished rest is kept for the next call."""
        adus: list[Adu] = []
        for start in range(0, len(data), LONGEST):
            self._buffer += data[start : start + LONGEST]
            adus += self._take(at_end=False)
        return adus

    def silence(self) -> list[Adu]:
        """The line was silent: what is here is all; gives the frames in it and leaves out the rest."""
        adus = self._take(at_end=True)
        self._skip(len(self._buffer))
        self._aligned = True
        return adus

    def _take(self, *, at_end: bool) -> list[Adu]:
        adus: list[Adu] = []
        while len(self._buffer) >= SHORTEST:
            size = self._size()
            if size is None and at_end:
                size = checked_length(self._buffer[:LONGEST])
            if size is None:
                break
            if size:
                adus.append(Adu(self._buffer[0], self._buffer[1 : size - 2]))
                self._buffer = self._buffer[size:]
                self._aligned = True
            else:
                self._skip(1)
        return adus

    def _size(self) -> int | None:
        """How long the frame is that is here: 0 where none is, None where it may still be growing."""
        sizes = [self._size_by(length) for length in _BOTH]
        found = [size for size in sizes if size]
        if found:
            return min(found)
        return None if None in sizes and len(self._buffer) < LONGEST else 0

    def _size_by(self, length: Length) -> int | None:
        size = length(self._buffer, 1)
        if size is None or size == UNTOLD:
            return None
        if size > LONGEST_PDU:
            return 0
        end = size + 3
        if end > len(self._buffer):
            return None
        return 0 if crc16(self._buffer[:end]) else end

    def _skip(self, count: int) -> None:
        self.crc_errors += bool(count) and self._aligned
        self._aligned = not count and self._aligned
        self._buffer = self._buffer[count:]
        self.noise += count
