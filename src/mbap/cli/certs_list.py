"""`mbap certs list` and `export`: what was issued, and what a device needs of it."""

from __future__ import annotations

from pathlib import Path

import click

from mbap.cli.certs_common import AS_JSON, FOLDER, PATH, REPLACE, echo_json, now, passphrase_from
from mbap.cli.tables import table

_HEADS = ("name", "serial", "for", "role", "until", "days", "state")
_SERIAL = 12


@click.command("list")
@FOLDER
@AS_JSON
def list_issued(folder: Path, as_json: bool) -> None:
    """List everything that the CA issued: until when it is valid, and whether it is revoked.

    The serial number is cut short; revoke takes a name, a file, or the whole number that --json has.

    \b
    Examples:
      mbap certs list
      mbap certs list --json
    """
    from mbap.security.authority import Authority
    from mbap.security.authorityindex import as_json as entry
    from mbap.security.facts import days_left, serial_text, visible

    moment, issued = now(), Authority(folder).index().issued
    if as_json:
        echo_json(
            [
                {**entry(one), "state": one.state(moment), "days_left": days_left(one.not_after, moment)}
                for one in issued
            ]
        )
        return
    rows = [
        (
            one.name,
            serial_text(one.serial)[:_SERIAL],
            "both" if one.server and one.client else "server" if one.server else "client",
            "-" if one.role is None else visible(one.role),
            f"{one.not_after:%Y-%m-%d}",
            str(days_left(one.not_after, moment)),
            one.state(moment),
        )
        for one in issued
    ]
    click.echo(table(_HEADS, rows, right={5}) if rows else "nothing was issued so far")


@click.command()
@click.argument("name")
@click.option("--to", type=PATH, metavar="DIR", help="Copy what it needs into this folder.")
@click.option("--pkcs12", type=PATH, metavar="FILE", help="Or write key and chain into one PKCS#12 file.")
@click.option(
    "--passphrase-from",
    "source",
    metavar="SOURCE",
    help="The passphrase of the PKCS#12 file: ask, fd:N (an open descriptor) or a file.",
)
@FOLDER
@REPLACE
def export(
    name: str, to: Path | None, pkcs12: Path | None, source: str | None, folder: Path, overwrite: bool
) -> None:
    """Gather what the device NAME needs: ca.pem, crl.pem, its certificate and, if it is here, its key.

    \b
    Examples:
      mbap certs export panel --to /media/usb/panel
      mbap certs export panel --pkcs12 panel.p12 --passphrase-from ask
    """
    from mbap.security.authority import Authority

    if (to is None) == (pkcs12 is None):
        raise click.UsageError("say where to: either --to DIR or --pkcs12 FILE")
    authority = Authority(folder)
    if not (named := authority.index().named(name)):
        raise ValueError(f"this CA issued nothing for {name!r}; see mbap certs list")
    name = named[-1].name
    if to is not None:
        _copy(authority.folder, name, to, overwrite=overwrite)
    elif pkcs12 is not None:
        _bundle(authority.folder, name, pkcs12, source, overwrite=overwrite)


def _copy(folder: Path, name: str, to: Path, *, overwrite: bool) -> None:
    from mbap.security.keyfiles import Exists, check_private, make_folder, write_file
    from mbap.security.pemfiles import bytes_of

    files = [one for one in ("ca.pem", "crl.pem", f"{name}.pem", f"{name}.key") if (folder / one).exists()]
    make_folder(to)
    for one in files:
        if not overwrite and (to / one).exists():
            raise Exists(f"{to / one} is there already: give --replace to overwrite it")
    for one in files:
        private = one.endswith(".key")
        if private:
            check_private(folder / one)
        write_file(to / one, bytes_of(folder / one), private=private, replace=overwrite)
        click.echo(str(to / one))


def _bundle(folder: Path, name: str, path: Path, source: str | None, *, overwrite: bool) -> None:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

    from mbap.security.keyfiles import read_key, write_file
    from mbap.security.pemfiles import read_certificates

    passphrase = passphrase_from(source, confirm=True)
    if passphrase is None:
        raise click.UsageError("--pkcs12 needs --passphrase-from: the file has the key in it")
    key_path = folder / f"{name}.key"
    if not key_path.exists():
        raise ValueError(f"the key of {name} is not here but on the device: take --to DIR")
    leaf, *others = read_certificates(folder / f"{name}.pem")
    key = read_key(key_path)
    if key.public_key() != leaf.public_key():
        raise ValueError(f"{key_path} is not the key of the certificate {folder / name}.pem")
    encryption = BestAvailableEncryption(passphrase)
    data = serialize_key_and_certificates(name.encode(), key, leaf, others, encryption)
    write_file(path, data, private=True, replace=overwrite)
    click.echo(f"{path}: key, certificate and CA of {name}, encrypted")
