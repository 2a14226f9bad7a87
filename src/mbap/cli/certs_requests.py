"""`mbap certs csr` and `sign`: the key stays on the device, only a request leaves it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.cli.certs_common import (
    DAYS,
    DNS,
    FOLDER,
    IP,
    PASSPHRASE,
    PATH,
    REPLACE,
    key_options,
    now,
    open_key,
    passphrase_from,
    say_issued,
)
from mbap.cli.tables import paragraph

if TYPE_CHECKING:
    from mbap.security.certificates import KeyKind, Wish
    from mbap.security.facts import Asked

_SERVER = click.option("--server", is_flag=True, help="It is a server.")
_CLIENT = click.option("--client", is_flag=True, help="It is a client.")


@click.command()
@click.argument("name")
@_SERVER
@_CLIENT
@DNS
@IP
@click.option("--role", metavar="ROLE", help="The role to ask for; whoever signs decides.")
@key_options
@click.option("--folder", type=PATH, default=Path(), help="Where both go; without it, here.")
@PASSPHRASE
@REPLACE
def csr(
    name: str,
    server: bool,
    client: bool,
    dns: tuple[str, ...],
    ip: tuple[str, ...],
    role: str | None,
    kind: KeyKind,
    bits: int,
    folder: Path,
    source: str | None,
    overwrite: bool,
) -> None:
    """Make a key and a request for a certificate, on the device that is to have it: NAME.key and NAME.csr.

    Only the request goes to the CA. With a passphrase the key is encrypted.

    \b
    Examples:
      mbap certs csr plc1 --server --ip 192.168.1.50
      mbap certs csr panel --client --role Operator
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    from mbap.security.certificates import Wish, new_key, request
    from mbap.security.keyfiles import write_file, write_key

    if not (server or client):
        raise click.UsageError("say what it is: --server, --client or both")
    key_path, path = _places(folder, name, overwrite=overwrite)
    wish = Wish(name, server=server, client=client, dns=dns, ip=ip, role=role)
    key = new_key(kind, bits)
    asked = request(wish, key)
    write_key(key_path, key, passphrase_from(source, confirm=True), replace=overwrite)
    write_file(path, asked.public_bytes(Encoding.PEM), private=False, replace=overwrite)
    click.echo(f"{key_path}: the key; it stays here")
    click.echo(paragraph(f"{path}: the request; have it signed with mbap certs sign {path.name}"))


def _places(folder: Path, name: str, *, overwrite: bool) -> tuple[Path, Path]:
    """Where key and request of *name* go; `ValueError` where they cannot."""
    from mbap.security.authority import check_name
    from mbap.security.keyfiles import Exists

    check_name(name)
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    places = folder / f"{name}.key", folder / f"{name}.csr"
    for one in places:
        if not overwrite and one.exists():
            raise Exists(f"{one} is there already: give --replace to overwrite it")
    return places


@click.command()
@click.argument("file", metavar="CSR", type=PATH)
@click.option("--name", metavar="NAME", help="What it is called; without it as the request has it.")
@_SERVER
@_CLIENT
@DNS
@IP
@click.option("--accept-names", is_flag=True, help="Grant the names and addresses that are asked for.")
@click.option("--role", metavar="ROLE", help="The role that the client gets; never taken from the request.")
@DAYS
@FOLDER
@PASSPHRASE
@REPLACE
def sign(
    file: Path,
    name: str | None,
    server: bool,
    client: bool,
    dns: tuple[str, ...],
    ip: tuple[str, ...],
    accept_names: bool,
    role: str | None,
    days: int,
    folder: Path,
    source: str | None,
    overwrite: bool,
) -> None:
    """Show what CSR asks for, and sign what the options grant of it.

    Nothing is granted because it is asked for: purpose, names and role are yours to say. Without --server
    and --client nothing is signed.

    \b
    Examples:
      mbap certs sign plc1.csr
      mbap certs sign plc1.csr --server --accept-names
      mbap certs sign panel.csr --client --role Operator
    """
    from mbap.security.authority import Authority, check_strength
    from mbap.security.certificates import Wish
    from mbap.security.facts import request_facts
    from mbap.security.pemfiles import read_request

    request = read_request(file)
    asked = request_facts(request)
    click.echo(paragraph(f"{file} asks for: {asked_text(asked)}"))
    if not (server or client):
        raise click.UsageError("nothing was signed: say what it is for, with --server, --client or both")
    if role is not None and not client:
        raise click.UsageError("--role goes with --client: nobody looks at a server's role")
    if accept_names:
        dns, ip = (*dns, *asked.dns), (*ip, *asked.ip)
    wish = Wish(name or asked.name, server=server, client=client, dns=dns, ip=ip, role=role, days=days)
    authority = Authority(folder)
    public = check_strength(request.public_key())
    ca_key = open_key(authority.key, source)
    authority.issue(wish, public, ca_key, now(), overwrite=overwrite)
    say_issued(authority, wish.name, with_key=False)
    _say_refused(asked, wish)


def _say_refused(asked: Asked, granted: Wish) -> None:
    if asked.role not in (None, granted.role):
        click.echo(f"not granted: the role {asked.role}", err=True)
    if refused := [one for one in (*asked.dns, *asked.ip) if one not in (*granted.dns, *granted.ip)]:
        click.echo(f"not granted: the names {', '.join(refused)}", err=True)


def asked_text(asked: Asked) -> str:
    """What is asked for in one line."""
    from mbap.security.facts import visible

    for_what = [word for word, wanted in (("server", asked.server), ("client", asked.client)) if wanted]
    parts = [asked.name, " and ".join(for_what) or "no purpose", *asked.dns, *asked.ip]
    parts.append(f"role {visible(asked.role)}" if asked.role is not None else asked.role_fault or "no role")
    return ", ".join([*parts, asked.key])
