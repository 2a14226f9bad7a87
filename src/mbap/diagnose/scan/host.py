"""One port of one host: which Modbus is spoken there, by which units, or what else it is."""

from __future__ import annotations

import errno
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mbap.client.asynchronous import AsyncClient
from mbap.client.dialogue import carry_out_async
from mbap.diagnose.doctor.asking import PATH_ERRORS
from mbap.diagnose.scan.greeting import by_advice, who_else
from mbap.diagnose.scan.identity import who_is_it
from mbap.diagnose.scan.presented import Presented, presented
from mbap.diagnose.scan.walk import spans
from mbap.errors import (
    ConnectFailed,
    ConnectionLost,
    ExceptionResponse,
    ModbusError,
    ProtocolError,
    ResponseTimeout,
    TlsFailed,
)
from mbap.protocol.pdu.registers import ReadHoldingRegisters

if TYPE_CHECKING:
    from mbap.transport.tls import TLS

UNITS: Final = (1, 255, 0)
"""Whom a host is asked for, where nobody says more."""
PAUSE: Final = 0.05
"""Seconds between an answer and the next request to the same host."""
SPOKEN: Final = {
    "tcp": "Modbus TCP",
    "tls": "Modbus/TCP Security",
    "rtu+tcp": "Modbus RTU over TCP",
    "ascii+tcp": "Modbus ASCII over TCP",
    "udp": "Modbus UDP",
}
"""What is spoken at an endpoint of each scheme."""
ANSWERS: Final = {"HTTP": "a web server answers there", "SSH": "an SSH server answers there"}
_NOBODY: Final = "nobody as unit"
Before = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: an address, a port, and the scheme of its endpoint."""

    address: str
    port: int
    scheme: str = "tcp"

    @property
    def url(self) -> str:
        """How to reach it."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Host:
    """A place where somebody is.

    Attributes:
        modbus: whether Modbus is spoken there.
        speaks: what is spoken there; empty where it stays silent.
        units: of those that were asked, the ones that answered.
        identity: what each of them says of itself.
        seconds: the shortest answer; None where there was none.
        remark: what else there is to say.
        shown: its certificate, where it showed one.
    """

    place: Place
    modbus: bool = False
    speaks: str = ""
    units: tuple[int, ...] = ()
    identity: dict[int, dict[str, str]] = field(default_factory=dict)
    seconds: float | None = None
    remark: str = ""
    shown: Presented | None = None


class Shut(StrEnum):
    """Why there is nobody at a place."""

    REFUSED = "refused"
    SILENT = "without an answer"
    NO_ROUTE = "without a route"
    OTHER = "not to be connected"

    @classmethod
    def of(cls, problem: BaseException | None) -> Shut:
        """What *problem* in connecting says."""
        code = problem.errno if isinstance(problem, OSError) else None
        if isinstance(problem, TimeoutError) or code == errno.ETIMEDOUT:
            return cls.SILENT
        if code in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return cls.NO_ROUTE
        return cls.REFUSED if code == errno.ECONNREFUSED else cls.OTHER


@dataclass(frozen=True, slots=True)
class Manner:
    """How to look.

    Attributes:
        timeout: seconds to wait for a connection, and for an answer.
        units: whom to ask for.
        tls: who we are, and whom we trust.
        greets: whether who does not answer Modbus is greeted in other words.
    """

    timeout: float = 1.0
    units: Sequence[int] = UNITS
    tls: TLS | None = None
    greets: bool = True


async def look_at(place: Place, manner: Manner, before: Before) -> Host | Shut:
    """Who is there, or why nobody is. *before* is awaited before each further connection."""
    if place.scheme == "tls":
        return await _protected(place, manner, before)
    found = await _modbus(place, manner)
    if isinstance(found, Shut) or found.modbus or place.scheme == "udp":
        return found
    who = found.speaks
    if not who and manner.greets:
        who = await who_else(place.url, manner.units[0], before)
    scheme = next((scheme for scheme, words in SPOKEN.items() if words == who), None)
    if who == "TLS":
        return _open(await _protected(replace(place, scheme="tls"), manner, before), found)
    if scheme is not None and scheme != place.scheme:
        await before()
        return _open(await _modbus(replace(place, scheme=scheme), manner), found)
    remark = found.remark if found.speaks or not who else ANSWERS.get(who, "")
    return replace(found, speaks=who, remark=remark)


