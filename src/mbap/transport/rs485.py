"""Asking a Linux driver to switch the direction of an RS-485 transceiver: one ioctl."""

from __future__ import annotations

import errno
import struct
import sys
from typing import Final

_TIOCSRS485: Final = 0x542F
_ENABLED, _RTS_ON_SEND, _RTS_AFTER_SEND = 1, 2, 4
_LAYOUT: Final = struct.Struct("@8I")
"""struct serial_rs485: flags, delays before and after sending in milliseconds, and what is reserved."""


class DirectionRefused(OSError):
    """The system or the driver cannot switch the direction."""


def request_for(*, inverted: bool) -> bytes:
    """What the driver is given: RTS on while it sends, or *inverted* only behind that."""
    return _LAYOUT.pack(_ENABLED | (_RTS_AFTER_SEND if inverted else _RTS_ON_SEND), 0, 0, 0, 0, 0, 0, 0)


def switch_direction(descriptor: int, *, inverted: bool = False) -> None:
    """Have the driver of *descriptor* drive RTS while it sends, or *inverted* while it does not.

    Raises:
        DirectionRefused: the system or the driver cannot.
    """
    if not sys.platform.startswith("linux"):
        raise DirectionRefused(errno.ENOTSUP, "switching the direction with rs485=on works on Linux only")
    import fcntl

    try:
        fcntl.ioctl(descriptor, _TIOCSRS485, request_for(inverted=inverted))
    except OSError as problem:
        raise DirectionRefused(problem.errno, "the driver cannot switch the direction") from problem
