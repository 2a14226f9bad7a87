"""Chains of certificates: who signed whom, whether it ends at a root, and what a client would make of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from mbap.records import Record
from mbap.security.facts import CertificateFacts, certificate_facts, crl_facts, days_left, moment

DEEPEST: Final = 4
"""Certificates in a chain, the root counted; more are not needed and cost every handshake."""


class Check(Record):
    """One thing that a client checks: what, whether it is well (None: not checked), and a sentence."""

    what: str
    ok: bool | None
    sentence: str


def chain_of(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """*leaf*, then whoever of *others* signed it, and so on: as far as *others* reach."""
    chain = [leaf]
    while len(chain) <= DEEPEST and not signed(chain[-1], chain[-1]):
        issuer = next((one for one in others if signed(chain[-1], one) and one not in chain), None)
        if issuer is None:
            break
        chain.append(issuer)
    return chain


def signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether *issuer* signed *certificate*."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def chain_text(chain: Sequence[x509.Certificate]) -> tuple[bool, str]:
    """Whether *chain* reaches a root, and the sentence that says so."""
    facts = [certificate_facts(one) for one in chain]
    way = " <- ".join(one.asked.name for one in facts)
    if signed(chain[-1], chain[-1]):
        return True, f"complete: {way} (root)" if len(chain) > 1 else "signed by itself"
    return False, f"not complete: {way}, and the certificate of {facts[-1].issuer} is not there"


def judge(
    chain: Sequence[x509.Certificate], host: str, roots: Sequence[x509.Certificate], now: datetime
) -> list[Check]:
    """What a client checks of a server's *chain*, whose *host* it wants to reach; without *roots* not whom
    it trusts."""
    leaf, facts = chain[0], [certificate_facts(one) for one in chain]
    checks = [_trust(chain, roots), _name(facts[0], host), *(_time(one, now) for one in facts)]
    return [*checks, _purpose(facts[0]), _strength(leaf, facts[0])]


def judge_revocation(
    chain: Sequence[x509.Certificate], crl: x509.CertificateRevocationList, now: datetime
) -> Check:
    """What the revocation list *crl* says of the server whose *chain* it is."""
    leaf, facts = chain[0], crl_facts(crl)
    if crl.issuer != leaf.issuer:
        return Check(
            "revocation", False, f"the list is of {facts.issuer}, which did not issue the certificate"
        )
    when = next((when for serial, when in facts.revoked if serial == leaf.serial_number), None)
    if when is not None:
        return Check("revocation", False, f"the certificate was revoked on {when:%Y-%m-%d}")
    if facts.next_update is not None and now > facts.next_update:
        ended = f"{facts.next_update:%Y-%m-%d}"
        return Check("revocation", False, f"the list is over since {ended}: clients refuse everybody then")
    return Check("revocation", True, "the certificate is not on the list")


def matches(facts: CertificateFacts, host: str) -> bool:
    """Whether the names in a certificate cover *host*; the common name does not count."""
    try:
        wanted = ip_address(host.strip("[]"))
    except ValueError:
        return any(_covers(name.lower(), host.lower().rstrip(".")) for name in facts.asked.dns)
    return any(ip_address(one) == wanted for one in facts.asked.ip)


def _covers(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        first, _, rest = host.partition(".")
        return bool(first) and rest == pattern[2:] and "." in rest
    return pattern == host


def _trust(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> Check:
    whole = chain_of(chain[0], [*chain[1:], *roots])
    complete, text = chain_text(chain_of(chain[0], chain[1:]))
    if not roots:
        return Check("chain", None, f"{text}; give --ca to see whether a client trusts it")
    last = certificate_facts(whole[-1])
    if whole[-1] not in roots:
        issuer = last.asked.name if last.self_signed else last.issuer
        return Check("chain", False, f"the CA is unknown: it is of {issuer}, which is not in --ca")
    if len(whole) > DEEPEST:
        return Check("chain", False, f"the chain is longer than {DEEPEST} certificates")
    if any(not certificate_facts(one).ca for one in whole[1:]):
        return Check("chain", False, "a certificate that may not sign others has signed one of the chain")
    if not complete:
        return Check("chain", True, f"trusted, ends at {last.asked.name}; the server does not send the root")
    return Check("chain", True, f"trusted, {text}")


def _name(facts: CertificateFacts, host: str) -> Check:
    names = ", ".join([*facts.asked.dns, *facts.asked.ip])
    if matches(facts, host):
        return Check("name", True, f"{host} is among its names: {names}")
    has = f"it has {names}" if names else "it has no DNS name and no address"
    return Check("name", False, f"the certificate is not for {host}: {has}")


def _time(facts: CertificateFacts, now: datetime) -> Check:
    what = f"expiry of {facts.asked.name}"
    if now > facts.not_after:
        return Check(what, False, f"expired since {moment(facts.not_after)}")
    if now < facts.not_before:
        return Check(what, False, f"not valid before {moment(facts.not_before)}: is a clock wrong?")
    left = days_left(facts.not_after, now)
    return Check(what, True, f"valid until {moment(facts.not_after)}, {left} days left")


def _purpose(facts: CertificateFacts) -> Check:
    asked = facts.asked
    if asked.server or "anything" in asked.other_purposes:
        return Check("purpose", True, "it is for servers")
    if asked.client or asked.other_purposes:
        return Check("purpose", False, "it is not for servers (its extended key usage says for what)")
    return Check("purpose", True, "it says no purpose, so it may be shown by a server")


def _strength(leaf: x509.Certificate, facts: CertificateFacts) -> Check:
    algorithm = leaf.signature_hash_algorithm
    name = algorithm.name if algorithm is not None else "an algorithm of its own"
    weak_key = facts.asked.key.startswith("RSA") and int(facts.asked.key.split()[1]) < 2048
    if weak_key or name in ("md5", "sha1"):
        return Check("key", False, f"too weak: {facts.asked.key}, signed with {name.upper()}")
    return Check("key", True, f"{facts.asked.key}, signed with {name.upper()}")
