"""Where a gateway sends what it is asked: units in front, a line and units behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypedDict, TypeVar, Unpack, runtime_checkable

from mbap.errors import ModbusError
from mbap.protocol.execute import Executor, Priority
from mbap.protocol.pdu.base import Request
from mbap.server.permission import EVERYTHING, Permission

R = TypeVar("R")

ALL_UNITS = range(256)


@runtime_checkable
class Broadcasting(Protocol):
    """A line that can be told something for all units at once."""

    async def broadcast(
        self, request: Request[Any], *, deadline: float | None = None, origin: str = ""
    ) -> None:
        """Send *request* to unit 0; nobody answers."""
        ...


class RouteKeywords(TypedDict, total=False):
    """What of a `Route` may be left out."""

    name: str
    permission: Permission
    priority: Priority | None
    broadcast: bool
    deadline: float | None


@runtime_checkable
class Resting(Protocol):
    """A line that leaves silent units alone, and says so at once."""

    def refusal(self, request: Request[Any], unit: int) -> ModbusError | None:
        """What *request* ends with, where *unit* is left alone now; None: it is to be carried out."""
        ...


@runtime_checkable
class Persistent(Protocol):
    """A line that may go on with a request that ended with an error."""

    def again(
        self,
        error: ModbusError,
        request: Request[R],
        unit: int,
        left: float | None,
        priority: Priority,
        origin: str,
    ) -> Callable[[], Awaitable[R]] | None:
        """How to try once more, for *left* seconds; None: *error* is what came of it."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """Some units, and where requests for them go.

    Raises:
        ValueError: a unit is not 0 to 255.

    Attributes:
        units: the unit behind the gateway by the unit that clients ask for.
        line: what carries the requests out: a `Link`, or any other executor.
        name: what the line is called in the log and in statistics.
        permission: what clients may do; `IllegalFunction` (01) answers the rest.
        priority: of its requests on the line; None: writes before reads.
        broadcast: whether writes to unit 0 go to its line, too.
        deadline: seconds that a request may take with its waiting; None leaves it to the line.
    """

    units: Mapping[int, int]
    line: Executor
    name: str = ""
    permission: Permission = EVERYTHING
    priority: Priority | None = None
    broadcast: bool = False
    deadline: float | None = field(default=None)

    def __post_init__(self) -> None:
        for unit in (*self.units, *self.units.values()):
            if not 0 <= unit <= 255:
                raise ValueError(f"a unit is 0 to 255, not {unit}")

    @classmethod
    def same(cls, line: Executor, units: Iterable[int] = ALL_UNITS, **options: Unpack[RouteKeywords]) -> Self:
        """A route that keeps the unit; without *units* for all there are."""
        return cls({unit: unit for unit in units}, line, **options)

    @classmethod
    def to_unit(cls, line: Executor, unit: int, **options: Unpack[RouteKeywords]) -> Self:
        """A route that ignores which unit was asked for: all is for *unit* behind it."""
        return cls(dict.fromkeys(ALL_UNITS, unit), line, **options)

    def priority_of(self, request: Request[Any]) -> Priority:
        """When *request* gets its turn."""
        if self.priority is not None:
            return self.priority
        return Priority.WRITE if request.writes else Priority.READ


def by_unit(routes: Sequence[Route]) -> dict[int, Route]:
    """The route of each unit.

    Raises:
        ValueError: a unit has two.
    """
    found: dict[int, Route] = {}
    for route in routes:
        for unit in route.units:
            if unit in found:
                raise ValueError(f"unit {unit} has two routes, to {found[unit].name} and to {route.name}")
            found[unit] = route
    return found
