"""security.connections: who connects, when, how often, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from datetime import time as TimeOfDay  # noqa: N812 - as in the module
from ipaddress import ip_network
from typing import Any

import pytest

from mbap.protocol.pdu import ReadHoldingRegisters
from mbap.security.alerts import Alert, Alerts
from mbap.security.connections import MOST_CLIENTS, MOST_OPEN, Connections, Expected, Hours
from mbap.server.handler import Peer
from support.hand_clock import HandClock
from support.watching import exchange

DAY = 86_400.0
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
READ = ReadHoldingRegisters(0, 1)
PLANT = (ip_network("10.1.0.0/24"), ip_network("fd00::/8"))
OFFICE = Hours(frozenset(range(5)), TimeOfDay(6), TimeOfDay(18))


class Watched:
    """Connections that are watched, and what is told of them; the wall clock stands at *at*."""

    def __init__(self, expected: Expected | None = None, at: datetime = NOON) -> None:
        self.clock = HandClock()
        self.at = at
        self.told: list[Alert] = []
        self.alerts = Alerts(self.told.append)
        self.connections = Connections(self.alerts, expected, now=self.microseconds, clock=self.clock)
        self._sessions = 0

    def microseconds(self) -> int:
        return round(self.at.timestamp() * 1e6)

    def connect(self, address: str = "10.1.0.5") -> Peer:
        self._sessions += 1
        peer = Peer(address, 1_000, session=self._sessions)
        self.connections.arrived(peer)
        return peer

    def request(self, address: str = "10.1.0.5", unit: int = 1) -> None:
        self.connections.saw(exchange(READ, client=address, unit=unit, time=self.at.timestamp()))

    @property
    def kinds(self) -> list[str]:
        return [alert.kind for alert in self.told]


@pytest.mark.parametrize("address", ["10.1.0.5", "fd00::1", "::ffff:10.1.0.9", "fd00::1%eth0"])
def test_a_client_of_an_expected_network_is_not_told(address: str) -> None:
    watched = Watched(Expected(clients=PLANT))
    watched.connect(address)
    assert watched.told == []


@pytest.mark.parametrize("address", ["10.2.0.5", "2001:db8::1", "somewhere"])
def test_another_is_told_at_once_before_it_sends_anything(address: str) -> None:
    watched = Watched(Expected(clients=PLANT))
    watched.connect(address)
    watched.connect(address)
    assert watched.kinds == ["client"]
    assert watched.told[0].text == (
        f"{address} connects, which is not one of the clients that are expected: 10.1.0.0/24, fd00::/8"
    )


def test_without_networks_those_are_expected_that_connect_while_it_learns() -> None:
    watched = Watched()
    watched.connect("10.0.0.1")
    watched.clock.now += DAY
    watched.connect("10.0.0.1")
    assert watched.told == []
    watched.connect("10.0.0.2")
    assert watched.kinds == ["client"]


def test_one_that_is_accepted_is_expected() -> None:
    watched = Watched(Expected(clients=PLANT))
    watched.connect("10.2.0.5")
    watched.connections.learn(watched.told[0].facts[0])
    watched.alerts.accept(watched.told[0].key)
    watched.connect("10.2.0.5")
    assert len(watched.told) == 1


def test_it_can_learn_again() -> None:
    watched = Watched()
    watched.clock.now += DAY
    watched.connections.learn_again(3_600)
    watched.connect("10.0.0.2")
    watched.clock.now += 3_600
    watched.connect("10.0.0.2")
    watched.connect("10.0.0.3")
    assert [one.key for one in watched.told] == ["client 10.0.0.3"]


def test_too_many_connections_within_ten_seconds_are_told() -> None:
    watched = Watched(Expected(clients=PLANT, connects=3))
    for _ in range(3):
        watched.connect()
    watched.clock.now += 10
    for _ in range(3):
        watched.connect()
    assert watched.told == []
    watched.connect()
    assert [one.text for one in watched.told] == ["10.1.0.5 connected 4 times within 10 s; the limit is 3"]


def test_a_unit_that_is_not_expected_is_told() -> None:
    watched = Watched(Expected(clients=PLANT, units=frozenset({1, 2})))
    watched.request(unit=2)
    assert watched.told == []
    watched.request(unit=7)
    assert [one.text for one in watched.told] == ["10.1.0.5 asks unit 7 of plc1; expected are 1, 2"]


def test_connecting_outside_hours_is_told() -> None:
    watched = Watched(Expected(clients=PLANT, hours=OFFICE))
    watched.connect()
    assert watched.told == []
    watched.at = NOON + timedelta(hours=8)
    watched.connect()
    assert watched.told[0].text == "10.1.0.5 connects at Mon 20:00, outside the hours 06:00 to 18:00"


def test_requests_outside_hours_are_told_also_on_a_connection_that_was_opened_within() -> None:
    watched = Watched(Expected(clients=PLANT, hours=OFFICE))
    watched.connect()
    watched.request()
    assert watched.told == []
    watched.at = NOON + timedelta(hours=8)
    watched.request()
    watched.request()
    assert [one.text for one in watched.told] == [
        "10.1.0.5 sends requests at Mon 20:00, outside the hours 06:00 to 18:00"
    ]
    watched.at += timedelta(days=1)
    watched.request()
    assert len(watched.told) == 2


@pytest.mark.parametrize(
    ("hours", "moment", "within"),
    [
        (Hours(), NOON, True),
        (OFFICE, NOON.replace(hour=6), True),
        (OFFICE, NOON.replace(hour=18), False),
        (OFFICE, NOON + timedelta(days=5), False),
        (Hours(begin=TimeOfDay(22), end=TimeOfDay(6)), NOON.replace(hour=23), True),
        (Hours(begin=TimeOfDay(22), end=TimeOfDay(6)), NOON.replace(hour=5), True),
        (Hours(begin=TimeOfDay(22), end=TimeOfDay(6)), NOON, False),
        (Hours(frozenset({0}), TimeOfDay(22), TimeOfDay(6)), NOON + timedelta(hours=13), True),
        (Hours(frozenset({0}), TimeOfDay(22), TimeOfDay(6)), NOON.replace(hour=1), False),
        (Hours(begin=TimeOfDay(6), end=TimeOfDay(12), zone=timezone(timedelta(hours=-1))), NOON, True),
    ],
)
def test_hours(hours: Hours, moment: datetime, within: bool) -> None:
    assert hours.contains(round(moment.timestamp() * 1e6)) is within


def test_a_stranger_that_stays_is_told_and_one_that_leaves_is_not() -> None:
    watched = Watched(Expected(clients=PLANT, stay=60))
    watched.connect("10.2.0.5")
    left = watched.connect("10.2.0.6")
    watched.connect("10.1.0.5")
    watched.connections.left(left)
    watched.clock.now += 59
    watched.connections.tick()
    assert "stranger" not in watched.kinds
    watched.clock.now += 1
    watched.connections.tick()
    watched.connections.tick()
    assert [one.key for one in watched.told if one.kind == "stranger"] == ["stranger 10.2.0.5"]


def test_whoever_comes_no_more_is_kept_than_may_be() -> None:
    watched = Watched()
    for number in range(MOST_CLIENTS + 5_000):
        watched.connect(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    numbers = {name: metric.value for name, metric in watched.connections.metrics().items()}
    assert numbers["connections_clients"] == MOST_CLIENTS
    assert numbers["connections_open"] == MOST_OPEN
    assert numbers["connections_overflow"] == 5_000
    assert "flood others" in [one.key for one in watched.told]


def test_a_restart_goes_on_where_it_stood() -> None:
    watched, after = Watched(), Watched()
    watched.connect("10.0.0.1")
    watched.clock.now += DAY - 10
    after.connections.restore(watched.connections.as_json())
    after.clock.now += 9
    assert after.connections.learning
    after.clock.now += 2
    after.connect("10.0.0.1")
    assert after.told == []
    after.connect("10.0.0.2")
    assert after.kinds == ["client"]


@pytest.mark.parametrize("data", [{}, {"clients": 5, "learned": 0}, {"clients": [], "learned": "x"}])
def test_what_was_kept_and_is_damaged_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is damaged"):
        Watched().connections.restore(data)
