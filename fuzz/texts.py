"""What people write: addresses, types, endpoints and files give a value or one documented error."""

from __future__ import annotations

import math
import os

from fuzz.scratch import folder
from fuzz.source import Source

from mbap.addresses import parse_assignment, parse_item, parse_reference, reference
from mbap.collect.profilefile import parse_profile
from mbap.collect.profiles import ProfileError
from mbap.durations import format_duration, parse_duration
from mbap.filefaults import FileFaults
from mbap.security.compact import parse_compact
from mbap.security.compactwriter import compact_text
from mbap.security.policy import Moment
from mbap.security.policycheck import findings
from mbap.security.policyfile import parse_policy
from mbap.server.devicefile import parse_device_file
from mbap.server.simulator import Simulation
from mbap.site.load import load_site
from mbap.transport.endpoint import parse_endpoint
from mbap.values import Encoding, Value, parse_type


def addresses(data: bytes) -> None:
    """A place that was understood is written in a way that means the same place."""
    text = data.decode("utf-8", "replace")
    for parse in (parse_item, parse_assignment):
        try:
            parse(text)
        except ValueError as error:
            assert str(error), "an error without a sentence"
    try:
        location = parse_reference(text)
    except ValueError as error:
        assert str(error)
        return
    assert parse_reference(str(location)) == location
    if location.bit is None:
        written = parse_reference(reference(location.table, location.address))
        assert (written.table, written.address) == (location.table, location.address)


def types(data: bytes) -> None:
    """Any type that can be written decodes any registers, and what it decoded encodes to the same value."""
    source = Source(data)
    text, order = source.take(source.number()).decode("utf-8", "replace"), source.choose(("", "CDAB", "BA"))
    try:
        encoding = parse_type(text, order)
    except ValueError as error:
        assert str(error)
        return
    assert 1 <= encoding.count <= 125, f"{encoding.count} registers"
    wire = source.take(encoding.count * 2)
    value = encoding.decode(wire.ljust(encoding.count * 2, b"\0"))
    assert encoding.text(value) or value == ""
    if value is not None and encoding.bit is None:
        encoded_again(encoding, value)


def encoded_again(encoding: Encoding, value: Value) -> None:
    """A value that came out goes in again, or is refused with a sentence."""
    try:
        registers = encoding.encode(value)
    except ValueError as error:
        assert str(error)
        return
    again = encoding.decode(registers)
    if isinstance(value, float) and isinstance(again, (int, float)):
        assert math.isclose(again, value, rel_tol=1e-6, abs_tol=abs(encoding.scale)), (
            f"{value} became {again}"
        )
    else:
        assert again == value, f"{value!r} became {again!r}"


def endpoints(data: bytes) -> None:
    """An endpoint's own text leads to the same endpoint; a duration's to the same duration."""
    text = data.decode("utf-8", "replace")
    for listening in (False, True):
        try:
            endpoint = parse_endpoint(text, listening=listening)
        except ValueError as error:
            assert str(error)
        else:
            assert parse_endpoint(str(endpoint), listening=listening) == endpoint
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        assert str(error)
        return
    if 0.001 <= seconds < 1e9:
        assert math.isclose(parse_duration(format_duration(seconds)), seconds, abs_tol=0.001)


def device_file(data: bytes) -> None:
    """A device file gives a device, or all that is wrong with it."""
    try:
        file = parse_device_file(data.decode("utf-8", "replace"))
    except FileFaults as error:
        assert error.faults
        return
    Simulation(file, clock=lambda: 0.0)


def profile_file(data: bytes) -> None:
    """A profile gives points, or all that is wrong with it."""
    try:
        profile = parse_profile(data.decode("utf-8", "replace"), "fuzzed")
    except (ProfileError, FileFaults) as error:
        assert error.faults
        return
    assert profile.points


def policy_file(data: bytes) -> None:
    """A policy that was understood is written so that it is read as the same; else all that is wrong."""
    try:
        policy = parse_policy(data.decode("utf-8", "replace"))
    except FileFaults as error:
        assert error.faults
        return
    again = parse_policy(str(policy))
    assert again == policy
    assert again.hash == policy.hash
    findings(policy, Moment(0.0, 0))


def policy_rules(data: bytes) -> None:
    """The same for rules a line each, in both forms."""
    try:
        policy = parse_compact(data.decode("utf-8", "replace"))
    except FileFaults as error:
        assert error.faults
        return
    assert parse_policy(str(policy)) == policy
    try:
        text = compact_text(policy)
    except FileFaults as error:
        assert error.faults
        return
    assert parse_compact(text) == policy


def site_file(data: bytes) -> None:
    """A site file gives a plan, or all that is wrong with it."""
    path = folder() / f"site-{os.getpid()}.toml"
    path.write_bytes(data)
    try:
        load_site(path)
    except FileFaults as error:
        assert error.faults
