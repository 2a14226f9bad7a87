"""Seldom: how often something is logged."""

from __future__ import annotations

import logging

import pytest

from mbap.server.seldom import Seldom
from support.fake_time import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seldom(clock: Clock) -> Seldom:
    return Seldom(logging.getLogger("test.seldom"), 60.0, clock)


def test_the_second_of_a_kind_is_left_out(seldom: Seldom, caplog: pytest.LogCaptureFixture) -> None:
    seldom.warn("full", "refused %s", "a")
    seldom.warn("full", "refused %s", "b")
    assert caplog.messages == ["refused a"]


def test_another_kind_is_logged(seldom: Seldom, caplog: pytest.LogCaptureFixture) -> None:
    seldom.warn("full", "refused")
    seldom.warn("accept", "waiting")
    assert caplog.messages == ["refused", "waiting"]


def test_after_a_minute_it_says_how_many_were_left_out(
    seldom: Seldom, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "abc":
        seldom.warn("full", "refused %s", name)
    clock.advance(61)
    seldom.warn("full", "refused %s", "d")
    assert caplog.messages[-1] == "refused d (and 2 more)"
