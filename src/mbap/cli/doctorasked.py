"""What `mbap doctor` can be asked to look at: its options, and the wishes that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from mbap.cli.connecting import DURATION, PAUSE
from mbap.cli.securing import Trust

if TYPE_CHECKING:
    from mbap.collect.registermap import Profile
    from mbap.diagnose.doctor.case import KnownValue, Wishes
    from mbap.transport.endpoint import Endpoint

F = TypeVar("F", bound=Callable[..., Any])


class Asked(TypedDict):
    """The options, as click gives them."""

    unit: int | None
    profile_name: str | None
    known: tuple[str, ...]
    timeout: float
    pause: float
    reads: int
    ports: bool
    scan_units: bool
    connections: int | None
    idle: float | None
    quirks: tuple[str, ...]


_OPTIONS = (
    click.option(
        "-u",
        "--unit",
        type=click.IntRange(0, 255),
        help="The unit; without it 1, 255 and 0 are tried.",
    ),
    click.option(
        "--profile", "profile_name", metavar="PROFILE", help="What is known of it: a name, or a file."
    ),
    click.option(
        "--known",
        multiple=True,
        metavar="PLACE=VALUE",
        help="Its display shows this value now; PLACE is hr100, or the name of a point. May be repeated.",
    ),
    click.option(
        "--timeout", type=DURATION, default="2s", show_default=True, help="How long to wait for one answer."
    ),
    click.option("--pause", type=PAUSE, default="20ms", show_default=True, help="Rest before each request."),
    click.option(
        "--reads", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Reads to time."
    ),
    click.option(
        "--ports", is_flag=True, help="Where Modbus is not served, try ports 502, 802, 1502 and 5020."
    ),
    click.option("--scan-units", is_flag=True, help="Ask all units from 1 to 247."),
    click.option(
        "--connections",
        type=click.IntRange(1, 64),
        help="Find out how many connections it takes, up to so many. Others may be locked out meanwhile.",
    ),
    click.option(
        "--idle", type=DURATION, help="Keep quiet for so long, and look whether it closes the connection."
    ),
    click.option(
        "--quirk",
        "quirks",
        multiple=True,
        metavar="NAME[=VALUE]",
        help="A quirk that is known already.",
    ),
)


def wish_options(command: F) -> F:
    """The options of `Asked`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_FOR_DEVICES = ("known", "reads", "connections", "idle")
_FOR_HOSTS = ("ports", "connections", "idle")
_FOR_CONNECTIONS = ("connections", "idle")


def refuse_what_is_not_for(
    place: str, *, here: bool = False, serial: bool = False, datagrams: bool = False
) -> None:
    """Refuse options that were given and mean nothing at *place*.

    Raises:
        click.UsageError: there is one.
    """
    names, why = (
        (_FOR_DEVICES, "is for a device: leave it out beside")
        if here
        else (_FOR_HOSTS, "is for hosts, and a serial line is")
        if serial
        else (_FOR_CONNECTIONS, "is for connections, and there are none at")
        if datagrams
        else ((), "")
    )
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} {why} {place}")


def wishes_of(asked: Asked, tls: Trust, place: Endpoint) -> Wishes:
    """What they mean at *place*.

    Raises:
        ValueError: one of them cannot be meant; the sentence says which.
    """
    from mbap.client.quirks import Quirks
    from mbap.diagnose.doctor.case import Wishes

    profile = _profile(asked["profile_name"])
    return Wishes(
        unit=asked["unit"],
        profile=profile,
        known=known_values(asked["known"], profile),
        timeout=asked["timeout"],
        pause=asked["pause"],
        reads=asked["reads"],
        ports=asked["ports"],
        scan_units=asked["scan_units"],
        connections=asked["connections"] or 0,
        idle=asked["idle"] or 0.0,
        quirks=Quirks.parse(asked["quirks"]),
        tls=tls.settings_for([place]),
    )


def _profile(name: str | None) -> Profile | None:
    if name is None:
        return None
    from mbap.collect.profiles import load_profile

    return load_profile(name)


def known_values(given: Sequence[str], profile: Profile | None) -> tuple[KnownValue, ...]:
    """`hr100=231.5` or, with a profile, `voltage_l1=231.5`.

    Raises:
        click.UsageError: a value is no number other than 0, or its place is none.
    """
    return tuple(_known(one, profile) for one in given)


def _known(given: str, profile: Profile | None) -> KnownValue:
    from mbap.addresses import parse_reference
    from mbap.diagnose.doctor.case import KnownValue

    place, _, number = given.partition("=")
    value = _number(given, number)
    point = next((one for one in profile.points if one.name == place), None) if profile else None
    if point is not None:
        return KnownValue(place, point.table, point.address, value, point.encoding)
    try:
        location = parse_reference(place)
    except ValueError as wrong:
        raise click.UsageError(f"--known {given}: {wrong}{_or_a_name(profile)}") from None
    if location.table.holds_bits or location.bit is not None:
        raise click.UsageError(f"--known {given}: a bit says nothing about where it is; name a register")
    return KnownValue(place, location.table, location.address, value)


def _number(given: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value or abs(value) == float("inf") or value != value:
        raise click.UsageError(
            f"--known {given}: write a place and a number other than 0, such as hr100=231.5"
        )
    return value


def _or_a_name(profile: Profile | None) -> str:
    if profile is None:
        return "; with --profile it may be the name of a point"
    return f"; or is it a point of {profile.name}? mbap profile show {profile.name} has their names"
