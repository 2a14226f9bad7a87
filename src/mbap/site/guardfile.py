"""The table [guard] of a site file, as it is written, and the plan it means."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mbap.filefaults import Fault, FileFaults
from mbap.filemodel import Duration, FileModel
from mbap.security.anomaly import AnomalyOptions
from mbap.security.audit import AuditOptions
from mbap.security.auditfile import Keeping
from mbap.security.connections import Expected, Hours
from mbap.security.policy import Policy
from mbap.security.policyfile import load_policy
from mbap.security.schedules import parse_clock, parse_days, time_zone
from mbap.security.syslog import parse_syslog
from mbap.security.watch import WatchOptions
from mbap.server.networks import network_of
from mbap.site.guardplan import GuardPlan
from mbap.site.sizes import Size

Complain = Callable[[str, str], None]
_DAY = 24 * 60
Days = Annotated[Duration, Field(ge=60, le=366 * 86_400)]


class HoursTable(FileModel):
    """Hours of some days."""

    days: str = "daily"
    """`mon-fri`, `mon-fri,sun`."""
    from_: str = Field(default="00:00", alias="from")
    to: str = "24:00"
    """Itself outside; before `from` it is on the next day."""
    timezone: str = "UTC"
    """Where the clock hangs: `Europe/Berlin`."""

    def hours(self) -> Hours:
        """What it means; raises `ValueError` where something in it is none."""
        begin, end = (parse_clock(text) % _DAY for text in (self.from_, self.to))
        return Hours(frozenset(parse_days([self.days])), _time(begin), _time(end), time_zone(self.timezone))


class GuardTable(FileModel):
    """What stands before the gateway and the server: a policy, a trail, alarms."""

    enabled: bool = True
    policy: str | None = None
    """The file with what is allowed; without it everything passes, and is only watched."""
    protect: list[Literal["gateway", "server"]] = Field(default=["gateway", "server"])
    """In front of what it stands."""
    audit: str = "audit.jsonl"
    """The file of the audit trail, beside the site file; "" keeps none."""
    audit_size: Size = 16 * 1024 * 1024
    """How large one file of it grows."""
    audit_age: Days = 7 * 86_400.0
    """After how long the next file begins."""
    audit_files: Annotated[int, Field(ge=2, le=10_000)] = 20
    """How many files of it are kept."""
    on_full: Literal["open", "closed"] = "open"
    """While the trail cannot be written: requests pass, with an alarm, or are answered with exception 04."""
    syslog: str | None = None
    """Where events are sent, too: `udp://log.plant`, `tcp://10.0.0.3:601`, `tls://log.plant:6514`."""
    alerts: str = "alerts"
    """The folder of alerts and of what was learned, beside the site file; "" keeps them in memory alone."""
    watch: bool = True
    """Whether what is unusual is watched for."""
    learn_for: Days = 86_400.0
    """How long it learns what is usual: a whole cycle of work, better a week."""
    clients: list[str] | None = None
    """Networks whose clients are expected; without it those that connect while it learns."""
    hours: HoursTable | None = None
    """When connections and requests are expected; without it at all times."""
    connects: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Connections of one client within ten seconds; more are a flood."""

    def plan(self, beside: Callable[[str], Path]) -> GuardPlan:
        """The plan, without its policy.

        Raises:
            ValueError: something in it cannot be.
        """
        return GuardPlan(
            policy_path=None if self.policy is None else beside(self.policy),
            protect=frozenset(self.protect),
            audit=beside(self.audit) if self.audit else None,
            audit_options=AuditOptions(
                Keeping(self.audit_size, self.audit_age, self.audit_files), self.on_full
            ),
            syslog=self.syslog,
            alerts=beside(self.alerts) if self.alerts and self.watch else None,
            watch=self._watch() if self.watch else None,
        )

    def _watch(self) -> WatchOptions:
        clients = None if self.clients is None else tuple(network_of(text) for text in self.clients)
        hours = None if self.hours is None else self.hours.hours()
        expected = Expected(clients, None, hours, self.connects, learn_for=self.learn_for)
        return WatchOptions(AnomalyOptions(self.learn_for), expected)


def _time(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def guard_plan(
    table: GuardTable | None, beside: Callable[[str], Path], complain: Complain, faults: list[Fault]
) -> GuardPlan | None:
    """The plan of what protects the site; None without it, or when anything is wrong."""
    if table is None or not table.enabled:
        return None
    try:
        if table.syslog is not None:
            parse_syslog(table.syslog)
        plan = table.plan(beside)
    except ValueError as wrong:
        complain("", str(wrong))
        return None
    for key, path in (("audit", plan.audit), ("alerts", plan.alerts)):
        if path is not None and not path.parent.is_dir():
            complain(key, f"the folder {path.parent} does not exist")
    if plan.policy_path is None:
        return plan
    policy = _policy(plan.policy_path, complain, faults)
    return None if policy is None else with_policy(plan, policy)


def with_policy(plan: GuardPlan, policy: Policy) -> GuardPlan:
    """*plan* with what *policy* allows."""
    from dataclasses import replace

    return replace(plan, policy=policy)


def _policy(path: Path, complain: Complain, faults: list[Fault]) -> Policy | None:
    try:
        return load_policy(path)
    except FileFaults as several:
        faults += several.faults
    except ValueError as wrong:
        complain("policy", str(wrong))
    except OSError as error:
        complain("policy", f"{path} cannot be read: {error.strerror or error}")
    return None
