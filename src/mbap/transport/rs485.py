"""Asking a Linux driver to switch the direction of an RS-485 transceiver: one ioctl."""

from __future__ import annotations

import errno
import struct
import sys
from typing import Final

_TIOCSRS485: Final = 0x542F
_ENABLED, _RTS_ON_SEND = 1, 2
_LAYOUT: Final = struct.Struct("@8I")
"""struct serial_rs485: flags, delays before and after sending in milliseconds, and what is reserved."""


class DirectionRefused(OSError):
    """The system or the driver cannot switch the direction."""


def switch_direction(descriptor: int) -> None:
    """Have the driver of *descriptor* drive RTS while it sends.

    Raises:
        DirectionRefused: the system or the driver cannot.
    """
    if not sys.platform.startswith("linux"):
        raise DirectionRefused(errno.ENOTSUP, "switching the direction with rs485=on works on Linux only")
    import fcntl

    try:
        fcntl.ioctl(descriptor, _TIOCSRS485, _LAYOUT.pack(_ENABLED | _RTS_ON_SEND, 0, 0, 0, 0, 0, 0, 0))
    except OSError as problem:
        raise DirectionRefused(problem.errno, "the driver cannot switch the direction") from problem
