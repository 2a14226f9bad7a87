"""`mbap guard`: a firewall that understands Modbus, in front of a device, a gateway or a concentrator."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mbap.cli.between import crowd_options, line_options, running_options
from mbap.cli.connecting import DURATION
from mbap.cli.protectionasked import guard_plan, protection_options
from mbap.cli.securing import Trust, both_tls_options

if TYPE_CHECKING:
    from mbap.cli.gatewayrunning import Whole
    from mbap.cli.running import Source
    from mbap.security.audit import OnFull
    from mbap.site.gatewayplan import GatewayPlan

LISTEN = "tcp://127.0.0.1:1502"


@click.command()
@click.option(
    "--listen",
    multiple=True,
    metavar="URL",
    help=f"Where clients come in, {LISTEN} unless told; may be given several times.",
)
@click.option("--to", metavar="URL", help="The device, the gateway or the concentrator that is protected.")
@click.option(
    "--route",
    "routes",
    multiple=True,
    metavar="UNITS=URL[#UNITS]",
    help="Instead of --to: which units are where, as for `mbap gateway`; as often as needed.",
)
@protection_options
@click.option("--check", is_flag=True, help="Say whether everything can be read, and end.")
@click.option(
    "--no-watch", is_flag=True, help="Do not watch for what is unusual; without --alerts, in memory alone."
)
@click.option(
    "--timeout", type=DURATION, default="3s", show_default=True, help="How long a device may take to answer."
)
@line_options
@crowd_options
@click.option("--public", is_flag=True, help="Yes, the whole internet may reach it.")
@click.option(
    "--metrics", metavar="HOST:PORT", help="Let Prometheus fetch the counts at http://HOST:PORT/metrics."
)
@both_tls_options
@running_options
def command(
    policy: Path | None,
    reload_on_change: bool,
    check: bool,
    as_data: bool,
    seconds: float | None,
    verbose: bool,
    **how: Any,
) -> None:
    """Let through to a device only what a policy allows, and write down who did what.

    Every request is decoded, judged and encoded anew: what is no request never passes, and nothing travels
    along with one. What the policy refuses is answered with exception 01, unless a rule says otherwise.
    SIGHUP reads the policy anew; one that is wrong changes nothing. `mbap policy` checks and explains it.

    \b
    Examples:
      mbap guard --to tcp://192.168.1.50 --policy plant.toml --audit audit.jsonl
      mbap guard --to tcp://192.168.1.50 --alerts alerts --learn-for 7d
      mbap guard --listen tls://0.0.0.0:802 --listen-ca ca.pem \\
          --listen-certificate guard.pem --listen-key guard.key \\
          --to tcp://192.168.1.50 --policy plant.toml
      mbap guard --route 1-20=rtu:///dev/ttyUSB0 --policy plant.rules \\
          --reload-on-change
    """
    if reload_on_change and policy is None:
        raise click.UsageError("--reload-on-change goes with --policy FILE")
    read = partial(plan_of_options, policy, **how)
    plan = read()
    if check:
        click.echo(_checked(plan))
        return
    from mbap.cli.gatewayrunning import Saying, run_gateway

    source = None if policy is None else _source(read, policy, watched=reload_on_change)
    run_gateway(plan, source, Saying(as_data=as_data), seconds, verbose=verbose)


def _source(read: Any, policy: Path, *, watched: bool) -> Source[Whole]:
    from mbap.cli.running import Source
    from mbap.site.filewatch import FileWatch

    return Source(read, FileWatch(policy) if watched else None)


def plan_of_options(
    policy: Path | None,
    audit: Path | None,
    on_full: OnFull,
    syslog: str | None,
    alerts: Path | None,
    learn_for: float,
    no_watch: bool,
    **how: Any,
) -> Whole:
    """What the options describe.

    Raises:
        ValueError: an option, or the policy, is wrong.
        OSError: the policy cannot be read.
    """
    from mbap.cli.gatewayrunning import Whole

    if no_watch and alerts is not None:
        raise click.UsageError("--alerts keeps what is watched: it goes without --no-watch")
    guard = guard_plan(policy, audit, on_full, syslog, alerts, learn_for, watched=not no_watch)
    return Whole(_gateway(**how), guard)


def _gateway(
    to: str | None,
    routes: tuple[str, ...],
    listen: tuple[str, ...],
    tls: Trust,
    listen_tls: Trust,
    **others: Any,
) -> GatewayPlan:
    from dataclasses import fields

    from mbap.site.gatewayplan import GatewayPlan, LineDefaults, Lines, checked
    from mbap.site.routing import parse_route
    from mbap.transport.endpoint import parse_endpoint

    if bool(to) == bool(routes):
        raise click.UsageError("give either --to URL, or at least one --route")
    plans = tuple(parse_route(text) for text in ([to] if to else routes))
    where = listen or (LISTEN,)
    of_listeners = listen_tls.settings_for(parse_endpoint(url, listening=True) for url in where)
    others["tls"] = tls.settings_for(parse_endpoint(plan.line) for plan in plans)
    of_lines = {field.name for field in fields(LineDefaults)} & set(others)
    line = LineDefaults(**{name: others.pop(name) for name in of_lines})
    links = Lines(line).of(plans)
    watched = tuple(dict.fromkeys((*tls.files, *listen_tls.files)))
    return checked(
        GatewayPlan(where, plans, links, opaque=True, tls=of_listeners, certificates=watched, **others)
    )


def _checked(plan: Whole) -> str:
    from mbap.cli.tables import many, table
    from mbap.security.firewall import check_target
    from mbap.site.gatewayplan import described
    from mbap.site.gatewayrunning import only_line

    guard = plan.guard
    policy = None if guard is None else guard.policy
    for routes in plan.gateway.listeners().values():
        if policy is not None:
            check_target(policy, only_line(routes))
    rows = table(["listener", "units", "line", "special"], described(plan.gateway))
    if policy is None:
        return f"{rows}\nno policy: everything passes, and is only watched"
    return f"{rows}\npolicy {policy.hash[:12]}: {many(len(policy.rules), 'rule')}, mode {policy.mode}"
