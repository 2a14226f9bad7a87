"""What is usual: who asks whom for what, learned from exchanges; bounded, and kept as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from mbap.security.alerts import Fact
from mbap.security.intervals import Intervals
from mbap.security.rhythm import Period, Rate

MOST_ENTRIES: Final = 20_000
MOST_PERIODS: Final = 4_096
VERSION: Final = 1


class Room:
    """How many entries there are, over all that is learned.

    Attributes:
        used: entries.
        overflowed: what was not learned because there was no room.
    """

    __slots__ = ("_most", "overflowed", "used")

    def __init__(self, most: int = MOST_ENTRIES) -> None:
        self._most = most
        self.used = 0
        self.overflowed = 0

    def take(self) -> bool:
        """Whether there is room for one more, which is then used."""
        if self.used >= self._most:
            self.overflowed += 1
            return False
        self.used += 1
        return True


class Use:
    """How a client uses one function of one unit.

    Attributes:
        addresses: by table. exceptions: the codes of exceptions that were answered.
    """

    __slots__ = ("addresses", "exceptions")

    def __init__(self) -> None:
        self.addresses: dict[str, Intervals] = {}
        self.exceptions: set[int] = set()


class Pair:
    """One client and one server.

    Attributes:
        units: by unit, and by function (`3`, `8/1`, `43/14`), how it is used.
    """

    __slots__ = ("rate", "units")

    def __init__(self, most: int = 0) -> None:
        self.rate = Rate(most)
        self.units: dict[int, dict[str, Use]] = {}


class Written:
    """What was written to one unit.

    Attributes:
        registers: the least and the greatest value by address. on, off: coils that were set so.
    """

    __slots__ = ("off", "on", "registers")

    def __init__(self) -> None:
        self.registers: dict[int, list[int]] = {}
        self.on, self.off = Intervals(), Intervals()


class Baseline:
    """All that was learned.

    Attributes:
        pairs: by client and server. written: by server and unit. periods: by `facets.same_request`.
    """

    def __init__(self, most: int = MOST_ENTRIES, most_periods: int = MOST_PERIODS) -> None:
        self.room = Room(most)
        self.pairs: dict[tuple[str, str], Pair] = {}
        self.written: dict[tuple[str, int], Written] = {}
        self.periods: dict[str, Period] = {}
        self._most_periods = most_periods

    # --- what there is, made where there is room ---

    def pair(self, client: str, server: str) -> Pair | None:
        """The pair, new or not; None where there is no room."""
        key = (client, server)
        if key not in self.pairs and self.room.take():
            self.pairs[key] = Pair()
        return self.pairs.get(key)

    def unit(self, client: str, server: str, unit: int) -> dict[str, Use] | None:
        """How *client* uses *unit*."""
        pair = self.pair(client, server)
        if pair is None:
            return None
        if unit not in pair.units and self.room.take():
            pair.units[unit] = {}
        return pair.units.get(unit)

    def use(self, client: str, server: str, unit: int, function: str) -> Use | None:
        """How *client* uses *function* of *unit*."""
        uses = self.unit(client, server, unit)
        if uses is None:
            return None
        if function not in uses and self.room.take():
            uses[function] = Use()
        return uses.get(function)

    def add(self, fact: Fact) -> None:
        """Take *fact*, of an alert that was accepted; what is none of ours is left alone."""
        adders: dict[object, Callable[..., object]] = {
            "pair": self.pair,
            "unit": self.unit,
            "function": self.use,
            "address": self._add_addresses,
            "exception": self._add_exception,
            "value": self.register,
            "coil": self._add_coils,
            "rate": self._add_rate,
            "period": self._forget_period,
        }
        if fact and fact[0] in adders:
            with suppress(TypeError):  # kept in a file, in which somebody may have written
                adders[fact[0]](*fact[1:])

    def _add_addresses(
        self, client: str, server: str, unit: int, function: str, table: str, first: int, last: int
    ) -> None:
        use = self.use(client, server, unit, function)
        if use is not None:
            self.addresses(use, table, first, last)

    def _add_exception(self, client: str, server: str, unit: int, function: str, code: int) -> None:
        use = self.use(client, server, unit, function)
        if use is not None:
            use.exceptions.add(code)

    def _add_coils(self, server: str, unit: int, first: int, last: int, on: int) -> None:
        self.coils(server, unit, first, last, on=bool(on))

    def _add_rate(self, client: str, server: str, count: int) -> None:
        pair = self.pair(client, server)
        if pair is not None:
            pair.rate.most = max(pair.rate.most, count)

    def _forget_period(self, request: str) -> None:
        self.periods.pop(request, None)

    def addresses(self, use: Use, table: str, first: int, last: int) -> None:
        """Add what *use* touches of *table*."""
        intervals = use.addresses.setdefault(table, Intervals())
        before, widened = len(intervals), intervals.widened
        intervals.add(first, last)
        self.room.used += len(intervals) - before
        self.room.overflowed += intervals.widened - widened

    def register(self, server: str, unit: int, address: int, value: int) -> None:
        """Add a *value* written to a register."""
        written = self._written(server, unit)
        if written is None:
            return
        known = written.registers.get(address)
        if known is not None:
            known[:] = min(known[0], value), max(known[1], value)
        elif self.room.take():
            written.registers[address] = [value, value]

    def coils(self, server: str, unit: int, first: int, last: int, *, on: bool) -> None:
        """Add coils that were all written the same."""
        written = self._written(server, unit)
        if written is not None:
            intervals = written.on if on else written.off
            widened = intervals.widened
            intervals.add(first, last)
            self.room.overflowed += intervals.widened - widened

    def period(self, request: str) -> Period | None:
        """How regularly *request* comes; None where there is no room."""
        if request not in self.periods:
            if len(self.periods) >= self._most_periods:
                self.room.overflowed += 1
                return None
            self.periods[request] = Period()
        return self.periods[request]

    def _written(self, server: str, unit: int) -> Written | None:
        key = (server, unit)
        if key not in self.written and self.room.take():
            self.written[key] = Written()
        return self.written.get(key)

    # --- as plain data ---

    def as_json(self) -> dict[str, object]:
        """All of it, for `restored`."""
        return {
            "version": VERSION,
            "pairs": [
                {"client": client, "server": server, "most": pair.rate.most, "units": _units_as_json(pair)}
                for (client, server), pair in self.pairs.items()
            ],
            "written": [
                {
                    "server": server,
                    "unit": unit,
                    "registers": [[address, *known] for address, known in one.registers.items()],
                    "on": one.on.items(),
                    "off": one.off.items(),
                }
                for (server, unit), one in self.written.items()
            ],
            "periods": {
                key: [round(one.period, 6), round(one.spread, 6), round(one.surplus, 3)]
                for key, one in self.periods.items()
                if one.period
            },
        }


def restored(data: Mapping[str, Any], most: int = MOST_ENTRIES, most_periods: int = MOST_PERIODS) -> Baseline:
    """The baseline that `as_json` gave.

    Raises:
        ValueError: it is of another version, or damaged.
    """
    if data.get("version") != VERSION:
        raise ValueError(f"what was learned is of version {data.get('version')}, and this reads {VERSION}")
    baseline = Baseline(most, most_periods)
    try:
        for client, server, unit, function, use in _uses(baseline, data):
            _fill(baseline, baseline.use(client, server, unit, function), use)
        for one in data["written"]:
            _fill_written(baseline, one)
        for key, (period, spread, *surplus) in data["periods"].items():
            if baseline.period(key) is not None:
                baseline.periods[key] = Period(float(period), float(spread), *map(float, surplus))
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"what was learned is damaged: {error!r}") from None
    return baseline


def _units_as_json(pair: Pair) -> dict[str, object]:
    return {
        str(unit): {
            function: {
                "addresses": {table: one.items() for table, one in use.addresses.items()},
                "exceptions": sorted(use.exceptions),
            }
            for function, use in uses.items()
        }
        for unit, uses in pair.units.items()
    }


def _uses(baseline: Baseline, data: Mapping[str, Any]) -> Iterator[tuple[str, str, int, str, Any]]:
    for one in data["pairs"]:
        client, server = str(one["client"]), str(one["server"])
        pair = baseline.pair(client, server)
        if pair is not None:
            pair.rate.most = int(one["most"])
        for unit, uses in one["units"].items():
            baseline.unit(client, server, int(unit))
            for function, use in uses.items():
                yield client, server, int(unit), function, use


def _fill(baseline: Baseline, use: Use | None, data: Mapping[str, Any]) -> None:
    if use is None:
        return
    use.exceptions |= {int(code) for code in data["exceptions"]}
    for table, intervals in data["addresses"].items():
        for first, last in intervals:
            baseline.addresses(use, table, int(first), int(last))


def _fill_written(baseline: Baseline, data: Mapping[str, Any]) -> None:
    server, unit = str(data["server"]), int(data["unit"])
    for address, least, greatest in data["registers"]:
        baseline.register(server, unit, int(address), int(least))
        baseline.register(server, unit, int(address), int(greatest))
    for name in ("on", "off"):
        for first, last in data[name]:
            baseline.coils(server, unit, int(first), int(last), on=name == "on")
