"""Who is connected, and who is let in: the total, the share of one address, and the places that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from mbap.server.handler import Peer
from mbap.server.limits import Limits, ServerStatistics
from mbap.server.networks import Networks
from mbap.server.seldom import Seldom


class Guest(Protocol):
    """A connection, or over UDP a client that is remembered."""

    @property
    def peer(self) -> Peer:
        """Who the client is."""
        ...

    @property
    def quiet(self) -> bool:
        """Whether no request of it is open."""
        ...

    @property
    def last_active(self) -> float:
        """When the last request came or the last answer went, by the loop's clock."""
        ...

    @property
    def served(self) -> bool:
        """Whether it was ever answered."""
        ...

    def abort(self) -> None:
        """End it at once."""
        ...


G = TypeVar("G", bound=Guest)


class Guests(Generic[G]):
    """The connections of a server, within its limits; `len` of it tells how many there are.

    Args:
        limits: those of the server.
        counted: where those who are turned away are counted.
        seldom: where they are logged.
    """

    def __init__(self, limits: Limits, counted: ServerStatistics, seldom: Seldom) -> None:
        self._limits, self._counted, self._seldom = limits, counted, seldom
        self._drop_idle = limits.when_full == "drop_idle"
        self._allowed = None if limits.allow is None else Networks(limits.allow)
        self._marked = Networks(limits.keep)
        self._guests: dict[G, bool] = {}  # and whether each is kept
        self._by_address: dict[str, dict[G, None]] = {}
        self._kept = 0

    def __len__(self) -> int:
        return len(self._guests)

    def __iter__(self) -> Iterator[G]:
        return iter(tuple(self._guests))

    def allows(self, address: str) -> bool:
        """Whether clients at *address* are served; counts those that are not."""
        if self._allowed is None or address in self._allowed:
            return True
        self._counted.forbidden += 1
        self._seldom.warn("forbidden", "refused %s: its address is not among those allowed", address)
        return False

    def keeps(self, address: str) -> bool:
        """Whether a guest from *address* stays, however long it is quiet, and may take a reserved place."""
        return bool(self._limits.keep) and address in self._marked

    def has_room(self, address: str) -> bool:
        """Whether one more from *address* can be admitted, if need be in place of another."""
        return self._has_share(address) and self._has_place(address)

    def admit(self, guest: G) -> None:
        """*guest* is here."""
        self._counted.accepted += 1
        address = guest.peer.address
        kept = self._guests[guest] = self.keeps(address)
        self._kept += kept
        self._by_address.setdefault(address, {})[guest] = None

    def forget(self, guest: G) -> None:
        """*guest* has ended."""
        kept = self._guests.pop(guest, None)
        if kept is None:
            return
        self._kept -= kept
        address = guest.peer.address
        del self._by_address[address][guest]
        if not self._by_address[address]:
            del self._by_address[address]

    def serves(self, address: str) -> bool:
        """Whether one of those from *address* was ever answered."""
        return any(guest.served for guest in self._by_address.get(address, ()))

    def _has_share(self, address: str) -> bool:
        most, here = self._limits.max_per_address, self._by_address.get(address, {})
        if most is None or len(here) < most or self._made_room(here):
            return True
        self._counted.refused_per_address += 1
        self._seldom.warn("address", "refused %s: it has %d connections", address, len(here))
        return False

    def _has_place(self, address: str) -> bool:
        limits = self._limits
        held_free = 0 if self.keeps(address) else max(limits.reserved - self._kept, 0)
        if len(self._guests) + held_free < limits.max_connections or self._made_room(self._guests):
            return True
        self._counted.refused += 1
        but = f", reserved for others: {held_free}" if held_free else ""
        self._seldom.warn("full", "refused %s: %d are connected%s", address, len(self._guests), but)
        return False

    def _made_room(self, among: Iterable[G]) -> bool:
        if not self._drop_idle:
            return False
        longest = self._longest(guest for guest in among if guest.quiet and not self._guests[guest])
        if longest is None:
            return False
        self._counted.dropped += 1
        self.forget(longest)
        longest.abort()
        return True

    def _longest(self, quiet: Iterator[G]) -> G | None:
        """The one of them that is quiet for longest."""
        return min(quiet, key=lambda guest: guest.last_active, default=None)


class Correspondents(Guests[G]):
    """Clients that send datagrams: there is no connection to close, so one that is quiet always makes room.

    They are in the order in which they asked last, because datagrams can be sent from any number of addresses
    and it must not take long to find the one to forget.
    """

    def __init__(self, limits: Limits, counted: ServerStatistics, seldom: Seldom) -> None:
        super().__init__(limits, counted, seldom)
        self._drop_idle = True

    def touch(self, guest: G) -> None:
        """*guest* asked again."""
        self._guests[guest] = self._guests.pop(guest)

    def _longest(self, quiet: Iterator[G]) -> G | None:
        return next(quiet, None)
