"""`mbap certs check`: what a client sees of a TLS server, each thing that fails in a sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from mbap.cli.certs_common import AS_JSON, PATH, echo_json, now, open_key
from mbap.cli.connecting import DURATION
from mbap.cli.exits import ExitCode

if TYPE_CHECKING:
    from cryptography import x509

    from mbap.client.typed import ReadRequest
    from mbap.security.certificates import PrivateKey
    from mbap.security.chains import Check
    from mbap.security.probe import Shown

PORT = 802
_SIGNS = {True: "ok", False: "FAILED", None: "-"}


@click.command()
@click.argument("endpoint", metavar="tls://HOST[:802]")
@click.option("--ca", type=PATH, help="The CA that the server's certificate is to be of.")
@click.option("--crl", type=PATH, help="Its revocation list.")
@click.option("--certificate", type=PATH, help="Ours: to see whether the server accepts it.")
@click.option("--key", type=PATH, help="Its key, where it is not in the same file.")
@click.option(
    "--passphrase-from",
    "source",
    metavar="SOURCE",
    help="Where the key's passphrase is from: ask, fd:N (an open descriptor) or a file.",
)
@click.option(
    "--read", metavar="ITEM", help="Read this as well, hr0 for example; else no Modbus request is sent."
)
@click.option("--unit", type=click.IntRange(0, 255), default=1, show_default=True, help="With --read.")
@click.option(
    "--timeout", type=DURATION, default="5s", show_default=True, help="For the connection and the handshake."
)
@AS_JSON
def check(
    endpoint: str,
    ca: Path | None,
    crl: Path | None,
    certificate: Path | None,
    key: Path | None,
    source: str | None,
    read: str | None,
    unit: int,
    timeout: float,
    as_json: bool,
) -> int:
    """Connect to a server and show what a client sees: version, suite, certificates, what is wrong.

    It looks without trust, so it also shows servers whose certificate is wrong; with --ca it then connects
    again as a client does. No Modbus request is sent unless --read asks for one, and none to a server that
    failed a check. Exits with 1 when a check failed, with 3 when nobody listens.

    \b
    Examples:
      mbap certs check tls://192.168.1.50 --ca certs/ca.pem
      mbap certs check 192.168.1.50 --ca ca.pem \\
          --certificate panel.pem --key panel.key
      mbap certs check tls://plc1:802 --ca ca.pem \\
          --certificate panel.pem --key panel.key --read hr0
    """
    from mbap.security.pemfiles import read_certificates, read_crl
    from mbap.security.probe import look

    _check_pairs(key=key, certificate=certificate, crl=crl, ca=ca)
    host, port = host_and_port(endpoint)
    roots = read_certificates(ca) if ca is not None else []
    revoked = read_crl(crl) if crl is not None else None
    passphrase = _check_ours(certificate, key, source) if certificate is not None else None
    request = _request(read, unit) if read is not None else b""
    try_it = partial(
        look, host, port, certificate=certificate, key=key, passphrase=passphrase, patience=timeout
    )
    shown = try_it()
    if not shown.connected:
        click.echo(f"error: {shown.fault}", err=True)
        return ExitCode.CANNOT_CONNECT
    chain = _parsed(shown)
    checks = judged(shown, chain, host, roots, revoked, with_ours=certificate is not None)
    if all(one.ok is not False for one in checks) and (roots or request):
        checks += _as_a_client(try_it(ca=ca, crl=crl, send=request), ca, read)
    elif read is not None:
        checks.append(_not_read(read))
    _print(host, port, shown, chain, checks, as_json=as_json)
    return ExitCode.FAILED if any(one.ok is False for one in checks) else ExitCode.OK


def _check_pairs(**given: Path | None) -> None:
    """Some options are of use with another only."""
    for one, other in (("key", "certificate"), ("crl", "ca")):
        if given[one] is not None and given[other] is None:
            raise click.UsageError(f"--{one} goes with --{other}")


def host_and_port(endpoint: str) -> tuple[str, int]:
    """Where to connect to: `tls://plc1`, `plc1:1802`, `[fd00::1]`.

    Raises:
        ValueError: that cannot be told, or it is no TLS endpoint.
    """
    scheme, found, rest = endpoint.partition("://")
    if found and scheme != "tls":
        raise ValueError(f"{endpoint} is not of TLS: write tls://HOST or tls://HOST:PORT")
    try:
        parts = urlsplit(f"//{rest if found else endpoint}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.path.strip("/") or parts.username:
        raise ValueError(f"{endpoint} is no endpoint: write tls://HOST or tls://HOST:PORT")
    return host, PORT if port is None else port


def judged(
    shown: Shown,
    chain: Sequence[x509.Certificate],
    host: str,
    roots: Sequence[x509.Certificate],
    revoked: x509.CertificateRevocationList | None = None,
    *,
    with_ours: bool,
) -> list[Check]:
    """Every check of a server that was looked at."""
    from mbap.security.chains import Check, judge, judge_revocation

    if not chain:
        return [Check("TLS", False, shown.fault or "it showed no certificate")]
    checks = judge(chain, host, roots, now())
    if revoked is not None:
        checks.append(judge_revocation(chain, revoked, now()))
    return [*checks, _client_certificate(shown, with_ours=with_ours)]


def _client_certificate(shown: Shown, *, with_ours: bool) -> Check:
    from mbap.security.chains import Check

    what = "client"
    if not shown.asked and not shown.accepted:
        return Check(what, False, shown.fault)
    if not shown.asked:
        return Check(what, False, "it asks for no client certificate, so anybody may connect")
    if shown.accepted:
        ours = "accepts ours" if with_ours else "does without one, so anybody may connect"
        return Check(what, with_ours, f"it asks for a certificate and {ours}")
    if with_ours:
        return Check(what, False, f"our certificate is refused: {shown.fault}")
    return Check(what, None, "it wants a certificate; give --certificate and --key to try one")


def _check_ours(certificate: Path, key: Path | None, source: str | None) -> bytes | None:
    """Our passphrase, once certificate and key are known to be good.

    Raises:
        ValueError: they are not.
    """
    from mbap.security.keyfiles import read_key
    from mbap.security.pemfiles import read_certificates

    leaf, path = read_certificates(certificate)[0], key or certificate
    used: list[bytes | None] = []

    def opened(passphrase: bytes | None) -> PrivateKey:
        used.append(passphrase)
        return read_key(path, passphrase)

    found = open_key(opened, source)
    if found.public_key() != leaf.public_key():
        raise ValueError(f"the key {path} is not the key of the certificate {certificate}")
    return used[-1]


def _parsed(shown: Shown) -> list[x509.Certificate]:
    from cryptography import x509

    chain: list[x509.Certificate] = []
    with contextlib.suppress(ValueError):
        chain += [x509.load_der_x509_certificate(one) for one in shown.chain]
    return chain


def _request(read: str, unit: int) -> bytes:
    """The bytes of the request that reads *read*.

    Raises:
        ValueError: it is no place, or too much for one request.
    """
    from mbap.protocol.adu import Adu
    from mbap.protocol.tcp import TcpFraming

    return TcpFraming().pack(Adu(unit, _reading(read).encode(), 1))


def _reading(read: str) -> ReadRequest:
    from mbap.addresses import parse_item
    from mbap.client.typed import read_request

    item = parse_item(read)
    return read_request(item.table, item.address, item.count or 1)


def _as_a_client(shown: Shown, ca: Path | None, read: str | None) -> list[Check]:
    """What came of a connection that verified the server, where there is a CA; and of the read on it."""
    from mbap.security.chains import Check

    checks = []
    if ca is not None and "refuses its certificate" in shown.fault:
        checks.append(Check("verified", False, shown.fault))
    elif ca is not None:
        checks.append(Check("verified", True, "a client that trusts --ca accepts the server"))
    return checks if read is None else [*checks, _answer(shown, read)]


def _answer(shown: Shown, read: str) -> Check:
    from mbap.errors import ProtocolError
    from mbap.protocol.tcp import TcpFraming
    from mbap.security.chains import Check

    if not shown.accepted:
        return Check("read", False, f"{read} was not read: {shown.fault}")
    adus = TcpFraming().unpack(shown.reply)
    if not adus:
        return Check("read", False, f"{read}: no answer came in time")
    pdu = adus[0].pdu
    if pdu[0] & 0x80:
        code = pdu[1] if len(pdu) > 1 else 0
        why = ": our role may not do this" if code == 1 else ""
        return Check("read", False, f"{read} was answered with exception {code:02}{why}")
    try:
        values = _reading(read).decode_response(pdu)
    except ProtocolError as wrong:
        return Check("read", False, f"{read}: {wrong}")
    return Check("read", True, f"{read} is {', '.join(str(int(one)) for one in values)}")


def _not_read(read: str) -> Check:
    from mbap.security.chains import Check

    return Check("read", None, f"{read} was not read: no request goes to a server that failed a check")


def _print(
    host: str,
    port: int,
    shown: Shown,
    chain: Sequence[x509.Certificate],
    checks: Sequence[Check],
    *,
    as_json: bool,
) -> None:
    from mbap.cli.certs_show import certificate_data, certificate_rows, lines
    from mbap.security.facts import certificate_facts

    facts = [certificate_facts(one) for one in chain]
    if as_json:
        echo_json(
            {
                "host": host,
                "port": port,
                "version": shown.version or None,
                "suite": shown.suite or None,
                "client_certificate_asked": shown.asked,
                "accepted": shown.accepted,
                "fault": shown.fault or None,
                "chain": [certificate_data(one, now()) for one in facts],
                "checks": [{"what": one.what, "ok": one.ok, "sentence": one.sentence} for one in checks],
            }
        )
        return
    click.echo(f"{host} port {port}: {' with '.join(filter(None, (shown.version, shown.suite))) or 'no TLS'}")
    for number, one in enumerate(facts, start=1):
        click.echo(f"certificate {number} of {len(facts)}\n{lines(certificate_rows(one, now()))}")
    click.echo("checks")
    click.echo(lines((_SIGNS[one.ok], f"{one.what}: {one.sentence}") for one in checks))
