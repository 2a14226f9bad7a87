"""`mbap certs`: a site's CA and what it issues."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.cli import certs_check, certs_list, certs_requests, certs_revoking, certs_show
from mbap.cli.certs_common import (
    DAYS,
    DNS,
    FOLDER,
    IP,
    PASSPHRASE,
    REPLACE,
    ROLE,
    key_options,
    made_here,
    now,
    open_key,
    passphrase_from,
    say_issued,
)
from mbap.cli.groups import Listing
from mbap.cli.tables import paragraph

if TYPE_CHECKING:
    from mbap.security.authority import Authority
    from mbap.security.certificates import KeyKind


@click.group(cls=Listing, short_help="make, show and check certificates for Modbus/TCP Security")
def command() -> None:
    """Make, show and check the certificates of a site that speaks Modbus/TCP Security.

    A folder holds the site's CA: its key, its certificate, what it issued and revoked. Keep that folder on
    a machine that is not on the plant's network, and keep a copy.

    \b
    Examples:
      mbap certs init --name "Pump station 7"
      mbap certs server plc1 --dns plc1.plant.example --ip 192.168.1.50
      mbap certs client panel --role Operator
      mbap certs list
      mbap certs check tls://192.168.1.50 --ca certs/ca.pem
    """


@command.command()
@FOLDER
@click.option(
    "--name", metavar="NAME", default="Modbus site CA", show_default=True, help="What the CA is called."
)
@click.option("--days", type=click.IntRange(1), default=3650, show_default=True, help="How long it is valid.")
@key_options
@PASSPHRASE
@REPLACE
def init(
    folder: Path, name: str, days: int, kind: KeyKind, bits: int, source: str | None, overwrite: bool
) -> None:
    """Make the CA of a site: ca.key, ca.pem, index.json and an empty crl.pem.

    With a passphrase its key is encrypted, and every command that signs needs it. A CA that is there is
    not overwritten without --replace, which gives up everything it issued.

    \b
    Examples:
      mbap certs init --name "Pump station 7"
      mbap certs init --folder /media/usb/certs --passphrase-from ask
    """
    from mbap.security.authority import Authority
    from mbap.security.certificates import make_ca, new_key
    from mbap.security.keyfiles import Exists

    if not overwrite and (folder / "ca.key").exists():
        raise Exists(f"{folder} has a CA already: give another --folder, or --replace to give it up")
    passphrase = passphrase_from(source, confirm=True)
    key = new_key(kind, bits)
    certificate = make_ca(key, name, now(), days)
    made = Authority.create(folder, certificate, key, now(), passphrase=passphrase, overwrite=overwrite)
    locked = "encrypted" if passphrase is not None else "not encrypted"
    click.echo(paragraph(f"{made.path('ca.key')}: the CA's key, {locked}; whoever has it can let anybody in"))
    until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    needed = f"its certificate, until {until}; every client and server needs it"
    click.echo(paragraph(f"{made.path('ca.pem')}: {needed}"))
    click.echo(f"{made.path('crl.pem')}: the revocation list, empty so far")


@command.command()
@click.argument("name")
@DNS
@IP
@click.option("--both", is_flag=True, help="It is a client as well: a gateway, a guard.")
@ROLE
@DAYS
@key_options
@FOLDER
@PASSPHRASE
@REPLACE
def server(
    name: str,
    dns: tuple[str, ...],
    ip: tuple[str, ...],
    both: bool,
    role: str | None,
    days: int,
    kind: KeyKind,
    bits: int,
    folder: Path,
    source: str | None,
    overwrite: bool,
) -> None:
    """Make key and certificate for the server NAME, which clients reach under --dns and --ip.

    A role goes with --both: the role of a server means nothing.

    \b
    Examples:
      mbap certs server plc1 --dns plc1.plant.example --ip 192.168.1.50
      mbap certs server guard --ip 192.168.1.10 --both --role Gateway
    """
    from mbap.security.certificates import Wish

    if role is not None and not both:
        raise click.UsageError("--role goes with --both: clients do not look at a server's role")
    wish = Wish(name, server=True, client=both, dns=dns, ip=ip, role=role, days=days)
    made_here(folder, wish, kind, bits, source, overwrite=overwrite)


@command.command()
@click.argument("name")
@ROLE
@DAYS
@key_options
@FOLDER
@PASSPHRASE
@REPLACE
def client(
    name: str,
    role: str | None,
    days: int,
    kind: KeyKind,
    bits: int,
    folder: Path,
    source: str | None,
    overwrite: bool,
) -> None:
    """Make key and certificate for the client NAME. Without --role servers may grant it nothing.

    \b
    Examples:
      mbap certs client panel --role Operator
      mbap certs client logger --role Reader --key rsa --days 365
    """
    from mbap.security.certificates import Wish

    wish = Wish(name, client=True, role=role, days=days)
    made_here(folder, wish, kind, bits, source, overwrite=overwrite)


@command.command()
@click.argument("name")
@click.option("--new-key", is_flag=True, help="Make a new key as well.")
@click.option("--days", type=click.IntRange(1), help="How long it is valid: 730, the CA itself 3650.")
@FOLDER
@PASSPHRASE
def renew(name: str, new_key: bool, days: int | None, folder: Path, source: str | None) -> None:
    """Issue another certificate for NAME that says the same: names, role and, unless told, its key.

    The one before stays good until it ends, so that devices can be changed one by one. `ca` renews the
    CA's own certificate with the same key: what it issued stays good.

    \b
    Examples:
      mbap certs renew panel
      mbap certs renew panel --new-key
      mbap certs renew ca
    """
    from mbap.security.authority import Authority

    authority = Authority(folder)
    if name == "ca":
        if new_key:
            raise click.UsageError("a CA with a new key is a new CA: mbap certs init --folder ANOTHER")
        ca_key = open_key(authority.key, source)
        end = authority.renew_ca(ca_key, now(), days or 3650).not_valid_after_utc
        given = f"until {end:%Y-%m-%d}; give it to every client and server"
        click.echo(paragraph(f"{authority.path('ca.pem')}: {given}"))
        return
    _renew(authority, name, days or 730, source, new_key=new_key)


def _renew(authority: Authority, name: str, days: int, source: str | None, *, new_key: bool) -> None:
    from mbap.security import certificates
    from mbap.security.authority import check_strength, wish_of
    from mbap.security.keyfiles import read_key, write_key
    from mbap.security.pemfiles import read_certificates

    named = authority.index().named(name)
    if not named:
        raise ValueError(f"this CA issued nothing for {name!r}; see mbap certs list")
    latest, key_file = named[-1], authority.path(f"{named[-1].name}.key")
    if latest.revoked is not None and not new_key:
        raise ValueError(f"{name} was revoked: its key may be known to others; give --new-key for a new one")
    if new_key and not key_file.exists():
        raise ValueError(f"the key of {name} is not here but on the device: make a request there"
                         " (mbap certs csr) and sign it (mbap certs sign --replace)")  # fmt: skip
    certificate = read_certificates(authority.path(f"{latest.name}.pem"))[0]
    old = check_strength(certificate.public_key())
    ca_key = open_key(authority.key, source)
    wish = wish_of(latest, days)
    if not new_key:
        authority.issue(wish, old, ca_key, now(), overwrite=True)
    else:
        before = read_key(key_file)
        key = certificates.new_key(*_kind(before))
        authority.issue(wish, key.public_key(), ca_key, now(), overwrite=True)
        write_key(key_file, key, replace=True)
    say_issued(authority, latest.name, with_key=new_key)


def _kind(key: object) -> tuple[KeyKind, int]:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return ("rsa", key.key_size) if isinstance(key, rsa.RSAPrivateKey) else ("ec", 0)


for _one in (
    certs_requests.csr,
    certs_requests.sign,
    certs_revoking.revoke,
    certs_revoking.crl,
    certs_show.show,
    certs_check.check,
    certs_list.list_issued,
    certs_list.export,
):
    command.add_command(_one)
