"""The protection of a running site or guard: one trail, one watch, and a firewall around each handler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mbap.security.audit import AuditLog
from mbap.security.compact import parse_compact
from mbap.security.events import Event
from mbap.security.firewall import Firewall, now
from mbap.security.metrics import GAUGE, Metric
from mbap.security.policy import Moment, Policy
from mbap.security.watch import Watch
from mbap.security.windows import take_windows
from mbap.site.guardplan import GuardPlan

if TYPE_CHECKING:
    from mbap.security.syslog import Syslog
    from mbap.server.handler import Handler
    from mbap.transport.tls import TLS

_log = logging.getLogger("mbap.guard")

LOOK_EVERY: Final = 1.0
FLUSH_EVERY: Final = 60.0
_EVERYTHING: Final = "ALLOW SRC=* DST=* FC=* UNIT=0-255 LOG=NONE"
"""Without a policy everything passes, and is only watched."""
_FIXED: Final = ("audit", "audit_options", "syslog", "alerts", "watch", "protect")
"""What a change of the plan does not change before the next start."""


class Guarding:
    """Carries out a `GuardPlan`.

    Attributes:
        plan: what runs now.
        firewalls: by the name of what they stand before.
        watch: what is unusual; None where nothing is watched.
    """

    def __init__(self, plan: GuardPlan, *, clock: Callable[[], Moment] = now) -> None:
        self.plan = plan
        self.firewalls: dict[str, Firewall] = {}
        self.watch: Watch | None = None
        self._audit: AuditLog | None = None
        self._syslog: Syslog | None = None
        self._clock = clock

    def open(self) -> None:
        """Begin the trail and the watch; to be called before anything is wrapped.

        Raises:
            OSError: a file or folder cannot be written, or another process uses it.
            ValueError: what was learned before is damaged; a syslog server's URL is none.
        """
        plan = self.plan
        try:
            if plan.syslog is not None:
                from mbap.security.syslog import Syslog

                self._syslog = Syslog(plan.syslog)
            if plan.audit is not None:
                self._audit = AuditLog(plan.audit, plan.audit_options, announce=self._announce)
            if plan.watch is not None:
                self.watch = Watch(plan.alerts, plan.watch, self.record)
        except BaseException:
            self.close()
            raise
        self._adopt(self._policy)
        self._note("system", "started", mode=self._policy.mode)

    def close(self) -> None:
        """Write down what was only counted, keep what was learned, and end."""
        for firewall in self.firewalls.values():
            firewall.flush()
        if self.watch is not None:
            self.watch.close()
            self.watch = None
        if self._audit is not None or self._syslog is not None:
            self._note("system", "stopped")
        for one in (self._audit, self._syslog):
            if one is not None:
                one.close()
        self._audit = self._syslog = None

    def wrap(self, name: str, handler: Handler, target: str = "") -> Firewall:
        """*handler*, called *name*, behind the policy; *target* is the one device there, if it is one."""
        firewall = Firewall(
            self._policy,
            handler,
            record=self.record,
            clock=self._clock,
            observers=() if self.watch is None else (self.watch,),
            healthy=self._healthy(),
            target=target,
        )
        self.firewalls[name] = firewall
        return firewall

    def record(self, event: Event) -> None:
        """An event for the trail, and for syslog."""
        for sink in (self._audit, self._syslog):
            if sink is not None:
                sink(event)

    def apply(self, plan: GuardPlan) -> list[str]:
        """Make *plan* what runs; the policy changes in one moment. Gives what was done."""
        said = [
            f"what changed in [guard] {name} takes a restart"
            for name in _FIXED
            if getattr(plan, name) != getattr(self.plan, name)
        ]
        before = self._policy
        self.plan = replace(self.plan, policy=plan.policy, policy_path=plan.policy_path)
        if self._policy.hash != before.hash:
            self._adopt(self._policy)
            for firewall in self.firewalls.values():
                firewall.replace(self._policy)
            said.append(f"policy {self._policy.hash[:12]} in place of {before.hash[:12]}")
        return said

    def expires(self, sentence: str, severity: str) -> None:
        """A certificate ends soon."""
        self._note("configuration", sentence, severity=severity)

    def watch_fallbacks(self, tls: TLS | None) -> None:
        """Write down whenever plain Modbus is spoken where *tls* was meant."""
        if tls is not None:
            tls.on_fallback = self._fell_back

    def _fell_back(self, url: str, sentence: str) -> None:
        self._note("fallback", sentence, url=url)

    def refused(self, problem: str) -> None:
        """A changed policy or plan was wrong, and was not applied."""
        self._note("policy_load", problem, result="refused")

    async def run(self) -> None:
        """Look after what has its time, until cancelled."""
        await asyncio.gather(self._watching(), self._flushing())

    def metrics(self) -> dict[str, Metric]:
        """All that it has counted."""
        found: dict[str, Metric] = {}
        counted = [firewall.statistics() for firewall in self.firewalls.values()]
        for name, text in _COUNTED.items():
            found[f"firewall_{name}"] = Metric(sum(getattr(one, name) for one in counted), text)
        enforced = int(self._policy.mode == "enforce")
        found["firewall_enforcing"] = Metric(
            enforced, "1 where the policy is enforced, 0 in observe mode.", GAUGE
        )
        for one in (self.watch, self._audit, self._syslog):
            if one is not None:
                found |= one.metrics()
        return found

    def hits(self) -> dict[str, tuple[int, int]]:
        """How often each rule decided, and when last, over all firewalls; "" where none did."""
        total: dict[str, tuple[int, int]] = {rule.id: (0, 0) for rule in self._policy.rules}
        for firewall in self.firewalls.values():
            for rule, (count, last) in (firewall.statistics().hits or {}).items():
                had, when = total.get(rule, (0, 0))
                total[rule] = had + count, max(when, last)
        return total

    def hits_as_prometheus(self) -> str:
        """How often each rule decided, and when last, as Prometheus reads it."""
        lines = [
            "# HELP mbap_firewall_rule_hits_total How often the rule decided.",
            "# TYPE mbap_firewall_rule_hits_total counter",
        ]
        hits = {_label(rule): found for rule, found in self.hits().items() if rule}
        lines += [
            f'mbap_firewall_rule_hits_total{{rule="{rule}"}} {count}' for rule, (count, _) in hits.items()
        ]
        lines += [
            "# HELP mbap_firewall_rule_last_seconds When it decided last, in seconds since 1970; 0: never.",
            "# TYPE mbap_firewall_rule_last_seconds gauge",
        ]
        lines += [
            f'mbap_firewall_rule_last_seconds{{rule="{rule}"}} {last / 1e6:.3f}'
            for rule, (_, last) in hits.items()
        ]
        return "".join(f"{line}\n" for line in lines)

    # --- inside ---

    @property
    def _policy(self) -> Policy:
        return self.plan.policy or parse_compact(_EVERYTHING)

    def _adopt(self, policy: Policy) -> None:
        for sink in (self._audit, self._syslog):
            if sink is not None:
                sink.policy_hash = policy.hash

    def _healthy(self) -> Callable[[], bool] | None:
        audit = self._audit
        if audit is None or self.plan.audit_options.on_full == "open":
            return None
        return lambda: audit.healthy

    def _announce(self, event: Event) -> None:
        """What the trail cannot say itself: that it fails."""
        _log.error("audit trail: %s", event.details.get("reason", event.kind))
        if self._syslog is not None:
            self._syslog(event)

    def _note(self, kind: str, reason: str, **details: str) -> None:
        self.record(Event(kind, self._clock().wall, None, {"reason": reason, **details}))

    async def _watching(self) -> None:
        while self.watch is not None:
            await asyncio.sleep(LOOK_EVERY)
            self.watch.tick()
            self._look_at_windows()

    def _look_at_windows(self) -> None:
        """Open and close the maintenance windows that somebody wants open or closed."""
        for wish in take_windows(self.plan.alerts) if self.plan.alerts is not None else ():
            for firewall in self.firewalls.values():
                try:
                    if wish.seconds:
                        firewall.arm(wish.window, wish.seconds, wish.by)
                    else:
                        firewall.disarm(wish.window, wish.by)
                except ValueError as problem:
                    _log.error("%s", problem)
                    self._note("maintenance", str(problem), window=wish.window, by=wish.by, result="refused")

    async def _flushing(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY)
            for firewall in self.firewalls.values():
                firewall.flush()


def _label(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


_COUNTED: Final = {
    "allowed": "Requests that the policy allows.",
    "denied": "Requests that it does not allow.",
    "alerts": "Requests allowed that somebody is to know of.",
    "rate_limited": "Requests denied because they came too fast.",
    "malformed": "Messages that were no requests.",
    "refused_connections": "Connections from where no rule allows anything.",
}
