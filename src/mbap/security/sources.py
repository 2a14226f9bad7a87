"""Where a request may come from: networks, certificates, listeners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mbap.server.handler import Peer
from mbap.server.networks import address_of

if TYPE_CHECKING:
    from mbap.server.networks import Network


NO_ROLE = ""
"""How a rule names clients without a role; no role is empty."""

FACTS: Mapping[str, Callable[[Peer], str]] = {
    "role": lambda peer: peer.role or NO_ROLE,
    "subject": lambda peer: peer.identity.subject if peer.identity else "",
    "fingerprint": lambda peer: peer.identity.fingerprint if peer.identity else "",
    "issuer": lambda peer: peer.identity.issuer if peer.identity else "",
}
"""What a certificate says, besides the listener; compared whole and exactly."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who is meant: all that is given has to hold, of each any value.

    Attributes:
        networks: what the rule names: names of the policy, networks, addresses; none: from anywhere.
        nets: the same as networks.
        roles: exact roles; "" stands for no role.
        subjects, fingerprints, issuers: of certificates, exact.
        listeners: `tls://0.0.0.0:802`, or only `tls`.
    """

    networks: tuple[str, ...] = ()
    nets: tuple[Network, ...] = field(default=(), compare=False)
    roles: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    listeners: tuple[str, ...] = ()

    def facts(self, kind: str) -> tuple[str, ...]:
        """The values wanted of one of `FACTS`."""
        return {
            "role": self.roles,
            "subject": self.subjects,
            "fingerprint": self.fingerprints,
            "issuer": self.issuers,
        }[kind]

    def may_connect(self, peer: Peer) -> bool:
        """Whether it may come from there at all, whatever its certificate says."""
        return self.comes_from(peer.address) and self.comes_in_by(peer.listener)

    def comes_from(self, address: str) -> bool:
        """Whether *address* is in the networks."""
        if not self.networks:
            return True
        known = address_of(address)
        return known is not None and any(known in net for net in self.nets)

    def comes_in_by(self, listener: str) -> bool:
        """Whether *listener* is one of those meant."""
        return not self.listeners or any(one in listener_names(listener) for one in self.listeners)

    def fits(self, peer: Peer) -> bool:
        """Whether *peer* is meant."""
        return self.may_connect(peer) and all(
            not self.facts(kind) or fact(peer) in self.facts(kind) for kind, fact in FACTS.items()
        )


ANYBODY = Source()


def listener_names(listener: str) -> tuple[str, str]:
    """How a rule may name *listener*: the URL, or its scheme."""
    return listener, listener.partition("://")[0]
