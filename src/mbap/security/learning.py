"""A policy out of what was seen: a rule for whatever each client did, for somebody to read first."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from mbap.addresses import Table
from mbap.protocol.exchanges import Exchange
from mbap.security.accesses import Range, accesses, joined
from mbap.security.functions import WRITES, Functions
from mbap.security.policy import Policy
from mbap.security.rules import Addresses, Device, Rule
from mbap.security.sources import Source
from mbap.server.networks import network_of

MOST_RULES: Final = 2_000
"""What more clients, devices, units and functions there are is counted, and not learned."""
_NO_CALENDAR: Final = 253_402_300_800_000_000
"""UTC microseconds at which the year 10000 begins."""
_MOST_SAME: Final = 4096
"""Different requests that are known again: what they touch has been remembered."""
_Key = tuple[str, str | None, str, int, str]
"""Client, role, server, unit, function."""


class _Seen:
    """What one client did with one function of one unit."""

    __slots__ = ("count", "failed", "first", "largest", "last", "reads", "writes")

    def __init__(self, time: int) -> None:
        self.count = self.failed = self.largest = 0
        self.first = self.last = time
        self.reads: dict[Table, list[Range]] = {}
        self.writes: dict[Table, list[Range]] = {}

    def again(self, exchange: Exchange) -> None:
        """Count what touches nothing new."""
        time = exchange.time
        self.count += 1
        self.failed += exchange.exception is not None
        if time < self.first:
            self.first = time
        elif time > self.last:
            self.last = time

    def add(self, exchange: Exchange) -> None:
        """Count it, and remember what it touches."""
        self.again(exchange)
        if exchange.request is None:
            return
        for access in accesses(exchange.request):
            if access.table is not None:
                side = self.writes if access.side == WRITES else self.reads
                ranges = side.setdefault(access.table, [])
                ranges.append((access.first, access.last))
                self.largest = max(self.largest, access.last - access.first + 1)
                if len(ranges) > 64:
                    side[access.table] = list(joined(ranges))


class Learned:
    """What was seen, to become a policy.

    Attributes:
        seen: exchanges that were taken in.
        left_out: those that were no requests, and those beyond `MOST_RULES`.
    """

    def __init__(self) -> None:
        self.seen = self.left_out = 0
        self._seen: dict[_Key, _Seen] = {}
        self._same: dict[tuple[str, str | None, str, int, int, bytes], _Seen] = {}

    def take(self, exchanges: Iterable[Exchange]) -> Learned:
        """Take in *exchanges*; gives itself."""
        for exchange in exchanges:
            self._take(exchange)
        return self

    def _take(self, exchange: Exchange) -> None:
        self.seen += 1
        if exchange.request is None or not exchange.pdu:
            self.left_out += 1
            return
        by, to = (exchange.client, exchange.role), (exchange.server, exchange.server_port)
        same = *by, *to, exchange.unit, exchange.pdu
        found = self._same.get(same)
        if found is not None:
            found.again(exchange)
            return
        key = *by, _server(exchange), exchange.unit, _function(exchange)
        found = self._seen.get(key)
        if found is None:
            if len(self._seen) >= MOST_RULES:
                self.left_out += 1
                return
            found = self._seen[key] = _Seen(exchange.time)
        found.add(exchange)
        if len(self._same) >= _MOST_SAME:
            self._same.clear()
        self._same[same] = found

    def policy(self) -> Policy:
        """A policy in observe mode, whose rules are not enabled: to switch them on is somebody's decision."""
        clients = {client: _name(client, "client") for client, *_ in self._seen}
        servers = {key[2]: _name(key[2], "device") for key in self._seen}
        rules = [
            self._rule(number, key, seen, clients[key[0]], servers[key[2]])
            for number, (key, seen) in enumerate(sorted(self._seen.items(), key=_by_client), 1)
        ]
        return Policy(
            rules=tuple(rules),
            mode="observe",
            name="learned from traffic: read every rule before it is enabled",
            networks={name: (client,) for client, name in clients.items()},
            devices={name: Device(connect=server) for server, name in servers.items()},
        )

    def _rule(self, number: int, key: _Key, seen: _Seen, client: str, device: str) -> Rule:
        _, role, _, unit, function = key
        both = seen.reads and seen.writes
        return Rule(
            id=f"learned-{number}",
            functions=Functions([function]),
            source=Source((client,), (network_of(key[0]),), () if role is None else (role,)),
            to=(device,),
            units=((unit, unit),),
            addresses=None if both else _ranges(seen.reads or seen.writes),
            read_addresses=_ranges(seen.reads) if both else None,
            write_addresses=_ranges(seen.writes) if both else None,
            count=seen.largest or None,
            enabled=False,
            log="values" if seen.writes else None,
            comment=_comment(seen),
        )


def _by_client(item: tuple[_Key, _Seen]) -> tuple[str, str, str, int, int]:
    (client, role, server, unit, function), _ = item
    return client, role or "", server, unit, int(function.partition("/")[0])


def _comment(seen: _Seen) -> str:
    often = "once" if seen.count == 1 else f"{seen.count} times"
    failed = f", {seen.failed} of them answered with an exception" if seen.failed else ""
    first, last = (_date(time) for time in (seen.first, seen.last))
    return f"seen {often}, {first} to {last}{failed}"


def _date(time: int) -> str:
    if not 0 <= time < _NO_CALENDAR:
        return "a time that no calendar has"  # what a packet claims may be anything
    return datetime.fromtimestamp(time / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _ranges(seen: dict[Table, list[Range]]) -> Addresses | None:
    return {table: joined(ranges) for table, ranges in seen.items()} or None


def _function(exchange: Exchange) -> str:
    assert exchange.request is not None
    (first, *_) = accesses(exchange.request)
    return f"{first.code}/{first.sub}" if first.code in (8, 43) else str(first.code)


def _server(exchange: Exchange) -> str:
    """Where it is, as an endpoint; what a firewall saw says so itself."""
    if "://" in exchange.server:
        return exchange.server
    host = f"[{exchange.server}]" if ":" in exchange.server else exchange.server
    return f"tcp://{host}:{exchange.server_port or 502}"


def _name(text: str, what: str) -> str:
    """A name for a client or a server, from its address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        text = text.partition("://")[2] or text
    return f"{what}_" + re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def rules_of(policy: Policy) -> Iterator[str]:
    """The rules in a line each, for people."""
    for rule in policy.rules:
        yield f"{rule.id}: function {rule.functions}, {rule.comment}"
