"""Our clients against every misbehaviour of the table: right data, or a clean error and recovery."""

from __future__ import annotations

import pytest
from robustness.clients import CLIENTS, OURS
from robustness.misbehaviours import ALL, Misbehaviour
from robustness.trial import ERROR, RIGHT, tried

MEETINGS = [
    pytest.param(name, misbehaviour, id=f"{misbehaviour.number}-{name}")
    for misbehaviour in ALL
    for name in OURS
    if CLIENTS[name].framing == misbehaviour.framing
]


@pytest.mark.parametrize(("name", "misbehaviour"), MEETINGS)
def test_it_gives_right_data_or_a_clean_error_and_works_again(name: str, misbehaviour: Misbehaviour) -> None:
    verdict = tried(CLIENTS[name], misbehaviour)
    wanted = {"data": [RIGHT], "error": [ERROR], "either": [RIGHT, ERROR]}[misbehaviour.wanted]
    assert verdict.word in wanted, f"the device {misbehaviour.title}: {verdict.seen}"


def test_every_number_is_there_once() -> None:
    numbers = [misbehaviour.number for misbehaviour in ALL]
    assert len(set(numbers)) == len(numbers)
