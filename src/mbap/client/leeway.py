"""The quirks of one device at work: what a session forgives, with each use counted and logged once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, cast

from mbap.client.quirks import OF_CONNECTION, Quirks
from mbap.errors import IllegalDataAddress, ModbusError, ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.client import AnyTransaction
from mbap.protocol.framing import Framing
from mbap.protocol.pdu import Request
from mbap.protocol.pdu.lengths import LONGEST_PDU, UNTOLD, response_length
from mbap.protocol.tcp import HEADER, LONGEST, SHORTEST, TcpFraming
from mbap.protocol.wire import Registers

R = TypeVar("R")


class Leeway:
    """What *quirks* allow the device at *endpoint*, *units* those behind it: the `Leniency` of its sessions.

    Attributes:
        quirks: of the connection, and of every unit that has none of its own.
        rewrites: whether some requests are carried out as others.
        forgives: whether some answers are taken that would be wrong otherwise.
    """

    __slots__ = ("_counts", "_endpoint", "_unit", "_units", "forgives", "in_order", "quirks", "rewrites")

    def __init__(
        self, quirks: Quirks, endpoint: str, units: Mapping[int, Quirks] = MappingProxyType({})
    ) -> None:
        every = (quirks, *units.values())
        self.quirks = quirks
        self.in_order = bool(quirks.transaction)
        self.rewrites = any(one.rewrites for one in every)
        self.forgives = any(one.forgives for one in every)
        self._endpoint = endpoint
        self._units = units
        self._unit: int | None = None
        self._counts: dict[tuple[str, int | None], int] = {}

    @property
    def counts(self) -> dict[str, int]:
        """How often each quirk that was needed was needed, by its name."""
        return self._sums(lambda unit: True)

    def counts_of(self, unit: int) -> dict[str, int]:
        """The same for one unit, with those of the connection that all its units share."""
        return self._sums(lambda counted: counted in (None, unit))

    def at(self, unit: int) -> Leeway:
        """What *unit* may do; it counts here."""
        view = Leeway(self._units.get(unit, self.quirks), self._endpoint)
        view._unit, view._counts = unit, self._counts
        return view

    def used(self, quirk: str, unit: int | None = None) -> None:
        """*quirk* made a difference: count it, and log the first time of each unit."""
        key = quirk, None if quirk in OF_CONNECTION else self._unit if unit is None else unit
        self._counts[key] = count = self._counts.get(key, 0) + 1
        if count == 1:
            import logging

            where = self._endpoint if key[1] is None else f"{self._endpoint} unit {key[1]}"
            logging.getLogger(__name__).info("%s: the quirk %s was needed", where, quirk)

    def number_fits(self, got: int, asked: int) -> bool:
        """Zero, or any, as the quirk says."""
        fits = self.quirks.transaction == "own" or (self.quirks.transaction == "zero" and got == 0)
        if fits:
            self.used("transaction")
        return fits

    def unit_fits(self, got: int, asked: int) -> bool:
        """The one of the quirk, or any."""
        fits = self._of(asked).answer_unit in (got, "any")
        if fits:
            self.used("answer_unit", asked)
        return fits

    def decode(self, request: Request[R], unit: int, pdu: bytes, error: ProtocolError) -> R:
        """Fewer registers than were asked for, where that is allowed."""
        if not self._of(unit).short_answers or not _is_short_answer(request, pdu):
            raise error
        self.used("short_answers", unit)
        return cast("R", Registers(pdu[2:]))

    def silence(self, transaction: AnyTransaction) -> ModbusError | None:
        """An address that does not exist, where that is how the device says it."""
        if not self._of(transaction.unit).silence_is_illegal_address or transaction.request.writes:
            return None
        self.used("silence_is_illegal_address", transaction.unit)
        error = IllegalDataAddress()
        error.args = (
            f"no answer within {transaction.timeout:g} s, which is this device's illegal data address",
        )
        return error

    def _of(self, unit: int) -> Quirks:
        return self._units.get(unit, self.quirks)

    def _sums(self, wanted: Callable[[int | None], bool]) -> dict[str, int]:
        sums: dict[str, int] = {}
        for (quirk, unit), count in self._counts.items():
            if wanted(unit):
                sums[quirk] = sums.get(quirk, 0) + count
        return sums


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


class EchoedFraming:
    """*framing* of a line that is known to send everything back, with each echo counted."""

    __slots__ = ("_framing", "_leeway")

    def __init__(self, framing: Framing, leeway: Leeway) -> None:
        self._framing = framing
        self._leeway = leeway

    @property
    def numbered(self) -> bool:
        """As of the framing within."""
        return self._framing.numbered

    @property
    def failure(self) -> ProtocolError | None:
        """As of the framing within."""
        return self._framing.failure

    @property
    def partial(self) -> int:
        """As of the framing within."""
        return self._framing.partial

    @property
    def echoes(self) -> int:
        """How many came back so far."""
        return int(getattr(self._framing, "echoes", 0))

    def clear(self) -> None:
        """Forget what came before."""
        self._framing.clear()

    def pack(self, adu: Adu) -> bytes:
        """The bytes of *adu*."""
        return self._framing.pack(adu)

    def unpack(self, data: bytes) -> list[Adu]:
        """The ADUs that *data* completes, echoes left out."""
        before = self.echoes
        found = self._framing.unpack(data)
        for _ in range(self.echoes - before):
            self._leeway.used("echo")
        return found
