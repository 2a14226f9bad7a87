"""How a site protects what it serves, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mbap.security.audit import AuditOptions
from mbap.security.policy import Policy
from mbap.security.watch import WatchOptions

PARTS: Final = ("gateway", "server")
"""What of a site can be protected."""


@dataclass(frozen=True, slots=True)
class GuardPlan:
    """Protection of handlers.

    Attributes:
        policy: what is allowed; None: everything, and it is only watched.
        policy_path: where it was read.
        protect: the parts of the site in front of which it stands.
        audit: the file of the trail; None: none is kept.
        audit_options: how it is kept.
        syslog: where events are sent, too: `udp://`, `tcp://` or `tls://`.
        alerts: the folder of alerts and of what was learned; None: in memory alone.
        watch: what is watched; None: nothing.
    """

    policy: Policy | None = None
    policy_path: Path | None = None
    protect: frozenset[str] = frozenset(PARTS)
    audit: Path | None = None
    audit_options: AuditOptions = field(default_factory=AuditOptions)
    syslog: str | None = None
    alerts: Path | None = None
    watch: WatchOptions | None = field(default_factory=WatchOptions)
