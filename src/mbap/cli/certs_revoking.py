"""`mbap certs revoke` and `crl`: what is no longer to be accepted."""

from __future__ import annotations

from pathlib import Path

import click

from mbap.cli.certs_common import FOLDER, PASSPHRASE, now, open_key
from mbap.cli.tables import paragraph


@click.command()
@click.argument("what", metavar="NAME|SERIAL|FILE")
@FOLDER
@PASSPHRASE
def revoke(what: str, folder: Path, source: str | None) -> None:
    """Revoke certificates, and write a new revocation list: all of a NAME, or one by SERIAL or FILE.

    Servers accept them until they have the new crl.pem.

    \b
    Examples:
      mbap certs revoke panel
      mbap certs revoke 3fa9c1
      mbap certs revoke certs/panel.pem
    """
    from mbap.security.authority import Authority
    from mbap.security.facts import serial_text

    authority = Authority(folder)
    found = authority.find(what)
    for one in found:
        if one.revoked is not None:
            click.echo(f"{one.name} {serial_text(one.serial)} was revoked already, on {one.revoked:%Y-%m-%d}")
    good = [one for one in found if one.state(now()) != "revoked"]
    if good:
        authority.revoke([one.serial for one in good], open_key(authority.key, source), now())
    for one in good:
        click.echo(f"revoked: {one.name} {serial_text(one.serial)}")
    if good:
        text = f"{authority.path('crl.pem')}: the new list; bring it to every server and client"
        click.echo(paragraph(text))


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1),
    default=90,
    show_default=True,
    help="Until when there is to be another: a list that is over lets nobody in.",
)
@FOLDER
@PASSPHRASE
def crl(days: int, folder: Path, source: str | None) -> None:
    """Write a new revocation list, dated later than the one before.

    \b
    Examples:
      mbap certs crl
      mbap certs crl --days 365
    """
    from mbap.security.authority import Authority
    from mbap.security.facts import crl_facts

    authority = Authority(folder)
    made = crl_facts(authority.renew_crl(open_key(authority.key, source), now(), days))
    until = f", good until {made.next_update:%Y-%m-%d}" if made.next_update else ""
    click.echo(f"{authority.path('crl.pem')}: list {made.number}, {len(made.revoked)} revoked{until}")
