"""One rule of a policy, and what a policy does where no rule says otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from mbap.addresses import Table
from mbap.errors import Disconnect, ExceptionResponse, NoAnswer
from mbap.records import Record
from mbap.security.accesses import ALL_ADDRESSES, Access, Range, Ranges, inside, touches
from mbap.security.functions import READS, Functions
from mbap.security.rates import NO_LIMITS, Limits
from mbap.security.sources import ANYBODY, Source

Action = Literal["allow", "deny", "alert"]
ACTIONS: Final[tuple[Action, ...]] = ("allow", "deny", "alert")
Log = Literal["none", "summary", "each", "values"]
LOGS: Final[tuple[Log, ...]] = ("none", "summary", "each", "values")
Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "low", "medium", "high", "critical")
TABLES: Final = tuple(Table)

Addresses = Mapping[Table, Ranges]

ANY_UNIT: Final[Ranges] = ((1, 255),)
"""What `any` allows: unit 0 is a broadcast behind a gateway, and has to be named."""
ALL_UNITS: Final[Ranges] = ((0, 255),)
"""What `any` denies."""


class Answer(Record):
    """What a refused request gets.

    Attributes:
        kind: `exception`; `drop` (nothing), `close` and `reset` (the connection ends).
        code: of the exception.
    """

    kind: Literal["exception", "drop", "close", "reset"] = "exception"
    code: int = 1

    def error(self) -> ExceptionResponse | NoAnswer | Disconnect:
        """What a handler raises so that it is answered so."""
        if self.kind == "exception":
            return ExceptionResponse(self.code)
        return NoAnswer() if self.kind == "drop" else Disconnect(reset=self.kind == "reset")

    def __str__(self) -> str:
        return f"exception {self.code:02X}" if self.kind == "exception" else self.kind


_SILENT: Final[tuple[Literal["drop", "close", "reset"], ...]] = ("drop", "close", "reset")
_CODE: Final = re.compile("(?:0x)?([0-9a-f]{1,2})")
REFUSED: Final = Answer()
BUSY: Final = Answer(code=6)


def parse_answer(text: str) -> Answer:
    """The answer in `exception 01`, `drop`, `close`, `reset`; the number is hexadecimal, as in the standard.

    Raises:
        ValueError: it is none of them.
    """
    kind, _, code = text.strip().lower().replace("-", " ").partition(" ")
    for silent in _SILENT:
        if (kind, code) == (silent, ""):
            return Answer(silent, 0)
    if kind == "exception" and (found := _CODE.fullmatch(code.strip())) and int(found[1], 16):
        return Answer("exception", int(found[1], 16))
    raise ValueError(f'"{text}" is no answer: write "exception 01", "drop", "close" or "reset"')


@dataclass(frozen=True, slots=True)
class Rule:
    """What it is about, what becomes of it, and within which limits.

    Attributes:
        id: what the log calls it.
        functions: what may be asked.
        source: who is meant.
        to: names of devices; none: any.
        units: None is `any`.
        addresses: by table; None: any, and what has no address, too.
        read_addresses, write_addresses: instead of *addresses* for one side.
        count: most addresses of one request; None: what the standard allows.
        points: what may be written where; their registers belong to the addresses.
        point_addresses: the registers of the points.
        when: the name of a schedule; empty: always.
        armed: the name of a maintenance window, outside of which the rule does not hold.
        expires: UTC microseconds, from which on it does not hold.
        answer, log: None: what the policy says.
    """

    id: str
    functions: Functions
    action: Action = "allow"
    source: Source = ANYBODY
    to: tuple[str, ...] = ()
    units: Ranges | None = None
    addresses: Addresses | None = None
    read_addresses: Addresses | None = None
    write_addresses: Addresses | None = None
    count: int | None = None
    points: tuple[str, ...] = ()
    point_addresses: Addresses = field(default_factory=dict, compare=False)
    limits: Limits = NO_LIMITS
    when: str = ""
    armed: str = ""
    expires: int | None = None
    enabled: bool = True
    answer: Answer | None = None
    log: Log | None = None
    severity: Severity = "medium"
    comment: str = ""
    ticket: str = ""

    @property
    def denies(self) -> bool:
        """Whether it refuses what it is about."""
        return self.action == "deny"

    @property
    def unlimited(self) -> bool:
        """Whether what it is about passes however much, often and whatever it is."""
        limits = self.limits
        return self.count is None and not self.points and limits.requests is None and limits.writes is None

    @property
    def all_units(self) -> Ranges:
        """The units it is about."""
        return self.units or (ALL_UNITS if self.denies else ANY_UNIT)

    def ranges(self, table: Table | None, side: int) -> Ranges | None:
        """The addresses of *table* it is about; None where it is about all, and what has no address."""
        own = self.read_addresses if side == READS else self.write_addresses
        addresses = self.addresses if own is None else own
        if addresses is None:
            return None if not self.points else self._of_points(table)
        if table is None:
            return ()
        return addresses.get(table, ()) + self.point_addresses.get(table, ())

    def _of_points(self, table: Table | None) -> Ranges:
        return () if table is None else self.point_addresses.get(table, ())

    def addresses_fit(self, access: Access) -> bool:
        """Whether all that *access* touches is meant; for a rule that denies, any of it."""
        ranges = self.ranges(access.table, access.side)
        if ranges is None:
            return True
        fits = touches if self.denies else inside
        return fits(ranges, access.first, access.last)

    def functions_fit(self, access: Access) -> bool:
        """Whether the function of *access* is meant."""
        return self.functions.has(access.code, access.sub, access.side)

    def units_fit(self, unit: int) -> bool:
        """Whether *unit* is meant."""
        return inside(self.all_units, unit, unit)

    def device_fits(self, devices: frozenset[str]) -> bool:
        """Whether it is meant for what goes to one of *devices*; for a rule that denies, perhaps."""
        return to_fits(self.to, devices, denies=self.denies)


def to_fits(to: tuple[str, ...], devices: frozenset[str], *, denies: bool) -> bool:
    """Whether what may go to any of *devices* goes to one that *to* names; to deny, whether it may."""
    if not to:
        return True
    named = devices.intersection(to)
    return bool(named) if denies else bool(devices) and named == devices


@dataclass(frozen=True, slots=True)
class Default:
    """What holds where no rule says otherwise; what no rule is about is refused, always.

    Attributes:
        answer, log, severity: of what is refused.
        lines_per_minute: so many lines a minute for the same rule, client, unit and function.
        unknown_source: `close` ends connections from where no rule allows anything, before they are read.
    """

    answer: Answer = REFUSED
    log: Log = "each"
    severity: Severity = "medium"
    lines_per_minute: int = 10
    unknown_source: Literal["close", "answer"] = "close"


@dataclass(frozen=True, slots=True)
class Device:
    """What a rule's `to` names.

    Attributes:
        connect: its endpoint, to be known by; empty: its name is that of its host.
        units: what it is asked for as; none: any.
    """

    connect: str = ""
    units: Ranges = ()

    def may_be(self, name: str, unit: int, target: str) -> bool:
        """Whether a request for *unit* behind *target* may go to it; *target* may be empty: not known."""
        if self.units and not inside(self.units, unit, unit):
            return False
        return target in ("", name) or place_of(self.connect or name) == place_of(target)


def place_of(url: str) -> str:
    """Host and port in *url*, which may leave out scheme and port."""
    scheme, _, rest = url.rpartition("://")
    host = rest.partition("#")[0].partition("/")[0].lower()
    if host.count(":") > 1 and "[" not in host:
        host = f"[{host}]"
    port = ":802" if scheme in ("tls", "mbaps") else ":502"
    return host if ":" in host.rpartition("]")[2] else host + port


def whole_ranges(*tables: Table) -> dict[Table, tuple[Range, ...]]:
    """All addresses of *tables*."""
    return dict.fromkeys(tables, ALL_ADDRESSES)
