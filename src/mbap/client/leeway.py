"""The quirks of one device at work: what a session forgives, with each use counted and logged once."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from mbap.client.quirks import Quirks
from mbap.errors import IllegalDataAddress, ModbusError, ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.client import AnyTransaction
from mbap.protocol.pdu import Request
from mbap.protocol.pdu.lengths import LONGEST_PDU, UNTOLD, response_length
from mbap.protocol.tcp import HEADER, LONGEST, SHORTEST, TcpFraming
from mbap.protocol.wire import Registers

R = TypeVar("R")


class Leeway:
    """What *quirks* allow the device at *endpoint*: the `Leniency` of its sessions.

    Attributes:
        counts: how often each quirk that was needed was needed, by its name.
    """

    __slots__ = ("_endpoint", "counts", "in_order", "quirks")

    def __init__(self, quirks: Quirks, endpoint: str) -> None:
        self.quirks = quirks
        self.in_order = bool(quirks.transaction)
        self.counts: dict[str, int] = {}
        self._endpoint = endpoint

    def used(self, quirk: str) -> None:
        """*quirk* made a difference: count it, and log the first time."""
        self.counts[quirk] = count = self.counts.get(quirk, 0) + 1
        if count == 1:
            import logging

            logging.getLogger(__name__).info("%s: the quirk %s was needed", self._endpoint, quirk)

    def number_fits(self, got: int, asked: int) -> bool:
        """Zero, or any, as the quirk says."""
        fits = self.quirks.transaction == "own" or (self.quirks.transaction == "zero" and got == 0)
        if fits:
            self.used("transaction")
        return fits

    def unit_fits(self, got: int, asked: int) -> bool:
        """The one of the quirk, or any."""
        fits = self.quirks.answer_unit in (got, "any")
        if fits:
            self.used("answer_unit")
        return fits

    def decode(self, request: Request[R], pdu: bytes, error: ProtocolError) -> R:
        """Fewer registers than were asked for, where that is allowed."""
        if not self.quirks.short_answers or not _is_short_answer(request, pdu):
            raise error
        self.used("short_answers")
        return cast("R", Registers(pdu[2:]))

    def silence(self, transaction: AnyTransaction) -> ModbusError | None:
        """An address that does not exist, where that is how the device says it."""
        if not self.quirks.silence_is_illegal_address or transaction.request.writes:
            return None
        self.used("silence_is_illegal_address")
        error = IllegalDataAddress()
        error.args = (
            f"no answer within {transaction.timeout:g} s, which is this device's illegal data address",
        )
        return error


def _is_short_answer(request: Request[Any], pdu: bytes) -> bool:
    from mbap.protocol.pdu import ReadHoldingRegisters, ReadInputRegisters

    if not isinstance(request, (ReadHoldingRegisters, ReadInputRegisters)):
        return False
    size = len(pdu) - 2
    return (
        size >= 2
        and pdu[0] == request.function_code
        and pdu[1] == size
        and size % 2 == 0
        and (size < 2 * request.count)
    )


class OverlongFraming(TcpFraming):
    """The framing of a device that says one byte more than it sends: the content tells how long it is."""

    __slots__ = ("_leeway", "_raw")

    def __init__(self, leeway: Leeway) -> None:
        self._leeway = leeway
        super().__init__()

    def clear(self) -> None:
        """Forget what came before."""
        self._raw = b""
        super().clear()

    @property
    def partial(self) -> int:
        """How many bytes of an unfinished ADU are kept."""
        return len(self._raw) + super().partial

    def unpack(self, data: bytes) -> list[Adu]:
        """The ADUs that *data* completes."""
        mended, self._raw = self._mend(self._raw + data)
        return super().unpack(mended)

    def _mend(self, raw: bytes) -> tuple[bytes, bytes]:
        """The whole ADUs at the begin of *raw* with their right length, and the rest."""
        whole, start = b"", 0
        while len(raw) - start >= 8:
            length = HEADER.unpack_from(raw, start)[2]
            if not SHORTEST <= length <= LONGEST:
                return whole + raw[start:], b""  # it fails there
            length = self._right_length(raw, start, length)
            end = start + 6 + length
            if end > len(raw):
                break
            whole += raw[start : start + 4] + length.to_bytes(2, "big") + raw[start + 6 : end]
            start = end
        return whole, raw[start:]

    def _right_length(self, raw: bytes, start: int, length: int) -> int:
        size = response_length(raw, start + 7)
        if size is None or size == UNTOLD or size > LONGEST_PDU or length != size + 2:
            return length
        quirk = "exception_length" if raw[start + 7] & 0x80 else "long_length"
        if not (getattr(self._leeway.quirks, quirk) or self._leeway.quirks.long_length):
            return length
        self._leeway.used(quirk if getattr(self._leeway.quirks, quirk) else "long_length")
        return length - 1
