"""How many parity and framing errors a Linux driver has counted on a port: one ioctl."""

from __future__ import annotations

import struct
import sys
from typing import Final, Protocol

_TIOCGICOUNT: Final = 0x545D
_LAYOUT: Final = struct.Struct("@20i")
"""struct serial_icounter_struct: cts, dsr, rng, dcd, rx, tx, frame, overrun, parity, break, reserved."""
_FRAME, _PARITY = 6, 8


class Port(Protocol):
    """An open port."""

    def fileno(self) -> int: ...


def line_faults(port: Port) -> int | None:
    """The errors so far; None where the system or the driver does not count them."""
    if not sys.platform.startswith("linux"):
        return None
    import fcntl

    try:
        counts = _LAYOUT.unpack(fcntl.ioctl(port.fileno(), _TIOCGICOUNT, bytes(_LAYOUT.size)))
    except OSError:
        return None
    return int(counts[_FRAME] + counts[_PARITY])
