"""Learns what is usual, and says what is not: constant work for an exchange, bounded memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from mbap.protocol.exchanges import Exchange
from mbap.records import Record
from mbap.security.alerts import Alerts, Fact, Unusual
from mbap.security.baseline import MOST_ENTRIES, MOST_PERIODS, Baseline, Pair, Use, Written, restored
from mbap.security.facets import Run, coils_of, function_of, registers_of, same_request, spans_of
from mbap.security.metrics import GAUGE, Metric
from mbap.security.rhythm import Period
from mbap.security.sentences import Sentences
from mbap.server.handler import Peer

DAY: Final = 86_400.0
MARGIN: Final = 0.1
MOST_PLACES: Final = 16
"""So many alerts about addresses that one client writes with one function; then one for all others."""
_MOST_USUAL: Final = 4_096
"""Requests of which it is kept that nothing about them but their time can be new."""

_Request = tuple[str, str, int, bytes]
_Usual = tuple[Pair, Use, Period | None]


class AnomalyOptions(Record):
    """How to learn.

    Attributes:
        learn_for: seconds. A whole cycle of work, with what operators do rarely: a day, better a week.
        entries, periods: so much is kept of what was learned; what is beyond is counted and has an alert.
    """

    learn_for: float = DAY
    entries: int = MOST_ENTRIES
    periods: int = MOST_PERIODS


class Anomaly:
    """Gets every exchange; tells *alerts* what was not there while it learned.

    Args:
        clock: seconds that never jump; a capture hands in its own time.

    Attributes:
        last_new: when, by the clock, something new was learned last.
    """

    looks_at_requests = True

    def __init__(
        self,
        alerts: Alerts,
        options: AnomalyOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._alerts, self._options, self._clock = alerts, options or AnomalyOptions(), clock
        self._baseline = Baseline(self._options.entries, self._options.periods)
        self._sentences = Sentences(self._baseline)
        self._places: dict[tuple[object, ...], int] = {}
        self._usual: dict[_Request, _Usual] = {}
        self._told = 0
        self._learned_before = 0.0
        self._started: float | None = None
        self._learning = True
        self._said_overflow = False
        self._seen = 0
        self.last_new = 0.0

    # --- what it is told ---

    def saw(self, exchange: Exchange) -> None:
        """Learn from *exchange*, or compare it with what was learned."""
        now = self._clock()
        self._seen += 1
        if self._started is None:
            self._started = now
        if self._learning and self._learned(now) >= self._options.learn_for:
            self._learning = False
            self._usual.clear()
        key = exchange.client, exchange.server, exchange.unit, exchange.pdu
        usual = self._usual.get(key)
        if usual is None:
            self._saw_new(exchange, now, key)
        elif self._learning:
            self._learn_again(exchange, now, *usual)
        else:
            self._judge_again(exchange, now, *usual)

    def _saw_new(self, exchange: Exchange, now: float, key: _Request) -> None:
        if self._learning:
            self._learn(exchange, now, key)
        else:
            self._judge(exchange, now, key)
        if self._baseline.room.overflowed and not self._said_overflow:
            self._said_overflow = True
            self._alerts.add(self._sentences.full(self._options.entries), exchange.time)

    def arrived(self, peer: Peer) -> None:
        """Connections are not its business."""

    def left(self, peer: Peer) -> None:
        """Connections are not its business."""

    def learn(self, fact: Fact) -> None:
        """Take *fact*, of an alert that was accepted, for usual."""
        self._baseline.add(fact)
        self._usual.clear()

    def learn_again(self, seconds: float) -> None:
        """Learn for *seconds* more, besides what is known."""
        learned = min(self._learned(self._clock()), self._options.learn_for - seconds)
        self._learned_before, self._started, self._learning = learned, None, True
        self._usual.clear()

    # --- learning ---

    @property
    def learning(self) -> bool:
        """Whether it still learns."""
        return self._learning and self._learned(self._clock()) < self._options.learn_for

    def _learned(self, now: float) -> float:
        return self._learned_before + (0.0 if self._started is None else max(0.0, now - self._started))

    def _learn_again(
        self, exchange: Exchange, now: float, pair: Pair, use: Use, period: Period | None
    ) -> None:
        pair.rate.learn(now)
        if (code := exchange.exception) is not None:
            use.exceptions.add(code)
        if period is not None:
            period.learn(now)

    def _learn(self, exchange: Exchange, now: float, key: _Request) -> None:
        baseline, room = self._baseline, self._baseline.room
        before, overflowed = room.used, room.overflowed
        client, server, unit = exchange.client, exchange.server, exchange.unit
        pair = baseline.pair(client, server)
        if pair is not None and exchange.pdu:
            pair.rate.learn(now)
        use = baseline.use(client, server, unit, function_of(exchange))
        if use is not None:
            for table, address, count, _ in spans_of(exchange):
                baseline.addresses(use, table.value, address, address + count - 1)
            if exchange.exception is not None:
                use.exceptions.add(exchange.exception)
        for address, value in registers_of(exchange):
            baseline.register(server, unit, address, value)
        for run in coils_of(exchange):
            baseline.coils(server, unit, run.first, run.last, on=run.on)
        period = baseline.period(same_request(exchange)) if exchange.pdu else None
        if period is not None:
            period.learn(now)
        if room.used != before:
            self.last_new = now
        if pair is not None and use is not None and period is not None and room.overflowed == overflowed:
            self._remember(key, exchange, (pair, use, period))

    def _remember(self, key: _Request, exchange: Exchange, usual: _Usual) -> None:
        """The same request can teach nothing more, or be unusual in nothing, but by when and how it ends."""
        if exchange.request is None:
            return
        if len(self._usual) >= _MOST_USUAL:
            self._usual.clear()
        self._usual[key] = usual

    # --- judging ---

    def _judge_again(
        self, exchange: Exchange, now: float, pair: Pair, use: Use, period: Period | None
    ) -> None:
        self._judge_rate(exchange, pair, now)
        if exchange.exception is not None:
            self._judge_exception(exchange, function_of(exchange), use)
        if period is not None and period.disturbed(now):
            self._add(exchange, self._sentences.period(exchange, same_request(exchange), period))

    def _judge(self, exchange: Exchange, now: float, key: _Request) -> None:
        say = self._sentences
        pair = self._baseline.pairs.get((exchange.client, exchange.server))
        if pair is None:
            return self._add(exchange, say.pair(exchange))
        self._judge_rate(exchange, pair, now)
        uses = pair.units.get(exchange.unit)
        if uses is None:
            return self._add(exchange, say.unit(exchange, pair))
        function = function_of(exchange)
        use = uses.get(function)
        if use is None:
            return self._add(exchange, say.function(exchange, function, uses))
        told = self._told
        self._judge_addresses(exchange, function, use)
        self._judge_exception(exchange, function, use)
        self._judge_values(exchange)
        if exchange.pdu and self._told == told:
            self._remember(key, exchange, (pair, use, self._baseline.periods.get(same_request(exchange))))
        self._judge_period(exchange, now)
        return None

    def _judge_exception(self, exchange: Exchange, function: str, use: Use) -> None:
        code = exchange.exception
        if code is not None and code not in use.exceptions:
            self._add(exchange, self._sentences.exception(exchange, function, code, use))

    def _judge_rate(self, exchange: Exchange, pair: Pair, now: float) -> None:
        if not exchange.pdu:
            return
        count = pair.rate.count(now)
        if count > pair.rate.limit:
            self._add(exchange, self._sentences.rate(exchange, count, pair.rate))

    def _judge_addresses(self, exchange: Exchange, function: str, use: Use) -> None:
        for table, address, count, writes in spans_of(exchange):
            known = use.addresses.get(table.value)
            last = address + count - 1
            if known is not None and known.covers(address, last):
                continue
            found = self._sentences.addresses(exchange, function, table, address, last, known, writes=writes)
            self._add(exchange, self._in_its_place(exchange, function, found) if writes else found)

    def _in_its_place(self, exchange: Exchange, function: str, found: Unusual) -> Unusual:
        """*found*, or one alert for all further addresses, where there are many already."""
        if self._alerts.has(found.key):
            return found
        group = (exchange.client, exchange.server, exchange.unit, function)
        if self._places.get(group, 0) >= MOST_PLACES:
            return self._sentences.many_addresses(exchange, function, found)
        if len(self._places) < self._options.entries:
            self._places[group] = self._places.get(group, 0) + 1
        return found

    def _judge_values(self, exchange: Exchange) -> None:
        written = self._baseline.written.get((exchange.server, exchange.unit))
        for address, value in registers_of(exchange):
            known = None if written is None else written.registers.get(address)
            if known is not None and not _within(value, *known):
                self._add(exchange, self._sentences.value(exchange, address, value, known))
        if written is not None:
            for run in coils_of(exchange):
                for unknown in _turned(written, run):
                    self._add(exchange, self._sentences.coils(exchange, unknown))

    def _judge_period(self, exchange: Exchange, now: float) -> None:
        request = same_request(exchange)
        period = self._baseline.periods.get(request)
        if exchange.pdu and period is not None and period.disturbed(now):
            self._add(exchange, self._sentences.period(exchange, request, period))

    def _add(self, exchange: Exchange, unusual: Unusual) -> None:
        self._told += 1
        self._alerts.add(unusual, exchange.time)

    # --- what is kept, and counted ---

    def as_json(self) -> dict[str, object]:
        """All that a restart has to know."""
        return {
            **self._baseline.as_json(),
            "learned": self._learned(self._clock()),
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on with what `as_json` gave; a longer time to learn than before is taken up.

        Raises:
            ValueError: it is of another version, or damaged.
        """
        self._baseline = restored(data, self._options.entries, self._options.periods)
        self._sentences = Sentences(self._baseline)
        self._usual.clear()
        try:
            self._learned_before = float(data["learned"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"what was learned is damaged: {error!r}") from None
        self._started = None

    def metrics(self) -> dict[str, Metric]:
        """What it has counted."""
        left = max(0.0, self._options.learn_for - self._learned(self._clock())) if self._learning else 0.0
        room = self._baseline.room
        return {
            "anomaly_exchanges": Metric(self._seen, "Exchanges that were learned or compared."),
            "anomaly_overflow": Metric(room.overflowed, "What was not learned for lack of room."),
            "anomaly_entries": Metric(
                room.used, "What is known: pairs, units, functions, addresses, values.", GAUGE
            ),
            "anomaly_periods": Metric(len(self._baseline.periods), "Requests whose period is known.", GAUGE),
            "anomaly_learning_seconds": Metric(round(left), "Seconds left to learn.", GAUGE),
        }


def _within(value: int, least: int, greatest: int) -> bool:
    margin = MARGIN * max(greatest - least, abs(greatest))
    return least - margin <= value <= greatest + margin


def _turned(written: Written, run: Run) -> list[Run]:
    """The coils of *run* that were only ever written the other way; those never written are new addresses."""
    same, other = (written.on, written.off) if run.on else (written.off, written.on)
    missing = same.missing(run.first, run.last)
    return [Run(first, last, run.on) for first, last in missing if other.touches(first, last)]
