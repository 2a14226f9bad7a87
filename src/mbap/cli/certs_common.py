"""What the commands of `mbap certs` share: options, the time, passphrases."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mbap.cli.tables import paragraph

if TYPE_CHECKING:
    from mbap.security.authority import Authority
    from mbap.security.certificates import KeyKind, PrivateKey, Wish

F = TypeVar("F", bound=Callable[..., Any])
LONGEST_PASSPHRASE = 1024

PATH = click.Path(path_type=Path)
FOLDER = click.option(
    "--folder", type=PATH, default=Path("certs"), show_default=True, help="The folder of the site's CA."
)
PASSPHRASE = click.option(
    "--passphrase-from",
    "source",
    metavar="SOURCE",
    help="Where the key's passphrase is from: ask, fd:N (an open descriptor) or a file.",
)
REPLACE = click.option("--replace", "overwrite", is_flag=True, help="Overwrite what is there.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DAYS = click.option(
    "--days", type=click.IntRange(1), default=730, show_default=True, help="How long it is valid."
)
DNS = click.option(
    "--dns", multiple=True, metavar="NAME", help="A name under which clients reach the server; repeatable."
)
IP = click.option(
    "--ip", multiple=True, metavar="ADDRESS", help="An address under which they do; repeatable."
)
ROLE = click.option("--role", metavar="ROLE", help="The role that the client has: one, such as Operator.")


def key_options(command: F) -> F:
    """What kind of key is made."""
    kind = click.option(
        "--key",
        "kind",
        type=click.Choice(["ec", "rsa"]),
        default="ec",
        show_default=True,
        help="EC P-256, or RSA for devices that know nothing else.",
    )
    bits = click.option(
        "--bits", type=click.IntRange(2048, 16384), default=3072, show_default=True, help="With --key rsa."
    )
    return kind(bits(command))


def now() -> datetime:
    """The time, to the second as certificates have it."""
    return datetime.now(UTC).replace(microsecond=0)


def echo_json(data: object) -> None:
    """Print *data* as JSON, in ASCII: no name in it may do anything to a terminal."""
    click.echo(json.dumps(data, indent=2))


def passphrase_from(source: str | None, *, confirm: bool = False) -> bytes | None:
    """The passphrase that *source* gives: `ask`, `fd:N`, or a file; None without a source.

    Raises:
        ValueError: the source gives none, or others can read the file.
        OSError: it cannot be read.
    """
    if source is None:
        return None
    if source == "ask":
        return str(
            click.prompt("passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
        ).encode()
    given = _of_descriptor(source) if source.startswith("fd:") else _of_file(Path(source))
    line = given.split(b"\n", 1)[0].rstrip(b"\r")
    if not line or len(line) > LONGEST_PASSPHRASE:
        raise ValueError(f"{source} gives no passphrase: its first line is empty, or far too long")
    return line


def open_key(read: Callable[[bytes | None], PrivateKey], source: str | None) -> PrivateKey:
    """What *read* gives with the passphrase from *source*; who is at a terminal is asked when one is needed.

    Raises:
        ValueError: the key cannot be used, and why.
    """
    from mbap.security.keyfiles import PassphraseNeeded

    given = passphrase_from(source)
    try:
        return read(given)
    except PassphraseNeeded as needed:
        if sys.stdin is None or not sys.stdin.isatty():
            raise ValueError(f"{needed} with --passphrase-from ask, fd:N or a file") from None
        return read(passphrase_from("ask"))


def made_here(
    folder: Path, wish: Wish, kind: KeyKind, bits: int, source: str | None, *, overwrite: bool
) -> None:
    """Make a key and a certificate for it, and say where they are."""
    from mbap.security.authority import Authority, check_name
    from mbap.security.certificates import check, new_key
    from mbap.security.keyfiles import Exists, write_key

    check_name(wish.name)
    check(wish)
    authority = Authority(folder)
    before = valid_ones(authority, wish.name)
    if not overwrite and authority.path(f"{wish.name}.key").exists():
        raise Exists(
            f"{authority.path(wish.name)}.key is there already: renew it with mbap certs renew {wish.name},"
            " or give --replace"
        )
    ca_key = open_key(authority.key, source)
    key = new_key(kind, bits)
    authority.issue(wish, key.public_key(), ca_key, now(), overwrite=overwrite)
    write_key(authority.path(f"{wish.name}.key"), key, replace=True)
    say_issued(authority, wish.name, with_key=True)
    for serial in before:
        click.echo(
            f"the certificate before it stays good until it ends, or: mbap certs revoke {serial}", err=True
        )


def valid_ones(authority: Authority, name: str) -> list[str]:
    """The serial numbers of what is valid under *name*."""
    from mbap.security.facts import serial_text

    named = authority.index().named(name)
    return [serial_text(one.serial) for one in named if one.state(now()) == "valid"]


def say_issued(authority: Authority, name: str, *, with_key: bool) -> None:
    """Print what the newest certificate of *name* says, and where it is."""
    one = authority.index().named(name)[-1]
    if with_key:
        kept = "the key; keep it where it is used, and nowhere else"
        click.echo(paragraph(f"{authority.path(name)}.key: {kept}"))
    click.echo(paragraph(f"{authority.path(name)}.pem: {purposes(one)}, until {one.not_after:%Y-%m-%d}"))
    if one.not_after >= authority.certificate.not_valid_after_utc:
        click.echo("it ends with the CA's own certificate: see mbap certs renew ca", err=True)


def purposes(wish: Any) -> str:
    """`for a server (plc1, 10.0.0.5)`, `for a client with the role Operator`."""
    from mbap.security.facts import visible

    names = ", ".join([*wish.dns, *wish.ip])
    server = f"for a server ({names})" if names else "for a server"
    role = f"with the role {visible(wish.role)}" if wish.role is not None else "without a role"
    parts = [server] * wish.server + [f"for a client {role}"] * wish.client
    return " and ".join(parts)


def _of_descriptor(source: str) -> bytes:
    number = source.removeprefix("fd:")
    if not number.isdecimal():
        raise ValueError(f"{source} is no descriptor such as fd:3")
    try:
        with os.fdopen(int(number), "rb", closefd=False) as file:
            return file.readline(LONGEST_PASSPHRASE + 2)
    except (OSError, OverflowError) as error:
        raise ValueError(f"cannot read a passphrase from {source}: {error}") from None


def _of_file(path: Path) -> bytes:
    from mbap.security.keyfiles import check_private
    from mbap.security.pemfiles import bytes_of

    if path.is_file():
        check_private(path)
    return bytes_of(path)
