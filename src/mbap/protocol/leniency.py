"""What a client may forgive, as its session asks for it."""

from __future__ import annotations

from typing import Protocol, TypeVar

from mbap.errors import ModbusError, ProtocolError
from mbap.protocol.pdu.base import Request
from mbap.protocol.transaction import AnyTransaction

R = TypeVar("R")


class Leniency(Protocol):
    """What a session forgives a device that is known to break the rules."""

    @property
    def in_order(self) -> bool:
        """Transaction identifiers prove nothing: answers are told by their order, so one is on its way."""
        ...

    def number_fits(self, got: int, asked: int) -> bool:
        """Whether transaction *got* may answer *asked*, where identifiers prove nothing."""
        ...

    def unit_fits(self, got: int, asked: int) -> bool:
        """Whether unit *got*, which differs, may answer for unit *asked*."""
        ...

    def decode(self, request: Request[R], unit: int, pdu: bytes, error: ProtocolError) -> R:
        """What *pdu* of *unit*, which *request* refused with *error*, gives anyway; otherwise *error*."""
        ...

    def silence(self, transaction: AnyTransaction) -> ModbusError | None:
        """What it means that a unit, which answered before, does not answer; None: nothing special."""
        ...
