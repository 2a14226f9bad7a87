"""The framing of Modbus TCP: the MBAP header (Messaging on TCP/IP V1.0b, 3.1.3)."""

from __future__ import annotations

import struct

from mbap.errors import ProtocolError
from mbap.protocol.adu import Adu

HEADER = struct.Struct(">HHHB")
SHORTEST, LONGEST = 2, 254
"""What the length field may say: the unit identifier and a PDU of 1 to 253 bytes."""
FOREIGN_IN_A_ROW = 3


class TcpFraming:
    """Packs ADUs into bytes and takes a stream of bytes apart into ADUs, however it was cut.

    An ADU whose protocol identifier is not 0 is left out by its length; three in a row, or a length field
    that cannot be, end it: there is no way to find the next ADU. `failure` then says why, and nothing more
    comes out.

    Attributes:
        foreign: how many ADUs of another protocol were left out.
        failure: why the stream cannot be followed any more; None while it can.
    """

    __slots__ = ("_buffer", "_foreign_in_a_row", "failure", "foreign")

    numbered = True
    """Every ADU carries a transaction identifier, so several may be on their way."""

    def __init__(self) -> None:
        self.foreign = 0
        self.clear()

    def clear(self) -> None:
        """Forget what came before: a new connection begins."""
        self._buffer = b""
        self._foreign_in_a_row = 0
        self.failure: ProtocolError | None = None

    @property
    def partial(self) -> int:
        """How many bytes of an unfinished ADU are kept; at most 259."""
        return len(self._buffer)

    @property
    def fresh(self) -> bool:
        """Whether what comes next is taken as if nothing had come before."""
        return not self._buffer and not self._foreign_in_a_row and self.failure is None

    def pack(self, adu: Adu) -> bytes:
        """The bytes of *adu*."""
        return HEADER.pack(adu.transaction or 0, 0, len(adu.pdu) + 1, adu.unit) + adu.pdu

    def unpack(self, data: bytes) -> list[Adu]:
        """The ADUs that *data* completes, in order; an unfinished rest is kept for the next call."""
        if self.failure is not None:
            return []
        if self._buffer:
            data = self._buffer + data
        adus: list[Adu] = []
        start = 0
        while len(data) - start >= 7:
            transaction, protocol, length, unit = HEADER.unpack_from(data, start)
            if not SHORTEST <= length <= LONGEST:
                return self._fail(adus, f"the length field says {length}, and 2 to 254 is possible")
            end = start + 6 + length
            if end > len(data):
                break
            if protocol == 0:
                self._foreign_in_a_row = 0
                adus.append(Adu(unit, data[start + 7 : end], transaction))
            elif self._is_too_foreign(protocol):
                return self._fail(
                    adus, f"the protocol identifier is {protocol}, not 0: this is not Modbus TCP"
                )
            start = end
        self._buffer = data[start:]
        return adus

    def _is_too_foreign(self, protocol: int) -> bool:
        self.foreign += 1
        self._foreign_in_a_row += 1
        return self._foreign_in_a_row >= FOREIGN_IN_A_ROW

    def _fail(self, adus: list[Adu], why: str) -> list[Adu]:
        self._buffer = b""
        self.failure = ProtocolError(f"the stream cannot be followed: {why}")
        return adus
