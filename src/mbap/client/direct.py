"""The direct way of a blocking client: send, receive, compare, with no more system calls than that takes.

It is open where nothing else is on its way, to a device that answered well last. Whatever happens otherwise
(silence, a lost connection, an answer that is another) goes on in the `Exchange`, as if it had sent the
requests itself.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, Final, TypeVar

from mbap.client.options import LinkOptions
from mbap.protocol.client import ClientSession
from mbap.protocol.direct import OTHERWISE, Otherwise, answer, answers, frame
from mbap.protocol.pdu.base import Request
from mbap.protocol.tcp import TcpFraming
from mbap.transport.opening import Wire

R = TypeVar("R")

FIRST_WAIT: Final = 0.005
"""Seconds that the system itself waits for bytes, which saves asking it twice for each answer.

It is short because a signal makes this wait begin anew. Who answers later is waited for as `settimeout` does
it, whose time goes on.
"""
_ENOUGH: Final = 512
_MANY: Final = 65536
_NOT_WAITING: Final = getattr(socket, "MSG_DONTWAIT", 0)


Lent = tuple[
    Callable[[int], object], Callable[[bytes, int], int], Callable[[int], bytes], Callable[[], object]
]
"""What the direct way uses of a wire: what tells at once whether something may be read; what sends, without
waiting for long, and gives how much; what receives, and raises `BlockingIOError` after a moment; and what
makes the wire wait like that until its timeout is set again."""


def direct_way(wire: Wire, session: ClientSession, options: LinkOptions) -> Direct | None:
    """The direct way over *wire*; None where there is none, or the device needs more care."""
    if type(session.framing) is not TcpFraming or not options.plain or not _NOT_WAITING:
        return None
    try:
        if isinstance(wire, socket.socket):
            return Direct(_plain(wire), session)
        lent: Callable[[float], Lent] | None = getattr(wire, "lent", None)
        return None if lent is None else Direct(lent(FIRST_WAIT), session)
    except (OSError, AttributeError):
        return None


def _plain(wire: socket.socket) -> Lent:
    import select

    seconds, microseconds = 0, int(FIRST_WAIT * 1e6)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", seconds, microseconds))
    looking = select.poll()
    looking.register(wire, select.POLLIN)
    return looking.poll, wire.send, wire.recv, partial(wire.settimeout, None)


class Direct:
    """Sends on a wire that the `Exchange` lends, while nothing else is on its way.

    Attributes:
        sent: how many of the requests were sent; the last ones in part, where `unsent` has the rest.
        sent_at: when each was. first: the number of the first. answered: how many got their answers.
        came: what came and answers none of them: bytes, none at the end of the connection, or an error. None
            where nothing came.
    """

    __slots__ = (
        "_begin",
        "_look",
        "_receive",
        "_send",
        "_session",
        "answered",
        "came",
        "first",
        "sent",
        "sent_at",
        "unsent",
    )

    def __init__(self, lent: Lent, session: ClientSession) -> None:
        self._look, self._send, self._receive, self._begin = lent
        self._session = session
        self.came: bytes | OSError | None = None
        self.unsent = b""
        self.sent = self.first = self.answered = 0
        self.sent_at: list[float] = []

    def borrow(self) -> None:
        """From now on the wire waits by itself."""
        self._begin()

    def number(self, at: int) -> int:
        """The transaction identifier of the request at that index."""
        return (self.first + at - 1) % 0xFFFF + 1

    def ask(self, request: Request[R], unit: int) -> R | Otherwise:
        """The result of *request*; where it is another, the attributes say how far it went."""
        self.sent = self.answered = 0
        if self._look(0):
            return OTHERWISE  # the end of the connection, or something late
        session = self._session
        number = session.next_numbers(1)
        data = frame(request, unit, number)
        now = monotonic()
        try:
            sent = self._send(data, _NOT_WAITING)
        except OSError:
            return OTHERWISE
        came: bytes | OSError | None = None
        if sent == len(data):
            try:
                came = self._receive(_ENOUGH)
            except OSError as problem:
                came = None if isinstance(problem, BlockingIOError) else problem
            else:
                result = answer(came, request, unit, number)
                if result is not OTHERWISE:
                    session.answers += 1
                    return result
        self.sent, self.first, self.sent_at, self.unsent, self.came = 1, number, [now], data[sent:], came
        return OTHERWISE

    def ask_many(self, requests: Sequence[Request[R]], unit: int, room: int, timeout: float) -> list[R]:
        """The results of *requests*, *room* of them on their way at once.

        Where they are not all, the attributes say how far it went.
        """
        results: list[R] = []
        self.sent, self.answered, self.came, self.unsent, self.sent_at = 0, 0, None, b"", []
        if self._look(0):
            return results
        self.first = first = self._session.next_numbers(len(requests))
        count, rest = len(requests), b""
        while (done := len(results)) < count:
            if not self._send_up_to(min(done + room, count), requests, unit):
                break
            try:
                came = self._receive(_MANY)
            except OSError as problem:
                self.came = (rest or None) if isinstance(problem, BlockingIOError) else problem
                break
            rest += came
            rest = rest[answers(rest, requests, unit, first, results, self.sent) :]
            if len(results) == done or self._is_late(len(results), timeout):
                self.came = rest
                break
        self.answered = len(results)
        self._session.answers += len(results)
        return results

    def _is_late(self, done: int, timeout: float) -> bool:
        return done < self.sent and monotonic() >= self.sent_at[done] + timeout

    def _send_up_to(self, last: int, requests: Sequence[Request[Any]], unit: int) -> bool:
        """Send those that may be on their way; False where not all of it went."""
        sent, first = self.sent, self.first
        if sent == last:
            return True
        numbers = range(first + sent - 1, first + last - 1)
        frames = [
            frame(request, unit, number % 0xFFFF + 1)
            for request, number in zip(requests[sent:last], numbers, strict=True)
        ]
        data, went = b"".join(frames), 0
        self.sent_at += [monotonic()] * len(frames)
        try:
            went = self._send(data, _NOT_WAITING)
        except OSError as problem:
            self.came = None if isinstance(problem, BlockingIOError) else problem
        if went:
            self.sent, self.unsent = last, data[went:]
        return went == len(data)
