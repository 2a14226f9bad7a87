"""Why a TLS handshake failed, in a sentence that names the check."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mbap.errors import CertificateRefused, TlsFailed
from mbap.transport.certificate import Certificate, moment
from mbap.transport.handshake import Seen

if TYPE_CHECKING:
    from mbap.transport.tls import TLS, Objection
    from mbap.transport.tlsfiles import Side

OTHER: Final = {"client": "the server", "server": "the client"}

# X509_V_ERR_...: the check, and what is wrong with the certificate of the other side.
_CHECKS: Final[dict[int, tuple[str, str]]] = {
    3: ("revocation list", "there is no revocation list of {issuer}, and without one nobody is let in"),
    8: ("revocation list", "the revocation list of {issuer} was signed by somebody else"),
    9: ("not yet valid", "is valid from {begins} on only"),
    10: ("expired", "has expired on {ends}"),
    11: ("revocation list", "the revocation list of {issuer} is of the future: check this machine's clock"),
    12: (
        "revocation list",
        "the revocation list of {issuer} has expired: nobody is let in without a new one",
    ),
    18: ("unknown CA", "is signed by itself, and not trusted"),
    19: ("unknown CA", "is of {issuer}, an authority that is not trusted; trusted: {trusted}"),
    20: ("unknown CA", "is of {issuer}, an authority that is not trusted; trusted: {trusted}"),
    21: ("unknown CA", "is of {issuer}, and the chain up to a trusted authority is not complete"),
    22: ("unknown CA", "has too long a chain"),
    23: ("revoked", "is revoked"),
    24: ("purpose", "is of {issuer}, which is no authority"),
    26: ("purpose", "is not for a {side}: its extended key usage says something else"),
    62: ("name", "is for {names}, not for {name}"),
    64: ("name", "is for {names}, not for {name}"),
    66: ("weak", "has too weak a key: RSA has to have 2048 bits"),
    67: ("weak", "is of {issuer}, whose key is too weak"),
    68: ("weak", "is signed with too weak a hash: it has to be SHA-256 or better"),
}

_ADVICE: Final[dict[str, str]] = {
    "expired": "get a new one, and check the clocks of both machines",
    "not yet valid": "check the clocks of both machines",
    "name": "connect by a name that it has, or say which one it is to have: server_name",
    "unknown CA": "check ca: it has to be the authority that signed the other side's certificate",
    "revoked": "its holder needs a new one",
    "revocation list": "get a new list from the authority, and put it where crl says",
    "purpose": "a server needs one for serverAuth, a client one for clientAuth",
    "missing": "give certificate and key",
    "weak": "its holder needs a new one",
    "other": "look at the other side's log",
}

# What the other side says is wrong with our certificate, by the name that OpenSSL gives its alert.
_REFUSALS: Final[dict[str, tuple[str, str]]] = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": ("missing", "it wants a certificate, and got none"),
    "SSLV3_ALERT_NO_CERTIFICATE": ("missing", "it wants a certificate, and got none"),
    "SSLV3_ALERT_BAD_CERTIFICATE": ("other", "it calls it bad"),
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": ("purpose", "it is not for this purpose, or of an unknown kind"),
    "SSLV3_ALERT_CERTIFICATE_REVOKED": ("revoked", "it is revoked"),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": ("expired", "it has expired, or is not yet valid"),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": ("other", "it does not say why"),
    "TLSV1_ALERT_UNKNOWN_CA": ("unknown CA", "it does not trust the authority that signed it"),
    "TLSV1_ALERT_ACCESS_DENIED": ("other", "its holder is not let in"),
    "TLSV1_ALERT_DECRYPT_ERROR": ("other", "its key does not fit it"),
}

# Other failures: what happened, what to do.
_FAILURES: Final[dict[str, tuple[str, str]]] = {
    "SSLV3_ALERT_HANDSHAKE_FAILURE": (
        "the two have no suite in common, or a certificate is missing",
        "check that the client has a certificate and that both speak TLS 1.2 or newer with ECDHE and AES-GCM",
    ),
    "TLSV1_ALERT_PROTOCOL_VERSION": ("the two have no version of TLS in common", "check minimum"),
    "UNSUPPORTED_PROTOCOL": ("{other} speaks TLS 1.1 or older only, which is not safe", "update it"),
    "VERSION_TOO_LOW": ("{other} speaks a version of TLS that is not safe", "update it"),
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": ("{other} finds our suites too weak", "check null_encryption"),
    "NO_SHARED_CIPHER": ("the two have no suite in common", "both need ECDHE with AES-GCM or ChaCha20"),
    "NO_CIPHERS_AVAILABLE": ("the two have no suite in common", "check null_encryption and minimum"),
    "WRONG_VERSION_NUMBER": ("{other} does not speak TLS", "plain Modbus has port 502 and tcp://"),
    "RECORD_LAYER_FAILURE": ("{other} does not speak TLS", "plain Modbus has port 502 and tcp://"),
    "PACKET_LENGTH_TOO_LONG": ("{other} does not speak TLS", "plain Modbus has port 502 and tcp://"),
    "UNKNOWN_PROTOCOL": ("{other} does not speak TLS", "plain Modbus has port 502 and tcp://"),
    "HTTP_REQUEST": ("{other} speaks HTTP: a browser or a scanner", ""),
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": ("{other} lacks the renegotiation indication", "update it"),
}
_NO_CERTIFICATE: Final = "PEER_DID_NOT_RETURN_A_CERTIFICATE"
ENDED: Final = "{other} ended the connection during the TLS handshake"
ENDED_AFTER: Final = (
    "the server ended the connection right after the TLS handshake, before it answered anything: so it is"
    " where it does not accept the client's certificate"
)


def handshake_failed(
    problem: OSError, seen: Seen | None, tls: TLS, side: Side, name: str = "", timeout: float = 0.0
) -> TlsFailed:
    """*problem*, met in a handshake as *side*, in plain words; *name* is the one that was asked for."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return _refused_here(problem, seen, tls, side, name)
    if isinstance(problem, TimeoutError):
        late = TlsFailed(f"no TLS handshake within {timeout:g} s")
        return advised(late, "it may not speak TLS on this port")
    reason = getattr(problem, "reason", None) or ""
    if reason == _NO_CERTIFICATE:
        return CertificateRefused("the client gave no certificate", "missing")
    told = refused_there(problem, tls, side)
    if told is not None:
        return told
    sentence, advice = _FAILURES.get(reason, ("", ""))
    if not sentence:
        sentence, advice = _other(problem, reason)
    return advised(TlsFailed(sentence.format(other=OTHER[side])), advice)


