"""Requests that are usual are looked at less: what is learned and told is as with a close look at all."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.protocol.pdu import (
    ReadHoldingRegisters,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleRegister,
)
from mbap.protocol.pdu.base import Request
from mbap.security.alerts import Alert, Alerts
from mbap.security.anomaly import Anomaly, AnomalyOptions
from support.hand_clock import HandClock
from support.watching import exchange

REQUESTS: list[Request[Any]] = [
    *(ReadHoldingRegisters(address, 2) for address in (0, 1, 40)),
    *(WriteSingleRegister(5, value) for value in (1, 50, 900)),
    WriteMultipleRegisters(5, (1, 2)),
    *(WriteMultipleCoils(0, bits) for bits in ((True, True), (True, False), (False, False))),
]
SEEN = st.tuples(
    st.just("saw"),
    st.sampled_from(REQUESTS),
    st.sampled_from(["10.0.0.7", "10.0.0.8"]),
    st.sampled_from([1, 2]),
    st.sampled_from([None, None, None, 2, 6]),
    st.sampled_from([0.0, 0.1, 1.0, 5.0]),
)
ACTS = st.one_of(
    SEEN,
    SEEN,
    SEEN,
    st.tuples(st.sampled_from(["accept", "learn again", "restart"])),
    st.tuples(st.just("wait"), st.sampled_from([-3.0, 20.0])),
    st.tuples(st.just("often"), st.sampled_from(REQUESTS), st.integers(5, 60)),
)


class _Close(Anomaly):
    """Looks closely at every request."""

    def _remember(self, *_: Any) -> None:
        pass


class Course:
    """An anomaly detection, and what becomes of it."""

    def __init__(self, kind: type[Anomaly], entries: int) -> None:
        self.clock = HandClock()
        self.told: list[Alert] = []
        self.alerts = Alerts(self.told.append)
        self.kind, self.options = kind, AnomalyOptions(30.0, entries, entries)
        self.anomaly = kind(self.alerts, self.options, self.clock)

    def act(self, what: str, *how: Any) -> None:
        if what == "saw":
            request, client, unit, exception, then = how
            self.saw(request, client, unit, exception)
            self.clock.now += then
        elif what == "often":
            for _ in range(how[1]):
                self.saw(how[0], "10.0.0.7", 1, None)
                self.clock.now += 0.5
        elif what == "wait":
            self.clock.now += how[0]
        elif what == "learn again":
            self.anomaly.learn_again(10.0)
        elif what == "accept":
            for fact in (fact for alert in self.told for fact in alert.facts):
                self.anomaly.learn(fact)
        else:
            kept = self.anomaly.as_json()
            self.anomaly = self.kind(self.alerts, self.options, self.clock)
            self.anomaly.restore(kept)

    def saw(self, request: Request[Any], client: str, unit: int, exception: int | None) -> None:
        self.anomaly.saw(
            exchange(request, client=client, unit=unit, exception=exception, time=self.clock.now)
        )

    def outcome(self) -> dict[str, object]:
        metrics = self.anomaly.metrics()
        return {
            "learned": self.anomaly.as_json(),
            "alerts": [one.as_json() for one in self.alerts.items()],
            "metrics": {name: one.value for name, one in metrics.items()},
            "last new": self.anomaly.last_new,
        }


@given(st.lists(ACTS, min_size=5, max_size=60), st.sampled_from([4, 9, 1000]))
@settings(max_examples=200, deadline=None)
def test_what_is_learned_and_told_is_the_same_as_with_a_close_look_at_every_request(
    acts: list[tuple[Any, ...]], entries: int
) -> None:
    quick, close = Course(Anomaly, entries), Course(_Close, entries)
    for act in acts:
        quick.act(*act)
        close.act(*act)
    assert quick.outcome() == close.outcome()
