"""How many clients come to a gateway, guard or concentrator, and how fast: these words as `Limits`."""

from __future__ import annotations

from collections.abc import Sequence

from mbap.server.limits import Limits, WhenFull


def crowd_limits(
    allow: Sequence[str] | None = None,
    max_clients: int | None = None,
    when_full: WhenFull = "drop_idle",
    connect_rate: float | None = None,
    idle: float | None = 120.0,
    keep: Sequence[str] = (),
) -> Limits:
    """What a server has to know; None: all, as many as usual, as fast as usual, for ever.

    A *connect_rate* of 0 is no limit.

    Raises:
        ValueError: a network is none.
    """
    usual = Limits()
    rate = usual.connect_rate if connect_rate is None else connect_rate or None
    return Limits(
        max_connections=max_clients or usual.max_connections,
        when_full=when_full,
        connect_rate=rate,
        allow=None if allow is None else tuple(allow),
        idle_timeout=idle,
        keep=tuple(keep),
    )