def _open(found: Host | Shut, before: Host) -> Host:
    """*found*, or what was found *before* where there is no connection any more."""
    return before if isinstance(found, Shut) else found


async def _protected(place: Place, manner: Manner, before: Before) -> Host | Shut:
    """By TLS: with who we are where that was said, and in any case to see what it shows."""
    refused = ""
    if manner.tls is not None:
        found = await _modbus(place, manner)
        if isinstance(found, Shut) or found.modbus:
            return found
        refused = found.remark
        await before()
    try:
        shown = await presented(place.address, place.port, manner.timeout)
    except OSError as problem:
        return Shut.of(problem)
    if shown is not None:
        return Host(place, speaks="TLS", remark=refused or shown.said, shown=shown)
    await before()
    return await _plain(replace(place, scheme="tcp"), manner)


async def _plain(place: Place, manner: Manner) -> Host | Shut:
    """Where TLS was expected and is not spoken."""
    found = await _modbus(place, manner)
    if isinstance(found, Shut):
        return found
    return replace(found, remark=found.remark or "speaks no TLS here, where it is expected")


@dataclass(slots=True)
class _Heard:
    """What the units said: after how many seconds, and what is to be said about those that did not."""

    answers: dict[int, float] = field(default_factory=dict)
    remarks: dict[int, str] = field(default_factory=dict)
    speaks: str = ""

    def take(self, unit: int, error: ModbusError | None, seconds: float) -> None:
        """So *unit* answered."""
        if error is None or isinstance(error, ExceptionResponse):
            self.answers[unit] = seconds
        if error is not None and (remark := _remark(error)):
            self.remarks[unit] = remark
        if isinstance(error, ProtocolError):
            self.speaks = by_advice(error.advice)

    @property
    def said(self) -> str:
        """What is to be said, once each; the units behind a gateway at which nobody is as ranges."""
        nobody = sorted(unit for unit, remark in self.remarks.items() if remark == _NOBODY)
        parts = [f"{first}-{last}" if last > first else str(first) for first, last in spans(nobody)]
        remarks = dict.fromkeys(self.remarks.values())
        return "; ".join(f"{one} {', '.join(parts)}" if one == _NOBODY else one for one in remarks)

    @property
    def units(self) -> tuple[int, ...]:
        return tuple(unit for unit in self.answers if unit not in self.remarks)


async def _modbus(place: Place, manner: Manner) -> Host | Shut:
    """What comes of asking for Modbus."""
    tls = manner.tls if place.scheme == "tls" else None
    client = AsyncClient(place.url, timeout=manner.timeout, pause=PAUSE, tls=tls)
    try:
        heard = await _ask(client, manner.units)
        if isinstance(heard, Shut):
            return heard
        if place.scheme == "udp" and not heard.answers:
            return Shut.SILENT
        who = {unit: await carry_out_async(who_is_it(), client.unit(unit).execute) for unit in heard.units}
    finally:
        await client.aclose()
    return Host(
        place,
        modbus=bool(heard.answers),
        speaks=SPOKEN[place.scheme] if heard.answers else heard.speaks,
        units=heard.units,
        identity={unit: said for unit, said in who.items() if said},
        seconds=min(heard.answers.values(), default=None),
        remark="" if heard.units else heard.said,
    )


async def _ask(client: AsyncClient, units: Sequence[int]) -> _Heard | Shut:
    heard = _Heard()
    for unit in units:
        began = time.perf_counter()
        error = await _error(client, unit)
        if isinstance(error, TlsFailed):
            heard.remarks[unit] = error.reason
            break
        if isinstance(error, ConnectFailed) and not heard.answers and not heard.remarks:
            return Shut.of(error.__cause__)
        heard.take(unit, error, time.perf_counter() - began)
        if isinstance(error, (ConnectionLost, ProtocolError)):
            break
    return heard


async def _error(client: AsyncClient, unit: int) -> ModbusError | None:
    try:
        await client.unit(unit).execute(ReadHoldingRegisters(0, 1))
    except ModbusError as error:
        return error
    return None


def _remark(error: ModbusError) -> str:
    if isinstance(error, PATH_ERRORS):
        return _NOBODY
    if isinstance(error, ExceptionResponse):
        return ""
    if isinstance(error, ResponseTimeout):
        return "silent"
    if isinstance(error, ConnectionLost):
        return "closes the connection"
    return error.advice.partition(":")[0] or "answers, but not in Modbus"
