"""What a server allows its clients, and what it has counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WhenFull = Literal["refuse", "drop_idle"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a server takes upon itself; each has a rule for when it is reached.

    Attributes:
        max_connections: more are refused, or make room for themselves, as *when_full* says.
        when_full: `refuse` closes the new connection at once; `drop_idle` closes the one that has been
            quiet for longest and has no request open, and refuses when there is none.
        idle_timeout: seconds without a complete request after which a connection is closed; None: never.
        stalled_timeout: seconds a client may leave answers unread before its connection is closed.
        open_requests: how many requests of one connection may wait for an awaitable; reading pauses there.
        read_size: bytes read from one connection in a turn of the loop, so that nobody starves the others.
        write_buffer: unread bytes of answers at which reading from the connection pauses.

    Raises:
        ValueError: a limit is not positive.
    """

    max_connections: int = 256
    when_full: WhenFull = "refuse"
    idle_timeout: float | None = 600.0
    stalled_timeout: float = 30.0
    open_requests: int = 64
    read_size: int = 4096
    write_buffer: int = 65_536

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, (int, float)) and value <= 0:
                raise ValueError(f"{name} must be more than 0, not {value}")
        if self.when_full not in ("refuse", "drop_idle"):
            raise ValueError(f"when_full is 'refuse' or 'drop_idle', not {self.when_full!r}")


@dataclass(slots=True)
class ServerStatistics:
    """What a server has counted since it was made.

    Attributes:
        connections: open now.
        accepted, refused: connections taken, and turned away because there were too many.
        dropped: quiet connections that made room for new ones.
        closed_idle, closed_stalled: ended by `idle_timeout` and `stalled_timeout`.
        closed_unreadable: ended because what came was not Modbus TCP.
        requests: complete requests that came in, well formed or not.
        answers, exceptions: normal responses and exception responses sent.
        unanswered: requests left without an answer, by a handler's wish or because the client was gone.
        handler_failures: errors in a handler that were none of `mbap.errors`; answered with exception 04.
    """

    connections: int = 0
    accepted: int = 0
    refused: int = 0
    dropped: int = 0
    closed_idle: int = 0
    closed_stalled: int = 0
    closed_unreadable: int = 0
    requests: int = 0
    answers: int = 0
    exceptions: int = 0
    unanswered: int = 0
    handler_failures: int = 0
