"""`mbap firewall`: rules for the packet filter of an operating system, so that only some reach Modbus."""

from __future__ import annotations

from pathlib import Path

import click

from mbap.security.packetfilter import FORMS, PORTS, opening


@click.command()
@click.option(
    "--allow",
    "sources",
    multiple=True,
    required=True,
    metavar="NETWORK",
    help="A client, or a network of clients; may be given several times. Nobody else reaches the ports.",
)
@click.option(
    "--to",
    "targets",
    multiple=True,
    metavar="NETWORK",
    help="The devices, where this machine passes packets on to them; may be given several times.",
)
@click.option(
    "--port",
    "ports",
    multiple=True,
    type=click.IntRange(1, 0xFFFF),
    default=PORTS,
    help="A port of Modbus servers, 502 and 802 unless told; may be given several times.",
)
@click.option("--as", "form", type=click.Choice(list(FORMS)), default="nftables", show_default=True)
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file instead."
)
def command(
    sources: tuple[str, ...], targets: tuple[str, ...], ports: tuple[int, ...], form: str, output: Path | None
) -> None:
    """Print rules for a packet filter: who may reach Modbus on this machine, and through it.

    Nothing is changed: look at the rules, then run them.

    \b
    Examples:
      mbap firewall --allow 192.168.1.20
      mbap firewall --allow 192.168.1.0/28 --to 10.2.0.0/24 -o modbus.nft
      mbap firewall --allow 192.168.1.20 --as windows -o modbus.ps1
    """
    try:
        text = FORMS[form](opening(sources, targets, ports))
    except ValueError as problem:
        raise click.UsageError(str(problem)) from None
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise click.UsageError(f"cannot write {output}: {problem.strerror or problem}") from None
