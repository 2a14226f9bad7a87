"""What is unusual, in plain sentences: what was learned, and what came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mbap.addresses import Table, describe
from mbap.protocol.exchanges import Exchange
from mbap.security.alerts import OVERFLOW, Fact, Unusual
from mbap.security.baseline import Baseline, Pair, Use
from mbap.security.facets import Run, named
from mbap.security.intervals import Intervals
from mbap.security.rhythm import Period, Rate

_SHOWN: Final = 8
_WRITING: Final = frozenset({"5", "6", "15", "16", "21", "22", "23"})
_READING: Final = frozenset({"1", "2", "3", "4", "24"})


class Sentences:
    """Makes an `Unusual` of each kind, with what *baseline* knows instead."""

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline

    def pair(self, exchange: Exchange) -> Unusual:
        """A client that never asked this server."""
        client, server = exchange.client, exchange.server
        known = _list(one for one, other in self._baseline.pairs if other == server)
        text = f"{client} talks to {server} for the first time; its clients are {known}"
        return _unusual("pair", (client, server), "high", known, client, text)

    def unit(self, exchange: Exchange, pair: Pair) -> Unusual:
        """A unit that this client never asked."""
        client, server, unit = exchange.client, exchange.server, exchange.unit
        known = _list(pair.units)
        text = f"{client} asks unit {unit} of {server} for the first time; its units are {known}"
        return _unusual("unit", (client, server, unit), "medium", known, str(unit), text)

    def function(self, exchange: Exchange, function: str, uses: Iterable[str]) -> Unusual:
        """A function that this client never used there."""
        names = sorted(uses, key=_in_order)
        known = _list(names)
        severity = "medium" if function in _READING else "high"
        does = f"{exchange.client} uses {named(function)} on {_where(exchange)}"
        text = f"{does} for the first time; known: {known}"
        parts = (exchange.client, exchange.server, exchange.unit, function)
        return _unusual("function", parts, severity, known, function, text)

    def addresses(
        self,
        exchange: Exchange,
        function: str,
        table: Table,
        first: int,
        last: int,
        known: Intervals | None,
        *,
        writes: bool,
    ) -> Unusual:
        """Addresses that this client never touched with this function."""
        what, learned = describe(table, first, last - first + 1), str(known or "none")
        does = f"{exchange.client} {'writes' if writes else 'reads'} {what} of {_where(exchange)}"
        text = f"{does} with function {function}; known: {learned}"
        parts = (exchange.client, exchange.server, exchange.unit, function, table.value)
        fact: Fact = ["address", *parts, first, last]
        seen = str(first) if first == last else f"{first}-{last}"
        if writes:  # each place that is written is an alert of its own
            return Unusual("address", (*parts, first, last), "high", learned, seen, text, fact)
        return Unusual("address", parts, "medium", learned, seen, text, fact)

    def many_addresses(self, exchange: Exchange, function: str, one: Unusual) -> Unusual:
        """More of them than anybody reads one by one."""
        parts = (exchange.client, exchange.server, exchange.unit, function)
        text = f"many addresses are new, and no longer listed one by one; first of them: {one.text}"
        return Unusual("addresses", parts, one.severity, one.learned, one.seen, text, one.fact)

    def exception(self, exchange: Exchange, function: str, code: int, use: Use) -> Unusual:
        """An exception that was not answered before."""
        known = _list(sorted(use.exceptions))
        text = (
            f"{_where(exchange)} answers function {function} of {exchange.client} with exception {code:02}"
            f" for the first time; known exceptions: {known}"
        )
        parts = (exchange.client, exchange.server, exchange.unit, function, code)
        return _unusual("exception", parts, "low", known, f"{code:02}", text)

    def value(self, exchange: Exchange, address: int, value: int, known: list[int]) -> Unusual:
        """A value beyond those written before."""
        learned = f"{known[0]} to {known[1]}"
        what = describe(Table.HOLDING_REGISTERS, address)
        text = f"{exchange.client} writes {value} to {what} of {_where(exchange)}; written before: {learned}"
        fact: Fact = ["value", exchange.server, exchange.unit, address, value]
        return Unusual(
            "value", (exchange.server, exchange.unit, address), "high", learned, str(value), text, fact
        )

    def coils(self, exchange: Exchange, run: Run) -> Unusual:
        """Coils that were never written so."""
        now, before = ("on", "off") if run.on else ("off", "on")
        what = describe(Table.COILS, run.first, run.last - run.first + 1)
        text = f"{exchange.client} writes {what} of {_where(exchange)} {now}; written before: {before}"
        parts = (exchange.server, exchange.unit, run.first, run.last, int(run.on))
        return Unusual("coil", parts, "medium", before, now, text, ["coil", *parts])

    def rate(self, exchange: Exchange, count: int, rate: Rate) -> Unusual:
        """More requests than ever."""
        client, server = exchange.client, exchange.server
        text = (
            f"{client} sent {count} requests to {server} within 10 s; the most was {rate.most},"
            f" and the limit is {rate.limit}"
        )
        fact: Fact = ["rate", client, server, count]
        return Unusual("rate", (client, server), "medium", str(rate.most), str(count), text, fact)

    def period(self, exchange: Exchange, request: str, period: Period) -> Unusual:
        """The same request, again and again before its turn."""
        text = (
            f"{exchange.client} repeats {named(str(exchange.function_code))} on {_where(exchange)}"
            f" before its turn; its period is {period.period:.3f} s"
        )
        parts = (exchange.client, exchange.server, exchange.unit, request)
        learned = f"{period.period:.3f} s"
        return Unusual("period", parts, "low", learned, "more often", text, ["period", request])

    def full(self, entries: int) -> Unusual:
        """No room to learn more."""
        text = (
            f"there are more than {entries} things to learn, which no plant has: somebody may be scanning it;"
            " what is beyond was not learned"
        )
        return Unusual(OVERFLOW, ("baseline",), "high", f"{entries} entries", "more", text)


def _unusual(
    kind: str, parts: tuple[str | int, ...], severity: str, learned: str, seen: str, text: str
) -> Unusual:
    return Unusual(kind, parts, severity, learned, seen, text, [kind, *parts])


def _where(exchange: Exchange) -> str:
    return f"unit {exchange.unit} of {exchange.server}"


def _list(known: Iterable[str | int]) -> str:
    words = [str(one) for one in known]
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return (", ".join(words[:_SHOWN]) + more) or "none"


def _in_order(function: str) -> tuple[int, str]:
    number = function.partition("/")[0]
    return (int(number) if number.isdigit() else 999, function)
