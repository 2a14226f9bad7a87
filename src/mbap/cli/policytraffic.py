"""`mbap policy replay`, `learn` and `export`: policies and what really happens on the network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.cli.printable import printable
from mbap.cli.tables import many, table

if TYPE_CHECKING:
    from mbap.protocol.exchanges import Exchange
    from mbap.security.policy import Policy
    from mbap.security.replaying import Replayed

FILE = click.Path(dir_okay=False, path_type=Path)
_MAGIC = (
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x0a\x0d\x0d\x0a",
)
_PORTS = click.option(
    "--port",
    "ports",
    multiple=True,
    type=click.IntRange(1, 0xFFFF),
    default=(502,),
    help="In a capture: the port of Modbus servers, 502 unless told; may be given several times.",
)


@click.command()
@click.argument("file", type=FILE)
@click.argument("traffic", type=FILE, nargs=-1, required=True)
@_PORTS
@click.option("--json", "as_data", is_flag=True, help="Print JSON.")
@click.option("--enable", is_flag=True, help="As if every rule were enabled and the policy enforced.")
@click.pass_context
def replay(
    ctx: click.Context,
    file: Path,
    traffic: tuple[Path, ...],
    ports: tuple[int, ...],
    as_data: bool,
    enable: bool,
) -> None:
    """Say what the policy in FILE would have done with TRAFFIC: captures, or audit trails.

    Rates and schedules go by the times in TRAFFIC. Exits with 1 when anything would have been refused.

    \b
    Examples:
      mbap policy replay plant.toml monday.pcapng
      mbap policy replay plant.toml audit.jsonl --json
    """
    from mbap.security.policyfile import load_policy
    from mbap.security.replaying import replay as judged

    policy = load_policy(file)
    found = judged(_enabled(policy) if enable else policy, _exchanges(traffic, ports))
    click.echo(json.dumps(_as_json(found)) if as_data else _as_text(found))
    ctx.exit(1 if found.denied else 0)


@click.command()
@click.argument("traffic", type=FILE, nargs=-1, required=True)
@_PORTS
@click.option(
    "--output", "-o", type=FILE, metavar="FILE", help="Write to this file, which must not be there yet."
)
def learn(traffic: tuple[Path, ...], ports: tuple[int, ...], output: Path | None) -> None:
    """Make a policy of TRAFFIC: captures, or audit trails of a guard that only watches.

    It has a rule for whatever each client did with each function of each unit, with how often and when. No
    rule is enabled, and the policy only observes: what was seen is not what is right. Read each, widen or
    remove it, and enable it yourself.

    \b
    Example:
      mbap policy learn monday.pcapng tuesday.pcapng -o plant.toml
    """
    from mbap.security.learning import Learned

    found = Learned().take(_exchanges(traffic, ports))
    text = str(found.policy())
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.UsageError(f"{output} is there already: choose another name") from None
    except OSError as problem:
        raise click.UsageError(f"cannot write {output}: {problem.strerror or problem}") from None
    rules = many(text.count("[[rules]]"), "rule")
    click.echo(f"{output}: {rules} of {many(found.seen, 'request')}, none enabled; {found.left_out} left out")


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--to", "targets", multiple=True, metavar="NETWORK", help="The devices, besides those the policy names."
)
@click.option(
    "--as", "form", type=click.Choice(["nftables", "iptables", "firewalld", "windows"]), default="nftables"
)
def export(file: Path, targets: tuple[str, ...], form: str) -> None:
    """Print rules for the packet filter of an operating system: the network part of the policy in FILE.

    Only who its rules allow reaches Modbus ports on this machine and, where devices have addresses, behind
    it.
    A packet filter knows nothing of functions and registers: it stands before a guard, not in its place.

    \b
    Example:
      mbap policy export plant.toml --as nftables > modbus.nft
    """
    from mbap.security.packetfilter import FORMS, opening
    from mbap.security.policyfile import load_policy

    policy = load_policy(file)
    try:
        click.echo(FORMS[form](opening(_sources(policy), (*_devices(policy), *targets))), nl=False)
    except ValueError as problem:
        raise click.UsageError(f"{file}: {problem}") from None


def _sources(policy: Policy) -> Sequence[str]:
    """The networks that any enabled rule allows anything."""
    allowing = [rule for rule in policy.rules if rule.enabled and not rule.denies]
    for rule in allowing:
        if not rule.source.networks:
            raise ValueError(
                f"rule {rule.id} allows clients from anywhere: name them with from = {{net = ...}}"
            )
    return list(dict.fromkeys(str(net) for rule in allowing for net in rule.source.nets))


def _devices(policy: Policy) -> Iterator[str]:
    """The addresses of the policy's devices; a name is not known to a packet filter."""
    from mbap.server.networks import address_of
    from mbap.transport.endpoint import parse_endpoint

    for device in policy.devices.values():
        if device.connect:
            endpoint = parse_endpoint(device.connect)
            address = address_of(endpoint.host)
            if endpoint.line is None and address is not None and not address.is_loopback:
                yield str(address)


def _enabled(policy: Policy) -> Policy:
    from dataclasses import replace

    return replace(policy, mode="enforce", rules=tuple(replace(rule, enabled=True) for rule in policy.rules))


def _exchanges(files: Sequence[Path], ports: tuple[int, ...]) -> Iterator[Exchange]:
    from mbap.security.trailexchanges import exchanges_of_trail

    for path in files:
        with path.open("rb") as file:
            magic = file.read(4)
        if magic in _MAGIC:
            yield from _captured(path, ports)
        else:
            with path.open(encoding="utf-8", errors="replace") as text:
                yield from exchanges_of_trail(text)


def _captured(path: Path, ports: tuple[int, ...]) -> Iterator[Exchange]:
    from mbap.diagnose.capture import Capture

    with path.open("rb", buffering=1 << 20) as file:
        capture = Capture(file, ports=ports)
        yield from capture
    if capture.problem:
        click.echo(f"{path}: {capture.problem}", err=True)


def _as_text(found: Replayed) -> str:
    counts = f"{many(found.requests, 'request')}: {found.allowed} allowed, {found.denied} refused"
    if found.malformed:
        counts += f"; {many(found.malformed, 'message')} that are no requests would not have passed either"
    rules = [(rule or "(none)", f"{count:,}") for rule, count in found.rules.most_common()]
    parts = [counts, "", table(["rule", "decided"], rules, right={1})]
    if found.examples:
        heads = ["times", "client", "server", "unit", "function", "rule", "reason"]
        parts += ["", "refused:", table(heads, list(_refused(found)), right={0, 3, 4})]
    return "\n".join(parts)


def _refused(found: Replayed) -> Iterator[tuple[str, ...]]:
    by_count = sorted(found.examples.items(), key=lambda item: -item[1][2])
    for (rule, reason, client, server, unit, function), (_, _, count) in by_count:
        yield f"{count:,}", client, printable(server), unit, function, rule or "(none)", reason


def _as_json(found: Replayed) -> dict[str, object]:
    names = ("rule", "reason", "client", "server", "unit", "function")
    refused = [
        {**dict(zip(names, kind, strict=True)), "count": count, "first": exchange.time}
        for kind, (exchange, _, count) in found.examples.items()
    ]
    return {
        "requests": found.requests,
        "allowed": found.allowed,
        "denied": found.denied,
        "malformed": found.malformed,
        "rules": dict(found.rules),
        "refused": refused,
    }
