"""What `mbap guard` and `mbap serve` share: options of a policy, a trail and alerts, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mbap.cli.connecting import DURATION

if TYPE_CHECKING:
    from mbap.security.audit import OnFull
    from mbap.site.guarding import Guarding
    from mbap.site.guardplan import GuardPlan

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(dir_okay=False, path_type=Path)


def protection_options(command: F) -> F:
    """A policy, and what is kept of what happens; named as in `guard_plan`."""
    for option in reversed(_PROTECTION):
        command = option(command)
    return command


_PROTECTION: tuple[Callable[..., Any], ...] = (
    click.option(
        "--policy",
        type=FILE,
        metavar="FILE",
        help="What is allowed, in TOML or one rule a line; without it everything passes.",
    ),
    click.option(
        "--reload-on-change",
        is_flag=True,
        help="Look at the policy every 2 s, and apply it when it has changed, as SIGHUP does.",
    ),
    click.option("--audit", type=FILE, metavar="FILE", help="Keep an audit trail there."),
    click.option(
        "--on-full",
        type=click.Choice(["open", "closed"]),
        default="open",
        show_default=True,
        help="While the trail cannot be written: requests pass, with an alarm, or are answered with 04.",
    ),
    click.option("--syslog", metavar="URL", help="Send events there, too: udp://, tcp:// or tls://HOST."),
    click.option(
        "--alerts",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Watch for what is unusual, and keep alerts, and what was learned, there.",
    ),
    click.option(
        "--learn-for",
        type=DURATION,
        default="1d",
        show_default=True,
        help="How long it learns what is usual.",
    ),
)


def guard_plan(
    policy: Path | None,
    audit: Path | None,
    on_full: OnFull,
    syslog: str | None,
    alerts: Path | None,
    learn_for: float,
    *,
    watched: bool,
) -> GuardPlan:
    """What the options describe.

    Raises:
        ValueError: an option, or the policy, is wrong.
        OSError: the policy cannot be read.
    """
    from mbap.security.anomaly import AnomalyOptions
    from mbap.security.audit import AuditOptions
    from mbap.security.connections import Expected
    from mbap.security.policyfile import load_policy
    from mbap.security.syslog import parse_syslog
    from mbap.security.watch import WatchOptions
    from mbap.site.guardplan import GuardPlan

    if syslog is not None:
        parse_syslog(syslog)
    watch = WatchOptions(AnomalyOptions(learn_for), Expected(learn_for=learn_for))
    return GuardPlan(
        policy=None if policy is None else load_policy(policy),
        policy_path=policy,
        audit=audit,
        audit_options=AuditOptions(on_full=on_full),
        syslog=syslog,
        alerts=alerts,
        watch=watch if watched else None,
    )


def in_force(plan: GuardPlan) -> str:
    """`policy 1a2b3c enforced`: what holds now."""
    policy = plan.policy
    if policy is None:
        return "watched, without a policy"
    how = "enforced" if policy.mode == "enforce" else "OBSERVED ONLY: nothing is refused"
    return f"policy {policy.hash[:12]} {how}"


def counted_in_words(guarding: Guarding | None) -> str:
    """`; policy: denied 3`: what was refused, and nothing where nothing was."""
    if guarding is None:
        return ""
    names = ("denied", "alerts", "rate_limited", "malformed", "refused_connections")
    metrics = guarding.metrics()
    counts = [(name, int(metrics[f"firewall_{name}"].value)) for name in names]
    said = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts if count)
    return f"; policy: {said}" if said else ""


def counted_as_data(guarding: Guarding) -> dict[str, object]:
    """Everything that was counted, with the hits of each rule."""
    from mbap.security.metrics import as_json

    rules = {rule: {"count": count, "last": last} for rule, (count, last) in guarding.hits().items()}
    return {**as_json(guarding.metrics()), "rules": rules}
