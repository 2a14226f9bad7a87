"""A policy in the compact form; `parse_compact` of it says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from mbap.addresses import Table
from mbap.filefaults import Fault, FileFaults
from mbap.security.accesses import ranges_text
from mbap.security.compact import tables_of
from mbap.security.policy import Policy
from mbap.security.rules import Default, Rule
from mbap.security.sources import NO_ROLE

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.,:;/*@+=-]+", re.ASCII)


def compact_text(policy: Policy) -> str:
    """*policy*, a line a rule.

    Raises:
        FileFaults: it says what the compact form has no words for; all of that.
    """
    if faults := list(_unsayable(policy)):
        raise FileFaults([Fault("", 0, "", text) for text in faults])
    return "\n".join([*_head(policy), *(rule_line(rule) for rule in policy.rules)]) + "\n"


def rule_line(rule: Rule) -> str:
    """*rule* in one line, as far as the compact form goes."""
    words = [rule.action.upper(), *(f"{key}={_word(value)}" for key, value in _values(rule) if value)]
    return " ".join(words)


def _values(rule: Rule) -> Iterator[tuple[str, str]]:
    source, limits = rule.source, rule.limits
    yield "SRC", ",".join(source.networks)
    yield "ROLE", "".join("-" if role == NO_ROLE else role for role in source.roles)
    yield "LISTENER", ",".join(source.listeners)
    yield "DST", ",".join(rule.to)
    yield "UNIT", "any" if rule.units is None and rule.to else ranges_text(rule.units or ())
    yield "FC", "" if rule.functions.written == ("all",) else ",".join(rule.functions.written)
    yield "REG", _registers(rule)
    yield "COUNT", str(rule.count or "")
    for kind, burst, rate in (("RATE", "BURST", limits.requests), ("WRITES", "WBURST", limits.writes)):
        yield kind, str(rate or "")
        yield burst, "" if rate is None or rate.burst == rate.amount else str(rate.burst)
    yield "PER", "" if limits.per == "unit" else limits.per
    yield "ARMED", rule.armed
    yield "EXPIRES", "" if rule.expires is None else _time(rule.expires)
    yield "ENABLED", "" if rule.enabled else "NO"
    yield "ANSWER", str(rule.answer or "")
    yield "LOG", {"each": "YES", "none": "NO"}.get(rule.log or "", (rule.log or "").upper())
    yield "SEVERITY", "" if rule.severity == "medium" else rule.severity
    yield "ID", rule.id
    yield "TICKET", rule.ticket
    yield "COMMENT", rule.comment


def _registers(rule: Rule) -> str:
    addresses = rule.addresses
    if addresses is None:
        return ""
    texts = {table: ranges_text(addresses[table]) for table in Table if addresses.get(table)}
    if set(texts) == set(tables_of(rule.functions)) and len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return ";".join(f"{table.value}:{text}" for table, text in texts.items())


def _head(policy: Policy) -> Iterator[str]:
    if policy.mode != "enforce":
        yield "MODE OBSERVE"
    default, usual = policy.default, Default()
    words = {
        "ANSWER": (str(default.answer), str(usual.answer)),
        "LOG": (default.log.upper(), usual.log.upper()),
        "SEVERITY": (default.severity, usual.severity),
        "LINES": (str(default.lines_per_minute), str(usual.lines_per_minute)),
        "UNKNOWN": (default.unknown_source, usual.unknown_source),
    }
    if default != usual:
        said = [f"{key}={_word(value)}" for key, (value, was) in words.items() if value != was]
        yield " ".join(["DEFAULT DENY", *said])
    for name, nets in policy.networks.items():
        device = policy.devices.get(name)
        units = f" UNIT={ranges_text(device.units)}" if device and device.units else ""
        yield f"HOST {name}={','.join(nets)}{units}"


def _unsayable(policy: Policy) -> Iterator[str]:
    if policy.name:
        yield f'the policy\'s name, "{policy.name}"'
    for kind, names in (("schedule", policy.schedules), ("point", policy.points)):
        yield from (f'{kind} "{name}": the compact form has no {kind}s' for name in names)
    for name, device in policy.devices.items():
        nets = policy.networks.get(name, ())
        if device.units and not nets:
            yield f'device "{name}": units are given with HOST {name}=ADDRESS UNIT=...'
        if device.connect not in ("", name, *nets):
            yield f'device "{name}": HOST {name}= gives an address without port'
    for rule in policy.rules:
        yield from (f'rule "{rule.id}": {text}' for text in _unsayable_of(rule))


def _unsayable_of(rule: Rule) -> Iterator[str]:
    source = rule.source
    for key, value in (
        ("subject", source.subjects),
        ("fingerprint", source.fingerprints),
        ("issuer", source.issuers),
        ("address_read", rule.read_addresses is not None),
        ("address_write", rule.write_addresses is not None),
    ):
        if value:
            yield f"the compact form has no {key}"
    if len(source.roles) > 1:
        yield "the compact form has one role a line: a role may have a comma in it"


def _time(wall: int) -> str:
    return (_EPOCH + timedelta(microseconds=wall)).isoformat().replace("+00:00", "Z")


def _word(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
