"""An event as the fields of the audit trail, in their order; nothing secret, nothing too long."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from mbap.security.events import Detail, Event
from mbap.server.handler import Peer

CATEGORIES: Final[Mapping[str, str]] = {
    "request": "access",
    "response": "access",
    "deny": "access",
    "session_open": "access",
    "session_close": "access",
    "auth_fail": "access",
    "fallback": "access",
    "malformed": "request-error",
    "alert": "system",
    "system": "system",
    "policy_load": "configuration",
    "configuration": "configuration",
    "maintenance": "configuration",
    "audit": "audit",
}
"""What kind of record it is, in the words of IEC 62443-4-2, CR 2.8."""

ORDER: Final = (
    "rule", "decision", "reason", "answer", "severity", "key", "session", "listener", "src_ip", "src_port",
    "dst_device", "dst_ip", "dst_port", "tls", "tid", "unit", "func", "func_name", "subfunc", "table",
    "address", "quantity", "values", "request_len", "response_len", "exception_code", "latency_ms",
    "upstream_tid", "raw_hex", "count", "suppressed",
)  # fmt: skip
"""The fields after ts, event, category and policy_hash, in the order in which they are written."""

LONGEST_TEXT: Final = 600
"""Characters of one text; the rest is left out, and said so. 260 bytes in hexadecimal are 520."""
MOST_VALUES: Final = 2_000
_OWN: Final = frozenset({"n", "prev", "hash", "ts", "event", "category", "policy_hash", *ORDER})
_SECRET: Final = re.compile(
    r"pass(word|phrase)?$|secret|token|private|credential|(^|_)key_?(text|data)$|^pin$"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def fields(event: Event, policy_hash: str = "") -> dict[str, object]:
    """*event* as the trail has it: what is not there is left out."""
    found: dict[str, object] = {
        "ts": stamp(event.time),
        "event": event.kind,
        "category": CATEGORIES.get(event.kind, "system"),
    }
    if digest := event.details.get("policy_hash") or policy_hash:
        found["policy_hash"] = digest
    named = {**_of_peer(event.peer), **{name: _safe(name, one) for name, one in event.details.items()}}
    named.pop("policy_hash", None)
    found |= {name: named.pop(name) for name in ORDER if named.get(name) is not None}
    return found | {_free(name): value for name, value in named.items() if value is not None}


def stamp(time: int) -> str:
    """UTC microseconds as the trail writes them: `2026-03-01T12:00:00.000Z`."""
    moment = _EPOCH + timedelta(microseconds=time)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def moment(text: str) -> int:
    """The UTC microseconds that `stamp` wrote.

    Raises:
        ValueError: it did not.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _free(name: str) -> str:
    """*name*, or another where the trail itself has that one."""
    return f"{name}_" if name in _OWN else name


def _of_peer(peer: Peer | None) -> dict[str, object]:
    if peer is None:
        return {}
    found: dict[str, object] = {
        "session": peer.session or None,
        "listener": _cut(peer.listener) or None,
        "src_ip": _cut(peer.address) or None,
        "src_port": peer.port or None,
    }
    if peer.identity is not None:
        found["tls"] = _tls(peer)
    return found


def _tls(peer: Peer) -> dict[str, object]:
    identity = peer.identity
    assert identity is not None
    found = {
        "version": identity.protocol,
        "cipher": identity.cipher,
        "subject": _cut(identity.subject),
        "issuer": _cut(identity.issuer),
        "serial": identity.serial,
        "fingerprint": identity.fingerprint,
        "role": None if peer.role is None else _cut(peer.role),
        "role_problem": _cut(identity.role_problem) or None,
        "resumed": identity.resumed,
    }
    return {name: value for name, value in found.items() if value not in ("", None)}


def _safe(name: str, value: Detail) -> object:
    if _SECRET.search(name.lower()):
        return "(left out: secret)"
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, list):
        return [_safe("", one) for one in value[:MOST_VALUES]]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has neither infinity nor NaN
    return value


def _cut(text: str) -> str:
    left = len(text) - LONGEST_TEXT
    return text if left <= 0 else f"{text[:LONGEST_TEXT]}… ({left} more)"
