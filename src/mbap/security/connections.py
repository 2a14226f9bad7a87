"""Who connects: clients not expected, too many connections, outside hours, and strangers that stay."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from datetime import time as TimeOfDay  # noqa: N812 - a class, and `time` is the module here
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final

from mbap.protocol.exchanges import Exchange
from mbap.records import Record
from mbap.security.alerts import Alerts, Fact, Unusual
from mbap.security.metrics import GAUGE, Metric
from mbap.server.handler import Peer

MOST_CLIENTS: Final = 4_096
MOST_OPEN: Final = 8_192
FLOOD_WINDOW: Final = 10.0
_DAY: Final = 86_400.0

Network = IPv4Network | IPv6Network


class Hours(Record):
    """When connections and requests are expected.

    Attributes:
        days: 0 is Monday.
        begin, end: times of day; an end before the beginning is on the next day.
        zone: whose times they are.
    """

    days: frozenset[int] = frozenset(range(7))
    begin: TimeOfDay = TimeOfDay(0)
    end: TimeOfDay = TimeOfDay(0)
    zone: tzinfo = UTC

    def contains(self, time: int) -> bool:
        """Whether the UTC microseconds *time* are within; the same begin and end are the whole day."""
        moment = datetime.fromtimestamp(time / 1e6, self.zone)
        now = moment.time()
        if self.begin < self.end:
            return moment.weekday() in self.days and self.begin <= now < self.end
        if now >= self.begin:
            return moment.weekday() in self.days
        return self.begin != self.end and now < self.end and (moment.weekday() - 1) % 7 in self.days


class Expected(Record):
    """What is expected of connections.

    Attributes:
        clients: networks; None: those that connect while it learns.
        units: units that are asked; None: any, and the anomaly detection learns them.
        hours: None: at all times.
        connects: connections of one client within ten seconds; more are a flood.
        stay: seconds for which a client that is not expected may be connected.
        learn_for: seconds, for the clients.
    """

    clients: tuple[Network, ...] | None = None
    units: frozenset[int] | None = None
    hours: Hours | None = None
    connects: int = 20
    stay: float = 600.0
    learn_for: float = _DAY


class _Client:
    __slots__ = ("connects", "since")

    def __init__(self) -> None:
        self.since = -FLOOD_WINDOW
        self.connects = 0


class Connections:
    """Watches connections; tells *alerts* what is not expected.

    Args:
        now, clock: UTC microseconds, for hours; seconds that never jump, for everything else.
    """

    def __init__(
        self,
        alerts: Alerts,
        expected: Expected | None = None,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._alerts, self._expected, self._now, self._clock = alerts, expected or Expected(), now, clock
        self._known: set[str] = set()
        self._recent: dict[str, _Client] = {}
        self._open: dict[int, tuple[Peer, float]] = {}
        self._learned_before = 0.0
        self._started = clock()
        self._arrived = self._unexpected = self._overflowed = 0

    # --- what it is told ---

    def arrived(self, peer: Peer) -> None:
        """A connection was made."""
        self._arrived += 1
        if len(self._open) < MOST_OPEN:
            self._open[peer.session] = (peer, self._clock())
        self._judge_client(peer.address)
        self._judge_flood(peer.address)
        self._judge_hours(peer.address, "connects")

    def left(self, peer: Peer) -> None:
        """It has ended."""
        self._open.pop(peer.session, None)

    @property
    def looks_at_requests(self) -> bool:
        """Whether `saw` wants to see them."""
        return self._expected.hours is not None or self._expected.units is not None

    def saw(self, exchange: Exchange) -> None:
        """A request came, perhaps on a connection that was opened long ago."""
        if self._expected.hours is not None:
            self._judge_hours(exchange.client, "sends requests", exchange.time)
        units = self._expected.units
        if units is not None and exchange.unit not in units:
            self._add(_unit(exchange, units), exchange.time)

    def tick(self) -> None:
        """Look at what is open: to be called now and then."""
        now = self._clock()
        for peer, since in list(self._open.values()):
            if now - since >= self._expected.stay and not self._expects(peer.address):
                self._add(_stays(peer, self._expected.stay))

    def learn(self, fact: Fact) -> None:
        """Take *fact*, of an alert that was accepted, for usual."""
        if len(fact) == 2 and fact[0] in ("client", "stranger"):
            self._know(str(fact[1]))

    def learn_again(self, seconds: float) -> None:
        """Take the clients of the next *seconds* for known, besides those that are."""
        learned = self._learned_before + self._clock() - self._started
        self._learned_before = min(learned, self._expected.learn_for - seconds)
        self._started = self._clock()

    # --- judging ---

    @property
    def learning(self) -> bool:
        """Whether it still learns who connects."""
        learned = self._learned_before + self._clock() - self._started
        return self._expected.clients is None and learned < self._expected.learn_for

    def _expects(self, address: str) -> bool:
        if address in self._known:
            return True
        networks = self._expected.clients
        return networks is not None and _in_one_of(address, networks)

    def _know(self, address: str) -> None:
        if len(self._known) < MOST_CLIENTS:
            self._known.add(address)
        else:
            self._overflowed += 1

    def _judge_client(self, address: str) -> None:
        if self._expects(address):
            return
        if self.learning:
            self._know(address)
            return
        self._unexpected += 1
        known = self._known_in_words()
        text = f"{address} connects, which is not one of the clients that are expected: {known}"
        self._add(Unusual("client", (address,), "high", known, address, text, ["client", address]))

    def _judge_flood(self, address: str) -> None:
        """Count in windows of ten seconds; where too many come from everywhere, all of them together."""
        if address not in self._recent and len(self._recent) >= MOST_CLIENTS:
            self._recent = {
                one: c for one, c in self._recent.items() if self._clock() - c.since < FLOOD_WINDOW
            }
            address = address if len(self._recent) < MOST_CLIENTS else "others"
        client = self._recent.setdefault(address, _Client())
        if not 0 <= self._clock() - client.since < FLOOD_WINDOW:
            client.since, client.connects = self._clock(), 0
        client.connects += 1
        if client.connects > self._expected.connects:
            self._add(_flood(address, client.connects, self._expected.connects))

    def _judge_hours(self, address: str, does: str, time: int | None = None) -> None:
        hours = self._expected.hours
        moment = self._now() if time is None else time
        if hours is not None and not hours.contains(moment):
            self._add(_outside(address, does, hours, moment), moment)

    def _known_in_words(self) -> str:
        networks = [str(one) for one in self._expected.clients or ()]
        known = [*networks, *sorted(self._known)]
        more = f" and {len(known) - 8} more" if len(known) > 8 else ""
        return (", ".join(known[:8]) + more) or "none"

    def _add(self, unusual: Unusual, time: int | None = None) -> None:
        self._alerts.add(unusual, self._now() if time is None else time)

    # --- what is kept, and counted ---

    def as_json(self) -> dict[str, object]:
        """All that a restart has to know."""
        return {
            "clients": sorted(self._known),
            "learned": self._learned_before + self._clock() - self._started,
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on with what `as_json` gave.

        Raises:
            ValueError: it is damaged.
        """
        try:
            self._known = {str(one) for one in data["clients"][:MOST_CLIENTS]}
            self._learned_before = float(data["learned"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"what was learned of connections is damaged: {error!r}") from None
        self._started = self._clock()

    def metrics(self) -> dict[str, Metric]:
        """What it has counted."""
        return {
            "connections_seen": Metric(self._arrived, "Connections that were watched."),
            "connections_unexpected": Metric(self._unexpected, "Those of clients that are not expected."),
            "connections_overflow": Metric(self._overflowed, "Clients not learned for lack of room."),
            "connections_open": Metric(len(self._open), "Connections that are open.", GAUGE),
            "connections_clients": Metric(len(self._known), "Clients that are known.", GAUGE),
        }


def _in_one_of(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        host = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(host, "ipv4_mapped", None)
    return any((mapped or host) in network for network in networks)


def _unit(exchange: Exchange, units: frozenset[int]) -> Unusual:
    known = ", ".join(str(one) for one in sorted(units)[:16])
    text = f"{exchange.client} asks unit {exchange.unit} of {exchange.server}; expected are {known}"
    parts = (exchange.client, exchange.server, exchange.unit)
    return Unusual("unexpected-unit", parts, "medium", known, str(exchange.unit), text)


def _flood(address: str, connects: int, limit: int) -> Unusual:
    text = f"{address} connected {connects} times within 10 s; the limit is {limit}"
    return Unusual("flood", (address,), "medium", str(limit), str(connects), text)


def _stays(peer: Peer, stay: float) -> Unusual:
    text = f"{peer.address} is connected for more than {stay:g} s, and is not one of the clients expected"
    return Unusual(
        "stranger", (peer.address,), "high", f"{stay:g} s", "longer", text, ["stranger", peer.address]
    )


def _outside(address: str, does: str, hours: Hours, time: int) -> Unusual:
    moment = datetime.fromtimestamp(time / 1e6, hours.zone)
    learned = f"{hours.begin:%H:%M} to {hours.end:%H:%M}"
    text = f"{address} {does} at {moment:%a %H:%M}, outside the hours {learned}"
    parts = (address, does.partition(" ")[0], f"{moment:%Y-%m-%d}")
    return Unusual("hours", parts, "medium", learned, f"{moment:%a %H:%M}", text)
