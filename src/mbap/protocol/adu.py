"""One Modbus message, whatever carried it."""

from __future__ import annotations

from typing import NamedTuple


class Adu(NamedTuple):
    """An application data unit: to or from which unit, its PDU, and on TCP its transaction.

    A tuple and not a dataclass because one is made for every message.
    """

    unit: int
    pdu: bytes
    transaction: int | None = None
