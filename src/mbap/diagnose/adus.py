"""ADUs out of one direction of a connection, also when it is joined in the middle or has gaps."""

from __future__ import annotations

import struct
from typing import Final

from mbap.protocol.adu import Adu
from mbap.protocol.checksum import checked_length, crc16
from mbap.protocol.pdu.base import request_class
from mbap.protocol.tcp import TcpFraming

_SHORTEST, LONGEST = 2, 254
_SHORTEST_RTU, _LONGEST_RTU = 4, 256
_FOLLOWING: Final = (b"\0\0", b"\0", b"")
"""What can be the protocol of the ADU behind one."""


class AduReader:
    """Follows the ADUs of one direction, or RTU frames where its first bytes are one, as gateways send them.

    Attributes:
        foreign: bytes that belong to no ADU.
        steady: what comes next, without a gap, begins an ADU.
    """

    __slots__ = ("_frames", "_framing", "_lost", "_numbered", "foreign", "steady")

    def __init__(self) -> None:
        self._framing = TcpFraming()
        self._frames: _RtuFrames | None = None
        self._lost = False
        self._numbered = False  # ADUs with a header were found
        self.foreign = 0
        self.steady = True

    def take(self, data: bytes, *, after_gap: bool = False) -> list[Adu]:
        """The ADUs that *data* completes; *after_gap*: bytes before it are missing."""
        if not self._numbered and self._frames is None and is_rtu(data):
            self._frames, self.steady = _RtuFrames(), False
        if self._frames is not None:
            found, foreign = self._frames.take(data, after_gap=after_gap)
            self.foreign += foreign
            return found
        if after_gap or self._lost:
            self.foreign += self._framing.partial
            self._framing = TcpFraming()
            begin = plausible_start(data)
            self._lost = begin is None
            self.foreign += len(data) if begin is None else begin
            self.steady = begin is not None
            if begin is None:
                return []
            data = data[begin:]
        framing = self._framing
        had = framing.partial
        adus = framing.unpack(data)
        self._numbered = self._numbered or bool(adus)
        if framing.failure is not None:
            # Where the next one begins is not known any more: a later piece may tell.
            self.foreign += had + len(data) - sum(len(adu.pdu) + 7 for adu in adus)
            self._lost = True
        self.steady = framing.fresh and not self._lost
        return adus


def is_rtu(data: bytes) -> bool:
    """Whether *data* is an RTU frame: its CRC is right."""
    return _SHORTEST_RTU <= len(data) <= _LONGEST_RTU and not crc16(data)


class _RtuFrames:
    """RTU frames over TCP: a segment each as a rule, but also cut and several in a row."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes, *, after_gap: bool) -> tuple[list[Adu], int]:
        """The frames that *data* completes, and how many bytes belong to none."""
        foreign = len(self._rest) if after_gap else 0
        rest, found = data if after_gap else self._rest + data, list[Adu]()
        while size := checked_length(rest[:_LONGEST_RTU]):
            found.append(Adu(rest[0], rest[1 : size - 2], None))
            rest = rest[size:]
        if len(rest) > _LONGEST_RTU:
            rest, foreign = b"", foreign + len(rest)
        self._rest = rest
        return found, foreign


def plausible_start(data: bytes) -> int | None:
    """Where in *data* an ADU can begin: protocol 0, a possible length, a function that exists."""
    at = data.find(b"\0\0", 2)
    while at != -1 and at + 6 <= len(data):
        if _plausible(data, at - 2):
            return at - 2
        at = data.find(b"\0\0", at + 1)
    return None


def _plausible(data: bytes, at: int) -> bool:
    _, protocol, length = struct.unpack_from(">HHH", data, at)
    if protocol or not _SHORTEST <= length <= LONGEST:
        return False
    end = at + 6 + length
    if data[end + 2 : end + 4] not in _FOLLOWING:
        return False
    function = data[at + 7] if at + 7 < len(data) else 0
    if not at and end <= len(data):
        return function != 0
    return (length == 3 and function > 0x80) or request_class(function) is not None
