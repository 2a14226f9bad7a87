"""Limits: what is refused when they are made."""

from __future__ import annotations

import pytest

from mbap.server.limits import Limits


@pytest.mark.parametrize(
    "name",
    [
        "max_connections",
        "max_per_address",
        "connect_rate",
        "idle_timeout",
        "adu_timeout",
        "open_requests",
        "read_size",
        "backlog",
    ],
)
def test_a_limit_of_0_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be more than 0"):
        Limits(**{name: 0})  # type: ignore[arg-type]


def test_a_rule_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="when_full is 'refuse' or 'drop_idle', not 'queue'"):
        Limits(when_full="queue")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="surplus is 'busy' or 'wait', not 'drop'"):
        Limits(surplus="drop")  # type: ignore[arg-type]


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'everyone' is not a network"):
        Limits(allow=("everyone",))


def test_one_network_alone_is_not_taken_for_its_letters() -> None:
    with pytest.raises(ValueError, match=r"write \('10.0.0.0/8',\)"):
        Limits(allow="10.0.0.0/8")  # type: ignore[arg-type]


def test_what_stands_in_the_standard_guide_is_the_default() -> None:
    usual = Limits()
    assert (usual.idle_timeout, usual.adu_timeout, usual.stalled_timeout) == (120.0, 5.0, 10.0)
    assert (usual.when_full, usual.surplus, usual.allow) == ("refuse", "busy", None)


@pytest.mark.parametrize("reserved", [-1, 4, 5])
def test_not_all_places_can_be_reserved(reserved: int) -> None:
    with pytest.raises(ValueError, match=f"reserved is 0 to 3, fewer .* not {reserved}"):
        Limits(max_connections=4, keep=("10.0.0.5",), reserved=reserved)


def test_places_are_reserved_for_somebody() -> None:
    with pytest.raises(ValueError, match="reserved=1 needs keep"):
        Limits(reserved=1)


def test_a_network_to_keep_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'10\.0\.0\.5/8' is an address within a network"):
        Limits(keep=("10.0.0.5/8",))
    with pytest.raises(ValueError, match=r"keep is a tuple of networks: write \('10.0.0.5',\)"):
        Limits(keep="10.0.0.5")  # type: ignore[arg-type]
