"""How patient to be: presets by the kind of way to a device, from a cable to a satellite."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from mbap.client.breaker import Breaker
from mbap.records import Record

LinkName: TypeAlias = Literal["lan", "wan", "satellite"]


class LinkKind(Record):
    """The times that go with one kind of way to a device, in seconds.

    Attributes:
        timeout: for one attempt, and for connecting.
        user_timeout: what was sent and is not acknowledged for so long ends the connection (Linux).
        breaker: when silent units are left alone. backoff: the same for an endpoint without connection.
    """

    timeout: float
    user_timeout: float
    breaker: Breaker
    backoff: Breaker


LINK_KINDS: Final[dict[str, LinkKind]] = {
    "lan": LinkKind(3.0, 30.0, Breaker(), Breaker(jitter=0.25)),
    "wan": LinkKind(10.0, 60.0, Breaker(first=3.0, longest=180.0), Breaker(3, 3.0, 180.0, jitter=0.25)),
    "satellite": LinkKind(
        40.0, 120.0, Breaker(first=10.0, longest=600.0), Breaker(3, 10.0, 600.0, jitter=0.25)
    ),
}


def link_kind(name: str) -> LinkKind:
    """The preset of *name*.

    Raises:
        ValueError: there is none.
    """
    if name not in LINK_KINDS:
        raise ValueError(f"link is lan, wan or satellite, not {name!r}")
    return LINK_KINDS[name]
