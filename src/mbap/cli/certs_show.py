"""`mbap certs show`: what certificates, requests, revocation lists and keys say, in plain words."""

from __future__ import annotations

import stat
import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mbap.cli.certs_common import AS_JSON, PATH, echo_json, now
from mbap.cli.exits import ExitCode

if TYPE_CHECKING:
    from cryptography import x509

    from mbap.security.facts import Asked, CertificateFacts

Row = tuple[str, str]
Found = tuple[str, list[Row], dict[str, object]]
"""What it is, its rows for people, and the same for programs."""
_WIDTH = 80
_HEAD = 12


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PATH)
@AS_JSON
@click.pass_context
def show(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Show in plain words what is in each FILE: certificates, requests, revocation lists, keys.

    Chains and keys are looked for in all of the files together. A key is never printed. Exits with 2 when
    a file has none of these.

    \b
    Examples:
      mbap certs show certs/panel.pem
      mbap certs show panel.key panel.pem ca.pem
      mbap certs show --json certs/*.pem
    """
    moment, known = now(), _certificates(files)
    bad = False
    documents: list[dict[str, object]] = []
    for index, path in enumerate(files):
        try:
            found = _contents(path, known, moment)
        except (ValueError, OSError) as wrong:
            bad = True
            click.echo(f"error: {wrong}", err=True)
            documents.append({"file": str(path), "error": str(wrong)})
            continue
        documents.append({"file": str(path), "contents": [data for _, _, data in found]})
        if not as_json:
            click.echo("\n" * bool(index) + _text(path, found))
    if as_json:
        echo_json(documents)
    if bad:
        ctx.exit(ExitCode.USAGE)


def certificate_rows(facts: CertificateFacts, moment_now: datetime) -> list[Row]:
    """What a certificate says, for people."""
    from mbap.security.facts import moment, serial_text

    return [
        ("of", facts.asked.name),
        ("issued by", "itself" if facts.self_signed else facts.issuer),
        ("valid", f"from {moment(facts.not_before)}"),
        ("", f"until {moment(facts.not_after)}, {_left(facts.not_after, moment_now)}"),
        *asked_rows(facts.asked, ca=facts.ca),
        ("serial", serial_text(facts.serial)),
        ("SHA-256", facts.fingerprint),
    ]


def asked_rows(asked: Asked, *, ca: bool) -> list[Row]:
    """Role, purposes, names and key, for people."""
    role = "none" if asked.role is None else asked.role
    if asked.role_fault:
        role = f"none: {asked.role_fault}"
    purposes = ["signing other certificates"] * ca + ["servers"] * asked.server + ["clients"] * asked.client
    rows = [] if ca else [("role", role)]
    rows.append(("for", ", ".join([*purposes, *asked.other_purposes]) or "whatever: it says no purpose"))
    if names := [f"DNS {one}" for one in asked.dns] + [f"IP {one}" for one in asked.ip]:
        rows.append(("names", ", ".join(names)))
    return [*rows, ("key", asked.key)]


def certificate_data(facts: CertificateFacts, moment_now: datetime) -> dict[str, object]:
    """What a certificate says, for programs."""
    from mbap.security.facts import days_left, serial_text

    return {
        "kind": "certificate",
        "subject": facts.asked.name,
        "issuer": facts.issuer,
        "serial": serial_text(facts.serial),
        "not_before": _iso(facts.not_before),
        "not_after": _iso(facts.not_after),
        "days_left": days_left(facts.not_after, moment_now),
        **asked_data(facts.asked),
        "ca": facts.ca,
        "self_signed": facts.self_signed,
        "fingerprint_sha256": facts.fingerprint,
    }


def asked_data(asked: Asked) -> dict[str, object]:
    """The same of what a request asks for."""
    return {
        "role": asked.role,
        "role_fault": asked.role_fault or None,
        "server": asked.server,
        "client": asked.client,
        "other_purposes": list(asked.other_purposes),
        "dns": list(asked.dns),
        "ip": list(asked.ip),
        "key": asked.key,
    }


def lines(rows: Iterable[Row]) -> str:
    """*rows* as lines of 80 columns at most, as far as words allow."""
    return "\n".join(
        textwrap.fill(
            value,
            _WIDTH,
            initial_indent=f"  {head.ljust(_HEAD)}",
            subsequent_indent=" " * (_HEAD + 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for head, value in rows
    )


def _text(path: Path, found: Sequence[Found]) -> str:
    from mbap.security.facts import visible

    several = len(found) > 1
    parts = []
    for number, (what, rows, _) in enumerate(found, start=1):
        of = f", {number} of {len(found)}" if several else ""
        parts.append(f"{visible(str(path))}: {what}{of}\n{lines(rows)}")
    return "\n".join(parts)


def _certificates(files: Iterable[Path]) -> list[x509.Certificate]:
    """Every certificate in *files* that can be read."""
    import contextlib

    from mbap.security.pemfiles import read_certificates

    known: list[x509.Certificate] = []
    for path in files:
        with contextlib.suppress(ValueError, OSError):
            known += read_certificates(path)
    return known


def _contents(path: Path, known: Sequence[x509.Certificate], moment_now: datetime) -> list[Found]:
    """All that is in *path*.

    Raises:
        ValueError: there is nothing that can be shown, or a part is damaged.
    """
    from mbap.security.pemfiles import blocks, bytes_of, no_pem

    data = bytes_of(path)
    found = [
        one
        for label, block in blocks(data)
        if (one := _block(label, block, path, known, moment_now)) is not None
    ]
    if not found and not blocks(data) and (der := _der(data, known, moment_now)) is not None:
        return [der]
    if not found:
        raise no_pem(path, data, "certificate, request, revocation list or key")
    return found


def _block(
    label: str, block: bytes, path: Path, known: Sequence[x509.Certificate], moment_now: datetime
) -> Found | None:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        if label in ("CERTIFICATE", "X509 CERTIFICATE"):
            return _certificate(x509.load_pem_x509_certificate(block), known, moment_now)
        if label.endswith("CERTIFICATE REQUEST"):
            return _request(x509.load_pem_x509_csr(block))
        if label == "X509 CRL":
            return _crl(x509.load_pem_x509_crl(block), known, moment_now)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"the {label.lower()} in {path} is damaged") from None
    return _key(block, path, known) if label.endswith("PRIVATE KEY") else None


def _der(data: bytes, known: Sequence[x509.Certificate], moment_now: datetime) -> Found | None:
    from cryptography import x509

    for what in ("certificate", "request", "list"):
        try:
            if what == "certificate":
                return _certificate(x509.load_der_x509_certificate(data), known, moment_now)
            if what == "request":
                return _request(x509.load_der_x509_csr(data))
            return _crl(x509.load_der_x509_crl(data), known, moment_now)
        except ValueError:
            continue
    return None


def _certificate(
    certificate: x509.Certificate, known: Sequence[x509.Certificate], moment_now: datetime
) -> Found:
    from mbap.security.chains import chain_of, chain_text
    from mbap.security.facts import certificate_facts

    facts = certificate_facts(certificate)
    complete, chain = chain_text(chain_of(certificate, known))
    rows = [*certificate_rows(facts, moment_now), ("chain", chain)]
    data = {**certificate_data(facts, moment_now), "chain_complete": complete, "chain": chain}
    return "certificate", rows, data


def _request(request: x509.CertificateSigningRequest) -> Found:
    from mbap.security.facts import request_facts

    asked = request_facts(request)
    right = request.is_signature_valid
    signature = "right: whoever made it has the key" if right else "WRONG: it was changed on its way"
    rows = [("of", asked.name), *asked_rows(asked, ca=False), ("signature", signature)]
    data = {"kind": "request", "subject": asked.name, **asked_data(asked), "signature_valid": right}
    return "certificate request", rows, data


def _crl(
    crl: x509.CertificateRevocationList, known: Sequence[x509.Certificate], moment_now: datetime
) -> Found:
    from mbap.security.facts import crl_facts, days_left, moment, name_text, serial_text

    facts = crl_facts(crl)
    names = {one.serial_number: name_text(one.subject) for one in known}
    end = "never said" if facts.next_update is None else moment(facts.next_update)
    left = "" if facts.next_update is None else f", {_left(facts.next_update, moment_now)}"
    rows = [
        ("issued by", facts.issuer),
        ("number", "none" if facts.number is None else str(facts.number)),
        ("made", moment(facts.last_update)),
        ("good until", f"{end}{left}"),
        ("revoked", str(len(facts.revoked)) if facts.revoked else "nothing"),
    ]
    for serial, when in facts.revoked:
        name = f", {names[serial]}" if serial in names else ""
        rows.append(("", f"{serial_text(serial)} on {when:%Y-%m-%d}{name}"))
    data: dict[str, object] = {
        "kind": "revocation list",
        "issuer": facts.issuer,
        "number": facts.number,
        "last_update": _iso(facts.last_update),
        "next_update": None if facts.next_update is None else _iso(facts.next_update),
        "days_left": None if facts.next_update is None else days_left(facts.next_update, moment_now),
        "revoked": [{"serial": serial_text(serial), "time": _iso(when)} for serial, when in facts.revoked],
    }
    return "revocation list", rows, data


def _key(block: bytes, path: Path, known: Sequence[x509.Certificate]) -> Found:
    from mbap.security.facts import certificate_facts, key_text
    from mbap.security.keyfiles import PassphraseNeeded, parse_key

    private, permissions = _permissions(path)
    data: dict[str, object] = {"kind": "key", "private": private, "permissions": permissions}
    try:
        key = parse_key(block, path)
    except PassphraseNeeded:
        rows = [("key", "encrypted"), ("can be read", permissions)]
        return "private key", rows, data | {"encrypted": True}
    owners = [certificate_facts(one).asked.name for one in known if one.public_key() == key.public_key()]
    whose = ", ".join(dict.fromkeys(owners)) or "of none of the certificates in these files"
    rows = [("key", key_text(key)), ("of", whose), ("can be read", permissions)]
    return "private key", rows, data | {"encrypted": False, "key": key_text(key), "of": owners}


def _permissions(path: Path) -> tuple[bool | None, str]:
    from mbap.security.keyfiles import POSIX, TooWide, check_private

    if not POSIX:
        return None, "not looked at on Windows: see its properties, security"
    mode = stat.S_IMODE(path.stat().st_mode)
    try:
        check_private(path)
    except TooWide as wide:
        return False, f"BY OTHERS, so it is not used: {wide}"
    return True, f"by its owner alone (mode {mode:04o})"


def _left(end: datetime, moment_now: datetime) -> str:
    from mbap.security.facts import days_left

    days = days_left(end, moment_now)
    if days < 0:
        return f"EXPIRED {-days} days ago" if days < -1 else "EXPIRED"
    return "1 day left" if days == 1 else f"{days} days left"


def _iso(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
