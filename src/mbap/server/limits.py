"""What a server allows its clients, and what it has counted."""

from __future__ import annotations

from typing import Literal, get_args

from mbap.records import Record
from mbap.server.networks import Networks

WhenFull = Literal["refuse", "drop_idle"]
Surplus = Literal["busy", "wait"]


class Limits(Record):
    """How much a server takes upon itself; each has a rule for when it is reached.

    Attributes:
        max_connections: more are refused, or make room for themselves, as *when_full* says.
        max_per_address: as many of them from one address; None: as many as there are.
        connect_rate: new connections in a second, over twenty seconds, of addresses that were never answered:
            so many of those that come for the first time in a minute, and so many of the others. Addresses
            that were answered may come ten times as fast; one address takes half of the rate at most. Who
            comes too fast waits for up to a second, or is closed before a byte is read. None: no limit.
        when_full: `refuse` closes the new connection at once; `drop_idle` closes the one that has been
            quiet for longest and has no request open, and refuses when there is none.
        allow: networks whose clients are served, `("192.168.1.0/24", "10.0.0.5")`; others are closed before a
            byte is read. None: all are served.
        idle_timeout: seconds without a request or answer after which a connection is closed; None: never.
        adu_timeout: seconds from a request's first byte within which its last must be here, or the
            connection is closed.
        stalled_timeout: seconds a client may leave answers unread before its connection is closed.
        open_requests: how many requests of one connection may wait for an awaitable.
        surplus: what happens to further ones: `busy` answers them with exception 06 at once, `wait` leaves
            them unread. On a serial line, and over RTU and ASCII, one is open and the others wait.
        read_size: bytes read from one connection in a turn of the loop, so that nobody starves the others.
        write_buffer: unread bytes of answers at which reading from the connection pauses.
        backlog: connections that the operating system may keep until they are accepted; it has a limit of
            its own, too.
        keep: networks whose clients stay: neither `idle_timeout` nor `drop_idle` closes their connections,
            and `connect_rate` is not for them.
        reserved: of *max_connections*, so many are for clients of *keep* alone.
        max_handshakes: over TLS, so many may not yet have proved who they are; one more takes the place of
            the oldest of the address that has most of them.
        handshake_timeout: seconds for a TLS handshake.
        handshake_rate: so many are begun in a second; who comes beyond that waits, unseen.

    Raises:
        ValueError: a limit is not positive, or a network is none; places are reserved for nobody, or all of
            them.
    """

    max_connections: int = 1024
    max_per_address: int | None = None
    connect_rate: float | None = 50.0
    when_full: WhenFull = "refuse"
    allow: tuple[str, ...] | None = None
    idle_timeout: float | None = 120.0
    adu_timeout: float = 5.0
    stalled_timeout: float = 10.0
    open_requests: int = 64
    surplus: Surplus = "busy"
    read_size: int = 4096
    write_buffer: int = 65_536
    backlog: int = 1024
    keep: tuple[str, ...] = ()
    reserved: int = 0
    max_handshakes: int = 128
    handshake_timeout: float = 10.0
    handshake_rate: float = 200.0

    def __post_init__(self) -> None:
        for name in self.__match_args__:
            value = getattr(self, name)
            if isinstance(value, (int, float)) and value <= 0 and name != "reserved":
                raise ValueError(f"{name} must be more than 0, not {value}")
        _expect_one_of("when_full", self.when_full, get_args(WhenFull))
        _expect_one_of("surplus", self.surplus, get_args(Surplus))
        for name, networks in (("allow", self.allow), ("keep", self.keep)):
            if isinstance(networks, str):
                raise ValueError(f"{name} is a tuple of networks: write ({networks!r},)")
            Networks(networks or ())
        _expect_places(self.reserved, self.max_connections, self.keep)


def _expect_places(reserved: int, most: int, keep: tuple[str, ...]) -> None:
    if not 0 <= reserved < most:
        raise ValueError(f"reserved is 0 to {most - 1}, fewer than there may be connections, not {reserved}")
    if reserved and not keep:
        raise ValueError(f"reserved={reserved} needs keep: the networks for whose clients these places are")


def _expect_one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {' or '.join(map(repr, choices))}, not {value!r}")


class ServerStatistics(Record, frozen=False):
    """What a server has counted since it was made.

    Attributes:
        connections: open now.
        accepted: connections that were served.
        refused, refused_per_address: turned away because there were too many, in total or from one address.
        refused_too_fast: turned away because they came too fast, by `connect_rate`.
        forbidden: turned away, or over UDP left unanswered, because their address is not allowed.
        dropped: quiet connections that made room for new ones; over UDP clients that were forgotten so.
        handshakes: over TLS, those that began; handshakes_failed: of these, those that came to no good end.
        handshakes_dropped: of these, those that made room for another.
        accept_failures: how often the operating system could not hand a connection over; it was waited for.
        closed_idle, closed_incomplete, closed_stalled: ended by `idle_timeout`, `adu_timeout` and
            `stalled_timeout`; over UDP clients that were forgotten for being idle.
        closed_unreadable: ended because what came cannot be Modbus.
        closed_revoked, closed_expired: ended because the client's certificate, or one of its issuers', was
            revoked or expired meanwhile.
        resets: ended by the client without a proper end.
        requests: complete requests that came in, well formed or not.
        answers, exceptions: normal responses and exception responses sent.
        busy: those of the exceptions that were 06 because of too many open requests.
        broadcasts: requests for all units, which are not answered.
        unanswered: other requests left without an answer, by a handler's wish or because the client was gone.
        handler_failures: errors in a handler that were none of `mbap.errors`; answered with exception 04.
        foreign: messages of another protocol, or on a serial line of other devices; left out.
        check_errors: messages whose CRC or LRC was wrong, or that could not be read; left unanswered.
        noise: bytes on a serial line that were in no message.
    """

    connections: int = 0
    accepted: int = 0
    refused: int = 0
    refused_per_address: int = 0
    refused_too_fast: int = 0
    forbidden: int = 0
    dropped: int = 0
    handshakes: int = 0
    handshakes_failed: int = 0
    handshakes_dropped: int = 0
    accept_failures: int = 0
    closed_idle: int = 0
    closed_incomplete: int = 0
    closed_stalled: int = 0
    closed_unreadable: int = 0
    closed_revoked: int = 0
    closed_expired: int = 0
    resets: int = 0
    requests: int = 0
    answers: int = 0
    exceptions: int = 0
    busy: int = 0
    broadcasts: int = 0
    unanswered: int = 0
    handler_failures: int = 0
    foreign: int = 0
    check_errors: int = 0
    noise: int = 0
