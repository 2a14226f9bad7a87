"""TLS: which certificate is shown, whether it is accepted, and whether ours is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding, Severity, ok, skipped
from mbap.diagnose.doctor.header import take_apart
from mbap.diagnose.doctor.talk import say
from mbap.errors import CertificateRefused, ModbusError, TlsFailed
from mbap.protocol.adu import Adu
from mbap.protocol.tcp import TcpFraming
from mbap.transport import opening

if TYPE_CHECKING:
    from mbap.transport.certificate import Certificate

_TRANSACTION = 0x4D45
_LATE = "the server said so only after the client believed to be connected, as TLS 1.3 has it"


def protection(case: Case) -> Iterator[Finding]:
    """Look at the certificate without trusting it, then connect as a client does."""
    if not case.endpoint.secure:
        return
    try:
        shown = certificate_of(case)
    except ModuleNotFoundError as missing:
        yield skipped("tls", str(missing))
        yield no_trust(None)
        return
    if shown is None and _speaks_plainly(case):
        yield unprotected(case)
        return
    if case.wishes.tls is None:
        yield no_trust(shown)
        return
    outcome = case.asking.ask(case.question(), case.first_unit)
    case.asking.renew()
    if isinstance(outcome.error, TlsFailed):
        yield refused(outcome.error, shown)
    else:
        yield ok(
            "tls", f"the certificate is accepted, and so are we; it is {described(shown)}", **data(shown)
        )


def certificate_of(case: Case) -> Certificate | None:
    """What the server shows, whoever it is; None where it shows nothing.

    Raises:
        ModuleNotFoundError: the package for TLS is not installed.
    """
    from mbap.transport.tls import TLS
    from mbap.transport.tlswire import TlsSocket

    ours = case.wishes.tls.settings if case.wishes.tls else None
    looking = TLS(
        certificate=ours.certificate if ours else None, key=ours.key if ours else None, verify=False
    )
    try:
        wire = opening.connect(case.endpoint, case.wishes.timeout, tls=looking)
    except ModbusError:
        return None
    try:
        return wire.certificate if isinstance(wire, TlsSocket) else None
    finally:
        wire.close()


def _speaks_plainly(case: Case) -> bool:
    """Whether Modbus is answered there without TLS."""
    asked = Adu(case.first_unit, case.question().encode(), _TRANSACTION)
    case.sleep(case.wishes.pause)
    (heard,) = say(
        lambda: case.open(protected=False),
        TcpFraming().pack(asked),
        patience=case.wishes.timeout,
        quiet=case.waits.quiet,
        clock=case.clock,
        sleep=case.sleep,
    )
    return take_apart(asked, heard.data) is not None


def unprotected(case: Case) -> Finding:
    """Modbus is there, and TLS is not."""
    plain = replace(case.endpoint, scheme="tcp").url
    error = TlsFailed("Modbus is spoken there without TLS")
    means = "the port is that of plain Modbus; TLS usually has port 802, and has to be switched on"
    advice = f"switch TLS on in the device, or use {plain}: whoever is on the way can read and change that"
    return Finding("tls", Severity.FAULT, error.reason, means, advice, error=error, last=True)


def no_trust(shown: Certificate | None) -> Finding:
    """Nobody has said whom to trust."""
    error = TlsFailed("nobody has said whom to trust")
    seen = showing(shown)
    if shown is None:
        means = "it may speak no TLS there, or show nothing to a stranger"
        advice = "check the port, which is 802 mostly; with TLS say --ca, --certificate and --key FILE"
        return Finding("tls", Severity.FAULT, seen, means, advice, error=error, last=True)
    means = "TLS is worth nothing without knowing whom to trust, and the server wants to know who we are"
    advice = "say --ca FILE, --certificate FILE and --key FILE: mbap certs makes them"
    return Finding("tls", Severity.FAULT, seen, means, advice, data(shown), error, last=True)


def refused(error: TlsFailed, shown: Certificate | None) -> Finding:
    """A certificate was refused, here or there, or it came to none."""
    means = showing(shown)
    if isinstance(error, CertificateRefused) and error.ours:
        means = f"{_LATE}; {means}"
    facts = data(shown) | {"check": error.check if isinstance(error, CertificateRefused) else None}
    return Finding("tls", Severity.FAULT, error.reason, means, error.advice, facts, error, last=True)


def showing(shown: Certificate | None) -> str:
    """What the server shows."""
    if shown is None:
        return "the server shows no certificate"
    return f"the server shows the certificate {described(shown).removeprefix('that ')}"


def described(shown: Certificate | None) -> str:
    """Whose it is, of which authority, for which names, until when."""
    if shown is None:
        return "none"
    from mbap.transport.certificate import moment

    names = f" for {', '.join(shown.names)}" if shown.names else ""
    return f"that of {shown.holder}{names}, issued by {shown.issuer}, until {moment(shown.not_after)}"


def data(shown: Certificate | None) -> dict[str, object]:
    """The same for programs."""
    if shown is None:
        return {}
    return {
        "subject": shown.subject,
        "issuer": shown.issuer,
        "names": list(shown.names),
        "not_after": shown.not_after,
        "fingerprint": shown.fingerprint,
    }
