"""The one interface of whatever answers requests, what some offer besides, and several units as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from mbap.errors import Disconnect, ExceptionCode, ExceptionResponse, NoAnswer
from mbap.protocol.pdu.base import Request
from mbap.records import Record

if TYPE_CHECKING:
    from mbap.server.diagnostics import Bus, Line
    from mbap.server.forwarding import Lane
    from mbap.server.tables import BitMemory, RegisterMemory

R = TypeVar("R")

TOO_FAST: Final = "too many connections in a short time"
"""Why somebody was turned away who connects too often."""
_WISHES = (ExceptionResponse, NoAnswer, Disconnect)


class Identity(Record):
    """Whom a certificate, checked in a TLS handshake, names, and how the session is protected.

    Attributes:
        subject, issuer: the distinguished names, as in RFC 4514: `CN=hmi1,O=Plant`.
        serial: the certificate's serial number, in hexadecimal.
        fingerprint: SHA-256 of the certificate, in hexadecimal, lower case, without colons.
        not_after: when it expires, in seconds since 1970.
        protocol, cipher: `TLSv1.3` and the suite.
        resumed: the session went on from an earlier one, without a whole handshake.
        role_problem: why there is no role, where the certificate does not simply lack one.
    """

    subject: str
    issuer: str = ""
    serial: str = ""
    fingerprint: str = ""
    not_after: int = 0
    protocol: str = ""
    cipher: str = ""
    resumed: bool = False
    role_problem: str = ""


class Peer(Record):
    """Who sent a request.

    Attributes:
        address: the host, as the operating system prints it; empty where there is none.
        port: its port.
        listener: the URL on which it came in.
        role: the role in its certificate; None where there is no certificate, or no role in it.
        identity: whom its certificate names; None where there is no certificate.
        session: a number of this connection, of no other in this process; 0 where there is none.
    """

    address: str = ""
    port: int = 0
    listener: str = ""
    role: str | None = None
    identity: Identity | None = None
    session: int = 0


class Call(NamedTuple, Generic[R]):
    """A request received, for which unit, and from whom.

    A tuple and not a dataclass because one is made for every request.

    Attributes:
        broadcast: it is for all units, and nothing is answered; only a serial line has that.
    """

    request: Request[R]
    unit: int
    peer: Peer
    broadcast: bool = False


class Handler(Protocol):
    """Whatever answers requests: a device, several units, a gateway, a firewall around another handler."""

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        """The result of *call*, or an awaitable of it when it cannot be given at once.

        Raises:
            ExceptionResponse: answered with its code.
            NoAnswer: nothing is sent.
            Disconnect: the connection is closed.
        """
        ...


@runtime_checkable
class Refusing(Protocol):
    """A handler that is asked, too, about messages that are no requests it could handle."""

    def refuse(self, unit: int, refusal: ExceptionResponse) -> ExceptionResponse:
        """What to answer instead of *refusal*, which is exception 01, 02 or 03; mostly *refusal* itself.

        Raises:
            NoAnswer: nothing is sent.
        """
        ...


@runtime_checkable
class Doorkeeper(Protocol):
    """A handler that decides who is served at all, and wants to know who comes, goes and is sent away."""

    def arrived(self, peer: Peer) -> None:
        """A connection was made; nothing of it has been read, but over TLS the handshake is done.

        Raises:
            Disconnect: it is closed before a byte of it is read.
        """
        ...

    def left(self, peer: Peer) -> None:
        """A connection for which `arrived` was called has ended, whoever ended it."""
        ...

    def turned_away(self, peer: Peer, reason: str) -> None:
        """A connection never became one: a failed handshake, an address that is not allowed, no room."""
        ...

    def malformed(self, peer: Peer, unit: int, data: bytes, reason: str) -> None:
        """*data* is no request that could be handled: a refused PDU, or bytes that end the connection."""
        ...


@runtime_checkable
class Dismissing(Protocol):
    """A handler that wants to know whose connection is ended because of a certificate, and why."""

    def dismissed(self, peer: Peer, reason: str) -> None:
        """The connection of *peer*, who was served until now, is closed."""
        ...


@runtime_checkable
class Passing(Protocol):
    """A handler that may pass on what is not known here."""

    @property
    def opaque(self) -> bool:
        """Whether it wants function codes that are not known here, as `Opaque` requests."""
        ...


@runtime_checkable
class OnBus(Protocol):
    """A handler that wants to know how much is heard on the line."""

    def join(self, bus: Bus) -> None:
        """A server that counts on *bus* begins to serve it."""
        ...

    def part(self, bus: Bus) -> None:
        """That server has stopped."""
        ...


class PlainTables(NamedTuple):
    """Memory that may be read and written without asking its device.

    Attributes:
        line: counts what is answered so.
        by_code: what the function code is about, where it is carried out on memory and nothing else is done.
    """

    line: Line
    by_code: Mapping[int, BitMemory | RegisterMemory]


@runtime_checkable
class Simple(Protocol):
    """A handler that need not be asked about every request."""

    def plain(self, unit: int) -> PlainTables | None:
        """What may be read and written of *unit*, now and later, without asking; None: nothing."""
        ...


@runtime_checkable
class Forwards(Protocol):
    """A handler that passes on some requests as they are."""

    def lane(self, unit: int) -> Lane | None:
        """Where the plain requests for *unit* go, as long as nothing is changed; None: all the long way."""
        ...


class Units:
    """Hands each unit's requests to the handler of that unit, and what is for all units to all of them.

    On TCP no unit is special: 0 and 255 are handed on like others. A device alone on its connection may be
    asked for as unit 255 or 0: give it all its numbers, `Units({1: device, 255: device})`.

    Args:
        handlers: the handlers by unit, 0 to 255.
        unknown: what other units get: an exception code (0B, "target failed to respond", unless told
            otherwise), None for silence, or a handler that answers for them.

    Raises:
        ValueError: a unit is not 0 to 255, or *unknown* is not an exception code.
    """

    __slots__ = ("_all", "_handlers", "_unknown")

    def __init__(
        self,
        handlers: Mapping[int, Handler],
        unknown: Handler | int | None = ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND,
    ) -> None:
        for unit in handlers:
            _check_unit(unit)
        if isinstance(unknown, int):
            ExceptionResponse(unknown)
        self._handlers = dict(handlers)
        self._unknown = unknown
        others = () if unknown is None or isinstance(unknown, int) else (unknown,)
        self._all = tuple({id(handler): handler for handler in (*handlers.values(), *others)}.values())

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        """What the handler of the call's unit gives."""
        if call.broadcast:
            return self._to_all(call)
        handler = self._handlers.get(call.unit)
        return self._other(call) if handler is None else handler.handle(call)

    def refuse(self, unit: int, refusal: ExceptionResponse) -> ExceptionResponse:
        """What the handler of *unit* makes of *refusal*; an unknown unit gets what it gets for requests."""
        handler = self._handlers.get(unit, self._unknown)
        if handler is None:
            raise NoAnswer
        if isinstance(handler, int):
            return ExceptionResponse(handler)
        return handler.refuse(unit, refusal) if isinstance(handler, Refusing) else refusal

    def plain(self, unit: int) -> PlainTables | None:
        """What may be read and written of *unit* without asking its handler."""
        handler = self._handlers.get(unit, self._unknown)
        own_way = type(self).handle is not Units.handle
        return None if own_way or not isinstance(handler, Simple) else handler.plain(unit)

    def among_others(self) -> Units | None:
        """The same for a serial line, where other units are of others: nothing is answered for them.

        None where there is a handler for all other units.
        """
        answers_all = self._unknown is not None and not isinstance(self._unknown, int)
        return None if answers_all else Units(self._handlers, unknown=None)

    def join(self, bus: Bus) -> None:
        """All handlers hear *bus* from now on."""
        for handler in self._all:
            if isinstance(handler, OnBus):
                handler.join(bus)

    def part(self, bus: Bus) -> None:
        """They do not hear it any more."""
        for handler in self._all:
            if isinstance(handler, OnBus):
                handler.part(bus)

    def _other(self, call: Call[R]) -> R | Awaitable[R]:
        if self._unknown is None:
            raise NoAnswer
        if isinstance(self._unknown, int):
            raise ExceptionResponse(self._unknown)
        return self._unknown.handle(call)

    def _to_all(self, call: Call[R]) -> Awaitable[R]:
        """Every handler carries it out, whatever becomes of it at the others."""
        waiting: list[Awaitable[R]] = []
        failures: list[Exception] = []
        for handler in self._all:
            try:
                outcome = handler.handle(call)
            except Exception as error:  # noqa: BLE001 - where a handler ends: the others have to be asked too
                failures.append(error)
            else:
                waiting += [outcome] if isinstance(outcome, Awaitable) else []
        if not waiting:
            raise _what_failed(failures)
        return _all_of(waiting, failures)


async def _all_of(waiting: list[Awaitable[R]], failures: list[Exception]) -> R:
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    raise _what_failed([*failures, *(outcome for outcome in outcomes if isinstance(outcome, Exception))])


def _what_failed(failures: list[Exception]) -> Exception:
    """The first that is no answer of a device, to be logged; else the wish that nothing is sent."""
    return next((one for one in failures if not isinstance(one, _WISHES)), NoAnswer())


def _check_unit(unit: object) -> None:
    if not isinstance(unit, int) or not 0 <= unit <= 255:
        raise ValueError(f"a unit is 0 to 255, not {unit!r}")
