"""Our server against every hostile input of the robustness table: it does what is right, and serves on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from robustness.attack import Attacker
from robustness.hostile import ALL, Hostile
from robustness.servers import our_device
from robustness.trial import RIGHT

from mbap import Limits, serving
from mbap.transport.endpoint import parse_endpoint

ADU_TIMEOUT = 0.5
"""Shorter than usual, for the inputs that are not to be waited for."""


@pytest.fixture(scope="module")
def attacker() -> Iterator[Attacker]:
    with serving(our_device(), limits=Limits(adu_timeout=ADU_TIMEOUT)) as url:
        yield Attacker(parse_endpoint(url).port)


@pytest.mark.parametrize("hostile", ALL, ids=lambda hostile: hostile.number)
def test_it_does_what_is_right_and_serves_on(attacker: Attacker, hostile: Hostile) -> None:
    verdict = attacker.attack(hostile)
    assert verdict.word == RIGHT, f"{hostile.title}: {verdict.seen}"


def test_every_number_is_there_once() -> None:
    numbers = [hostile.number for hostile in ALL]
    assert len(set(numbers)) == len(numbers)
