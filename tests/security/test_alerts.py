"""security.alerts: one alert for a key, then counted; never more than there may be."""

from __future__ import annotations

import pytest

from mbap.security.alerts import MOST_ACCEPTED, MOST_SHOWN, Alert, Alerts, Unusual, alert_from


def unusual(name: str = "10.0.0.9", seen: str = "10.0.0.9") -> Unusual:
    return Unusual(
        "pair", (name, "plc1"), "high", "10.0.0.5", seen, f"{name} is new", ["pair", name, "plc1", seen]
    )


def test_the_first_is_told_and_those_after_it_are_counted() -> None:
    told: list[Alert] = []
    alerts = Alerts(told.append)
    assert [alerts.add(unusual(), time) for time in (10, 20, 15)] == [True, False, False]
    (alert,) = alerts.items()
    assert (alert.first, alert.last, alert.count) == (10, 20, 3)
    assert [one.key for one in told] == ["pair 10.0.0.9 plc1"]
    assert (alerts.raised, alerts.repeated) == (1, 2)


def test_new_values_of_the_same_key_are_listed_and_learned_with_it() -> None:
    alerts = Alerts()
    for seen in ("1", "2", "1"):
        alerts.add(unusual(seen=seen), 0)
    (alert,) = alerts.items()
    assert alert.seen == "1, 2"
    assert [fact[-1] for fact in alert.facts] == ["1", "2"]


def test_no_more_values_are_learned_than_are_listed() -> None:
    alerts = Alerts()
    for seen in range(100):
        alerts.add(unusual(seen=str(seen)), 0)
    (alert,) = alerts.items()
    assert len(alert.facts) == len(alert.seen.split(", ")) == MOST_SHOWN


def test_one_that_was_accepted_is_told_again_when_it_comes_again() -> None:
    told: list[Alert] = []
    alerts = Alerts(told.append)
    alerts.add(unusual(), 1)
    assert alerts.accept("pair 10.0.0.9 plc1") == told[0]
    assert [one.accepted for one in alerts.items()] == [True]
    alerts.add(unusual(), 2)
    assert len(told) == 2
    assert [one.accepted for one in alerts.items()] == [False]


def test_what_is_not_there_cannot_be_accepted() -> None:
    assert Alerts().accept("pair x y") is None


def test_more_than_there_may_be_are_counted_under_one_key() -> None:
    told: list[Alert] = []
    alerts = Alerts(told.append, most=3)
    for number in range(1_000):
        alerts.add(unusual(f"10.0.0.{number}"), number)
    assert [one.kind for one in told] == ["pair"] * 3 + ["overflow"]
    assert len(alerts.items()) == 4
    assert alerts.overflowed == 997
    assert alerts.metrics()["alerts_overflow"].value == 997


def test_those_accepted_long_ago_make_room() -> None:
    alerts = Alerts()
    for number in range(MOST_ACCEPTED + 5):
        alerts.add(unusual(f"host{number}"), number)
        alerts.accept(f"pair host{number} plc1")
    assert len(alerts.items()) == MOST_ACCEPTED
    assert alerts.items()[0].key == "pair host5 plc1"


def test_a_key_is_one_line_of_words() -> None:
    assert unusual("a b\nc").key == "pair a_b_c plc1"


def test_it_is_found_by_its_id_and_by_its_key() -> None:
    alerts = Alerts()
    alerts.add(unusual(), 0)
    (alert,) = alerts.items()
    assert alerts.find(alert.id) == alerts.find(alert.key) == alert
    assert alerts.find("nothing") is None


def test_it_is_the_same_after_a_restart() -> None:
    alerts, after = Alerts(), Alerts()
    alerts.add(unusual(), 5)
    after.restore([alert_from(one.as_json()) for one in alerts.items()])
    assert after.items() == alerts.items()
    assert after.add(unusual(), 6) is False


def test_what_is_no_alert_is_refused() -> None:
    with pytest.raises(ValueError, match="an alert without"):
        alert_from({"id": "x"})


def test_open_ones_are_counted_by_severity() -> None:
    alerts = Alerts()
    alerts.add(unusual(), 0)
    alerts.add(Unusual("exception", ("x",), "low", "none", "02", "exception 02"), 0)
    numbers = {name: metric.value for name, metric in alerts.metrics().items()}
    assert (numbers["alerts_open"], numbers["alerts_open_high"]) == (2, 1)
