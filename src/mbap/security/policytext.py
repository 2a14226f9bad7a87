"""A policy as the TOML file that says the same: what is printed, compared and hashed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mbap.addresses import Table
from mbap.security.accesses import ranges_text
from mbap.security.rates import Limits
from mbap.security.rules import Addresses, Default, Device, Rule
from mbap.security.schedules import Schedule, clock_text, days_text
from mbap.security.sources import NO_ROLE
from mbap.tomltext import toml_key, toml_text

if TYPE_CHECKING:
    from mbap.security.points import Point
    from mbap.security.policy import Policy

VERSION: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
TABLE_KEYS: Final = {table.value: table for table in Table}
_DEFAULT: Final = Default()


def policy_text(policy: Policy) -> str:
    """*policy* in TOML; `parse_policy` of it gives the same policy."""
    return "\n".join(_lines(policy)) + "\n"


def policy_data(policy: Policy) -> dict[str, dict[str, dict[str, object]]]:
    """*policy* under the keys of a policy file: tables, in them names, under each its keys."""
    return {
        "policy": {"": _given({"name": policy.name, "mode": policy.mode})},
        "default": {"": _default(policy.default)},
        "networks": {name: {"": list(nets)} for name, nets in policy.networks.items()},
        "devices": {name: _device(device) for name, device in policy.devices.items()},
        "points": {name: _point(point) for name, point in policy.points.items()},
        "schedules": {name: _schedule(schedule) for name, schedule in policy.schedules.items()},
        "rules": {rule.id: rule_data(rule) for rule in policy.rules},
    }


def _lines(policy: Policy) -> Iterator[str]:
    yield f"policy = {VERSION}"
    if policy.name:
        yield f"name = {_value(policy.name)}"
    yield f'mode = "{policy.mode}"'
    yield from _section("default", _default(policy.default))
    yield from _section("networks", {name: list(nets) for name, nets in policy.networks.items()})
    for name, device in policy.devices.items():
        yield from _section(f"devices.{toml_key(name)}", _device(device), always=True)
    for name, point in policy.points.items():
        yield from _section(f"points.{toml_key(name)}", _point(point))
    for name, schedule in policy.schedules.items():
        yield from _section(f"schedules.{toml_key(name)}", _schedule(schedule))
    for rule in policy.rules:
        yield from ("", "[[rules]]")
        yield from (f"{key} = {_value(value)}" for key, value in rule_data(rule).items())


def _section(header: str, data: Mapping[str, object], *, always: bool = False) -> Iterator[str]:
    if data or always:
        yield from ("", f"[{header}]")
        yield from (f"{toml_key(key)} = {_value(value)}" for key, value in data.items())


def _default(default: Default) -> dict[str, object]:
    return {
        "answer": str(default.answer),
        "log": default.log,
        "severity": default.severity,
        "lines_per_minute": default.lines_per_minute,
        "unknown_source": default.unknown_source,
    }


def _device(device: Device) -> dict[str, object]:
    return _given({"connect": device.connect, "units": ranges_text(device.units)})


def _schedule(schedule: Schedule) -> dict[str, object]:
    begin, end = clock_text(schedule.begin), clock_text(schedule.end)
    return {"days": days_text(schedule.days), "from": begin, "to": end, "timezone": schedule.zone}


def _point(point: Point) -> dict[str, object]:
    encoding = point.encoding
    return _given(
        {
            "table": point.table.value,
            "address": ranges_text(((point.first, point.last),)),
            "type": encoding and encoding.type,
            "word_order": encoding.order if encoding and encoding.count > 1 else None,
            "scale": encoding.scale if encoding and encoding.scale != 1 else None,
            "offset": encoding.offset if encoding and encoding.offset else None,
            "min": point.low,
            "max": point.high,
            "in": list(point.allowed),
            "max_step": point.max_step,
            "bits": point.bits,
            "first": "allow" if point.unknown else None,
        }
    )


def rule_data(rule: Rule) -> dict[str, object]:
    """*rule* under the keys of its table in a policy file."""
    return _given(
        {
            "id": rule.id,
            "comment": rule.comment,
            "ticket": rule.ticket,
            "enabled": None if rule.enabled else False,
            "expires": None if rule.expires is None else _EPOCH + timedelta(microseconds=rule.expires),
            "from": _source(rule),
            "to": _one_or_list(rule.to),
            "unit": "any" if rule.units is None else ranges_text(rule.units),
            "function": _one_or_list(rule.functions.written),
            "address": _addresses(rule.addresses),
            "address_read": _addresses(rule.read_addresses),
            "address_write": _addresses(rule.write_addresses),
            "count": rule.count,
            "points": list(rule.points),
            "rate": _rate(rule.limits),
            "when": rule.when,
            "armed": rule.armed,
            "action": rule.action,
            "answer": rule.answer and str(rule.answer),
            "log": rule.log,
            "severity": None if rule.severity == "medium" else rule.severity,
        }
    )


def _source(rule: Rule) -> dict[str, object]:
    source = rule.source
    return _given(
        {
            "net": _one_or_list(source.networks),
            "role": list(source.roles) if NO_ROLE in source.roles else _one_or_list(source.roles),
            "subject": _one_or_list(source.subjects),
            "fingerprint": _one_or_list(source.fingerprints),
            "issuer": _one_or_list(source.issuers),
            "listener": _one_or_list(source.listeners),
        }
    )


def _addresses(addresses: Addresses | None) -> dict[str, object] | None:
    if addresses is None:
        return None
    return {table.value: ranges_text(addresses[table]) for table in Table if addresses.get(table)}


def _rate(limits: Limits) -> dict[str, object]:
    requests, writes = limits.requests, limits.writes
    if requests is None and writes is None:
        return {}
    return _given(
        {
            "requests": requests and str(requests),
            "burst": requests and requests.burst,
            "writes": writes and str(writes),
            "burst_writes": writes and writes.burst,
            "per": limits.per,
        }
    )


def _one_or_list(values: Sequence[str]) -> object:
    return values[0] if len(values) == 1 else list(values)


def _given(data: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in data.items() if value not in (None, "", [], {})}


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return toml_text(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value)
