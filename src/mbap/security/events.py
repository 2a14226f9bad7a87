"""What parts of the protection tell each other, and the audit trail: one event for whatever happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mbap.records import Record, fresh
from mbap.server.handler import Peer

Detail = str | int | float | bool | None | list[int] | list[float] | list[str]

KINDS: Final = (
    "request",  # allowed, and wanted in the trail
    "response",
    "deny",
    "alert",
    "malformed",
    "session_open",
    "session_close",
    "auth_fail",  # no, or a wrong, certificate or role
    "fallback",  # plain Modbus instead of TLS
    "policy_load",
    "configuration",  # certificates, revocation lists, the site: reloaded, or refused
    "maintenance",  # a window armed, or closed
    "audit",  # the trail itself: begun, rotated, lines lost
    "system",  # started, stopped
)


class Event(Record):
    """Something that happened.

    Attributes:
        kind: one of `KINDS`.
        time: when, in UTC microseconds.
        peer: on whose connection; None where it is on none.
        details: the rest, by the names of the audit trail: rule, decision, reason, unit, func, address, ...
    """

    kind: str
    time: int
    peer: Peer | None = None
    details: Mapping[str, Detail] = fresh(dict)


EventSink = Callable[[Event], None]
"""Takes an event; returns at once, and never raises."""
