"""A case: what is examined, what was asked for, and what is known so far."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mbap.addresses import Location, Table
from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.collect.registermap import Profile
from mbap.diagnose.doctor.asking import Asking, Clock, Outcome, Sleep
from mbap.diagnose.doctor.talk import QUIET
from mbap.protocol.pdu import READS, Request
from mbap.transport import opening
from mbap.transport.endpoint import Endpoint
from mbap.values import Encoding

if TYPE_CHECKING:
    from mbap.transport.tls import TLS

LONG = 4.0
"""So many times as long as usual is waited once, before a device is called silent."""


def read_of(table: Table, address: int, count: int = 1) -> Request[Any]:
    """The request that reads *count* of *table* from *address*."""
    return cast("Request[Any]", READS[table](address, count))


@dataclass(frozen=True, slots=True)
class KnownValue:
    """What somebody read off the display: *name*, which should be at *address* of *table*, shows *value*.

    *encoding* is that of a profile's point; None where only the place is known.
    """

    name: str
    table: Table
    address: int
    value: float
    encoding: Encoding | None = None

    def __str__(self) -> str:
        return f"{self.name} = {self.value:g}"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the examination is to look at, beyond what it always does.

    Attributes:
        unit: whom to ask; None where nobody said.
        profile: what is known of the device's registers.
        known: values that the device shows now.
        timeout: seconds for one answer.
        pause: seconds of rest between an answer and the next request.
        reads: how many equal reads are timed.
        ports: try other ports that Modbus is found on, where this one cannot be connected.
        scan_units: ask all units from 1 to 247.
        connections: open so many at most, to find out how many it takes; 0: leave that alone.
        idle: rest for so many seconds, to find out whether it closes quiet connections; 0: leave that alone.
        quirks: those that are known before.
        tls: who we are and whom we trust, for `tls://`.
    """

    unit: int | None = None
    profile: Profile | None = None
    known: tuple[KnownValue, ...] = ()
    timeout: float = 2.0
    pause: float = 0.02
    reads: int = 20
    ports: bool = False
    scan_units: bool = False
    connections: int = 0
    idle: float = 0.0
    quirks: Quirks = NO_QUIRKS
    tls: TLS | None = None


@dataclass(slots=True)
class Known:
    """What was found out; each examination adds to it, for those that follow.

    Attributes:
        address: where the name leads to.
        ping, connecting: seconds of the way there and back; None where that could not be measured.
        unit: one that answers. units: all that do, with what came. silent: those that were silent.
        place: something that can be read. tables: what came of each table that can. first: where each begins.
        largest: registers in one read, as far as was found; None while it was not.
        slowest: the longest answer so far, in seconds.
        pause: the rest it needs, in seconds.
        reach: of each table, how many registers can be read at once from where it begins, as far as is known.
        shift, order: what has to be added to the profile's addresses, and its order of words.
        order_sure: "sure" or "likely" where the order was told by the looks of registers, without a profile.
        items: a few places with what they seem to hold, as `mbap read` takes them.
    """

    address: str = ""
    ping: float | None = None
    connecting: float | None = None
    unit: int | None = None
    units: dict[int, Outcome] = field(default_factory=dict)
    silent: list[int] = field(default_factory=list)
    place: Location | None = None
    tables: dict[Table, Outcome] = field(default_factory=dict)
    first: dict[Table, int] = field(default_factory=dict)
    identity: dict[str, str] = field(default_factory=dict)
    largest: int | None = None
    slowest: float = 0.0
    pause: float = 0.0
    connect_pause: float = 0.0
    timeout: float | None = None
    period: float | None = None
    gaps: bool = True
    reach: dict[Table, int] = field(default_factory=dict)
    shift: int = 0
    order: str = ""
    order_sure: str = "sure"
    items: list[str] = field(default_factory=list)


class Waits(NamedTuple):
    """Seconds that are waited for what may not come.

    Attributes:
        quiet: without another byte, after which what came is complete.
        listening: for a greeting of something else than Modbus; what greets is quick.
    """

    quiet: float = QUIET
    listening: float = 0.7


USUAL_WAITS = Waits()


class Case:
    """One device, or what should be one.

    Attributes:
        endpoint: where it is. wishes: what was asked for. known: what was found out.
        asking: the one connection that most examinations share.
        progress: told by an examination that takes long which share of it is done.
        clock, sleep, waits: of the machine; a test hands in its own.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        wishes: Wishes,
        *,
        clock: Clock = time.perf_counter,
        sleep: Sleep = time.sleep,
        waits: Waits = USUAL_WAITS,
    ) -> None:
        self.endpoint = endpoint
        self.wishes = wishes
        self.known = Known()
        self.progress: Callable[[float], None] = lambda _share: None
        self.clock = clock
        self.sleep = sleep
        self.waits = waits
        self.asking = Asking(
            endpoint.url,
            timeout=wishes.timeout,
            pause=wishes.pause,
            quirks=wishes.quirks,
            tls=wishes.tls,
            clock=clock,
            sleep=sleep,
        )

    def open(self, *, protected: bool = True) -> opening.Wire:
        """A connection of its own, to speak in bytes; without TLS where it is not to be *protected*.

        Raises:
            ConnectFailed: there is none, with the reason in plain words.
        """
        tls = self.wishes.tls if protected else None
        return opening.connect(self.endpoint, self.wishes.timeout, tls=tls)

    @property
    def first_unit(self) -> int:
        """Whom to ask first: as was said, or as the URL says, or 1."""
        if self.wishes.unit is not None:
            return self.wishes.unit
        return 1 if self.endpoint.unit is None else self.endpoint.unit

    @property
    def unit_given(self) -> bool:
        """Whether somebody said which unit to ask."""
        return self.wishes.unit is not None or self.endpoint.unit is not None

    @property
    def unit(self) -> int:
        """Whom to ask: one that answers."""
        return self.first_unit if self.known.unit is None else self.known.unit

    @property
    def numbered(self) -> bool:
        """Whether it is spoken to with an MBAP header."""
        return self.endpoint.scheme not in ("rtu", "ascii", "rtu+tcp", "ascii+tcp")

    def question(self) -> Request[Any]:
        """One read that the device should be able to answer."""
        points = self.wishes.profile.points if self.wishes.profile else ()
        if points:
            return read_of(points[0].table, points[0].address, points[0].count)
        return read_of(Table.HOLDING_REGISTERS, 0)
