"""What the framings of serial lines share: who may send what, own frames that come back, and giving up."""

from __future__ import annotations

from enum import Enum
from typing import Final

from mbap.protocol.pdu.lengths import UNTOLD, Length, request_length, response_length

MOST_NOISE: Final = 4096
"""So many bytes in a row without a frame, and this cannot be the framing of what is on the line."""


def no_frame(framing: str) -> str:
    """Why a stream of noise cannot be followed."""
    return (
        f"the stream cannot be followed: {MOST_NOISE} bytes without one {framing} frame;"
        " check framing, speed and parity"
    )


class Side(Enum):
    """Which end of the conversation a framing is at, for those that have to know what may come."""

    CLIENT = "client"
    SERVER = "server"
    LISTENER = "listener"
    """At none: it hears both."""

    @property
    def awaited(self) -> Length:
        """The length of what is to come: responses at a client, requests at a server."""
        return response_length if self is Side.CLIENT else request_length

    @property
    def foreign(self) -> Length:
        """The length of what others on the same line may send."""
        return request_length if self is Side.CLIENT else response_length

    def is_foreign(self, pdu: bytes) -> bool:
        """Whether *pdu* is of the other kind, and cannot be of the awaited one."""
        if self is Side.LISTENER:
            return False
        awaited = self.awaited(pdu, 0)
        return awaited != len(pdu) and self.foreign(pdu, 0) == len(pdu)


class Echo:
    """Tells the own frame that comes back, as on a two-wire line whose sender hears itself.

    Some answers equal their request, and then only the number of frames tells. So an echo counts on being
    told, or on having been seen with a frame that cannot be an answer; until then such a frame is taken as
    the answer.

    Attributes:
        present: whether there is one; None as long as nobody knows.
    """

    __slots__ = ("_awaited", "_due", "_frame", "_told", "_unlike", "present")

    def __init__(self, side: Side, told: bool | None) -> None:
        self._awaited = side.awaited
        self._told = told
        self.clear()

    def clear(self) -> None:
        """Nothing was sent yet."""
        self.present = self._told
        self._frame = b""
        self._due = self._unlike = False

    def sent(self, frame: bytes, pdu: bytes) -> None:
        """*frame* went out, with *pdu* in it."""
        self._frame = frame
        self._due = True
        self._unlike = self._awaited(pdu, 0) not in (len(pdu), UNTOLD)

    def begins(self, data: bytes) -> bool:
        """Whether *data* begins with the echo, which is then done with."""
        if not self._frame or self._told is False or not data.startswith(self._frame):
            return False
        if self._unlike:
            self.present = True
        elif not (self.present and self._due):
            return False
        self._due = False
        return True

    @property
    def size(self) -> int:
        """How long the echo is."""
        return len(self._frame)