def _other(problem: OSError, reason: str) -> tuple[str, str]:
    if isinstance(problem, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError)) or not reason:
        return ENDED, "it may speak no TLS there, or refuse the certificate without saying so"
    return f"the TLS handshake failed: {reason.replace('_', ' ').lower()}", ""


def refused_there(problem: OSError, tls: TLS, side: Side) -> CertificateRefused | None:
    """What the other side's alert says about our certificate, if it is one that does."""
    check, why = _REFUSALS.get(getattr(problem, "reason", None) or "", ("", ""))
    if not check:
        return None
    own = "the certificate" if not tls.chain else f"the certificate of {tls.chain[0].holder}"
    if check == "missing" and tls.chain:
        check, why = "other", "none of the authorities that it names has signed ours, so it was not sent"
    error = CertificateRefused(f"{OTHER[side]} refused {own}: {why}{_own_fault(tls)}", check, ours=True)
    error.advice = "give certificate and key" if check == "missing" else "look at the other side's log"
    return error


def ended_after(tls: TLS) -> CertificateRefused:
    """The server said nothing, and ended the connection before its first answer."""
    ours = f" ({tls.chain[0].holder})" if tls.chain else ""
    error = CertificateRefused(f"{ENDED_AFTER}{ours}{_own_fault(tls)}", "other", ours=True, guessed=True)
    error.advice = "look at its log" if tls.chain else "give certificate and key: none was given"
    return error


def _own_fault(tls: TLS) -> str:
    """What can be seen to be wrong with our own certificate."""
    from mbap.transport.tls import wrong_time

    now = time.time()
    if not tls.chain or tls.chain[0].not_before <= now <= tls.chain[0].not_after:
        return ""
    return f"; it {wrong_time(tls.chain[0], now)[1].removeprefix(tls.chain[0].holder).strip()}"


def _refused_here(
    problem: ssl.SSLCertVerificationError, seen: Seen | None, tls: TLS, side: Side, name: str
) -> CertificateRefused:
    found = None if seen is None else seen.certificate
    check, template = _CHECKS.get(problem.verify_code, ("other", "was refused: " + problem.verify_message))
    whose = OTHER[side].removeprefix("the ")
    facts = _facts(found, tls.trusted, name, side)
    subject = f"the certificate of the {whose}" + (f", {found.holder}," if found else "")
    sentence = template.format(**facts)
    if check != "revocation list":
        sentence = f"{subject} {sentence}"
    error = CertificateRefused(sentence, check)
    error.advice = _ADVICE[check]
    return error


def _facts(
    found: Certificate | None, trusted: Sequence[Certificate], name: str, side: Side
) -> dict[str, str]:
    known = ", ".join(one.holder for one in trusted[:3]) or "nobody"
    facts = {"trusted": known, "name": name, "side": OTHER[side].removeprefix("the ")}
    if found is None:
        unknown = {"issuer": "its issuer", "begins": "later", "ends": "an earlier day"}
        return {**facts, **unknown, "names": "another name"}
    return {
        **facts,
        "issuer": found.issuer,
        "begins": moment(found.not_before),
        "ends": moment(found.not_after),
        "names": " and ".join(found.names[:5]) or "no host at all",
    }


def advised(error: TlsFailed, advice: str) -> TlsFailed:
    """*error* with *advice*."""
    error.advice = advice
    return error


def not_any_more(objection: Objection) -> TlsFailed:
    """Why a session ends that was good until now."""
    return CertificateRefused(f"the certificate of {objection}", objection.check)


class Told(OSError):
    """A problem of a connection that is explained already."""

    def __init__(self, error: TlsFailed) -> None:
        super().__init__(error.reason)
        self.told = error
