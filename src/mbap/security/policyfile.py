"""The policy file: from a file that is right the plain `Policy`, from any other all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from mbap.addresses import Table
from mbap.filefaults import FileFaults, read_text
from mbap.filemodel import parse_toml, read_toml, schema_of
from mbap.security.accesses import Ranges, joined
from mbap.security.points import Point
from mbap.security.policy import Policy
from mbap.security.policymodels import PointModel, PolicyModel, RuleModel, SourceModel, one_of
from mbap.security.rates import Limits
from mbap.security.rules import Default, Device, Rule
from mbap.security.schedules import Schedule
from mbap.security.sources import Source
from mbap.server.networks import network_of

if TYPE_CHECKING:
    from mbap.server.networks import Network


__all__ = ["FileFaults", "load_policy", "parse_policy", "policy_json_schema"]


def load_policy(path: str | FilePath) -> Policy:
    """The policy in the file at *path*: TOML, or where its name does not end in `.toml` the compact form.

    Raises:
        FileFaults: it cannot be read, or is wrong in any way: all that is wrong, each with its line.
    """
    if str(path).endswith(".toml"):
        return _policy(read_toml(path, PolicyModel).whole())
    from mbap.security.compact import parse_compact

    return parse_compact(read_text(path), str(path))


def parse_policy(text: str, file: str = "the policy") -> Policy:
    """The policy that the TOML *text* is; *file* is what faults call it.

    Raises:
        FileFaults: everything that is wrong with it.
    """
    return _policy(parse_toml(text, PolicyModel, file))


def policy_json_schema() -> dict[str, Any]:
    """The JSON Schema of a policy file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema_of(PolicyModel)}


def _policy(model: PolicyModel) -> Policy:
    points = {name: _point(name, one) for name, one in model.points.items()}
    networks = {name: one_of(nets) for name, nets in model.networks.items()}
    devices = {
        name: Device(one.connect, () if one.units in (None, "any") else one.units)
        for name, one in model.devices.items()
    }
    default = model.default
    return Policy(
        rules=tuple(_rule(one, networks, devices, points) for one in model.rules),
        mode=model.mode,
        name=model.name,
        default=Default(
            default.answer, default.log, default.severity, default.lines_per_minute, default.unknown_source
        ),
        networks=networks,
        devices=devices,
        points=points,
        schedules={
            name: Schedule(one.days, one.from_, one.to, one.timezone) for name, one in model.schedules.items()
        },
    )


def _point(name: str, model: PointModel) -> Point:
    ((first, last),) = model.address
    return Point(
        name,
        Table(model.table),
        first,
        last,
        model.encoding(),
        model.min,
        model.max,
        tuple(model.in_),
        model.max_step,
        model.bits,
        unknown=model.first == "allow",
    )


def _rule(
    model: RuleModel,
    networks: Mapping[str, tuple[str, ...]],
    devices: Mapping[str, Device],
    points: Mapping[str, Point],
) -> Rule:
    to = one_of(model.to)
    return Rule(
        id=model.id,
        functions=model.function,
        action=model.action,
        source=_source(model.from_, networks),
        to=to,
        units=_units(model, to, devices),
        addresses=model.address,
        read_addresses=model.address_read,
        write_addresses=model.address_write,
        count=model.count,
        points=one_of(model.points),
        point_addresses=point_addresses([points[name] for name in one_of(model.points)]),
        limits=Limits(model.rate.rate("requests"), model.rate.rate("writes"), model.rate.per),
        when=model.when,
        armed=model.armed,
        expires=model.expires,
        enabled=model.enabled,
        answer=model.answer,
        log=model.log,
        severity=model.severity,
        comment=model.comment,
        ticket=model.ticket,
    )


def _units(model: RuleModel, to: tuple[str, ...], devices: Mapping[str, Device]) -> Ranges | None:
    if model.unit is not None:
        return None if model.unit == "any" else model.unit
    return joined([one for name in to for one in devices[name].units])


def _source(model: SourceModel, networks: Mapping[str, tuple[str, ...]]) -> Source:
    names = one_of(model.net)
    return Source(
        names,
        nets_of(names, networks),
        one_of(model.role),
        one_of(model.subject),
        tuple(text.replace(":", "").lower() for text in one_of(model.fingerprint)),
        one_of(model.issuer),
        one_of(model.listener),
    )


def nets_of(names: tuple[str, ...], networks: Mapping[str, tuple[str, ...]]) -> tuple[Network, ...]:
    """The networks that *names*, of the policy or written as they are, stand for."""
    return tuple(network_of(text) for name in names for text in networks.get(name, (name,)))


def point_addresses(points: list[Point]) -> dict[Table, Ranges]:
    """The addresses of *points*, by table."""
    tables = {point.table for point in points}
    return {
        table: joined([(point.first, point.last) for point in points if point.table is table])
        for table in tables
    }
