"""An event as a syslog message: RFC 5424, and RFC 6587 where a stream has to tell where one ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from mbap.records import Record
from mbap.security.auditrecord import fields, stamp
from mbap.security.events import Event

LONGEST: Final = 8_192
LONGEST_DATAGRAM: Final = 2_048
LOG_AUDIT: Final = 13
_WARNING, _NOTICE, _INFO, _CRITICAL = 4, 5, 6, 2
_LEVELS: Final = {
    "deny": _WARNING,
    "malformed": _WARNING,
    "auth_fail": _WARNING,
    "fallback": _WARNING,
    "policy_load": _NOTICE,
    "configuration": _NOTICE,
    "maintenance": _NOTICE,
}
_SEVERITIES: Final = {"high": _CRITICAL, "medium": _WARNING, "low": _NOTICE}
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]")
_NOT_IN_A_HEADER: Final = re.compile(r"[^!-~]")
_LARGE: Final = ("values", "raw_hex", "key", "learned", "reason")
_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"


class Sender(Record):
    """Who sends, as every message says.

    Attributes:
        host: the name of this machine. process: the number of the process.
        facility: 0 to 23; 13 is "log audit".
        enterprise: the number behind `mbap@`, which RFC 5612 keeps for such as have none of their own.
    """

    host: str = ""
    process: int = 0
    facility: int = LOG_AUDIT
    enterprise: int = 32_473


def message(event: Event, sender: Sender, policy_hash: str = "", longest: int = LONGEST) -> bytes:
    """*event* as one message of at most *longest* bytes; what is large is left out first."""
    found = fields(event, policy_hash)
    head = _head(event, sender)
    text = _sentence(found)
    for left_out in range(len(_LARGE) + 1):
        kept = {name: value for name, value in found.items() if name not in _LARGE[:left_out]}
        whole = _joined(head, _structured(kept, sender), text)
        if len(whole) <= longest:
            return whole
    return _cut(whole, longest)


def counted(message: bytes) -> bytes:
    """*message* with its length before it, for TCP and TLS."""
    return b"%d %b" % (len(message), message)


def level(event: Event) -> int:
    """The syslog severity: 0 is the worst, 7 the least."""
    if event.kind in ("alert", "audit"):
        return _SEVERITIES.get(str(event.details.get("severity")), _NOTICE)
    return _LEVELS.get(event.kind, _INFO)


def _head(event: Event, sender: Sender) -> str:
    priority = 8 * sender.facility + level(event)
    host = _NOT_IN_A_HEADER.sub("_", sender.host)[:255] or "-"
    kind = _NOT_IN_A_HEADER.sub("_", event.kind)[:32]
    return f"<{priority}>1 {stamp(event.time)} {host} mbap {sender.process or '-'} {kind}"


def _joined(head: str, data: str, text: str) -> bytes:
    mark = "" if text.isascii() else _BOM
    return f"{head} {data} {mark}{text}".encode("utf-8", "replace")


def _cut(message: bytes, longest: int) -> bytes:
    return message[:longest].decode("utf-8", "ignore").encode("utf-8")


def _sentence(found: Mapping[str, object]) -> str:
    source = f" from {found['src_ip']}" if "src_ip" in found else ""
    function = f", function {found['func']}" if "func" in found else ""
    unit = f", unit {found['unit']}" if "unit" in found else ""
    reason = f": {found['reason']}" if "reason" in found else ""
    return _visible(f"{found['event']}{source}{unit}{function}{reason}")


def _structured(found: Mapping[str, object], sender: Sender) -> str:
    parts = [f'{name}="{_escaped(text)}"' for name, text in _flat(found)]
    return f"[mbap@{sender.enterprise} {' '.join(parts)}]"


def _flat(found: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        if name == "ts":
            continue
        if isinstance(value, dict):
            yield from ((f"{name}_{inner}"[:32], text) for inner, text in _flat(value))
        else:
            yield _NOT_IN_A_NAME.sub("_", name)[:32] or "_", _text(value)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(_text(one) for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _escaped(text: str) -> str:
    return re.sub(r'(["\\\]])', r"\\\1", _visible(text))


def _visible(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else f"#{ord(c):03o}" for c in text)
