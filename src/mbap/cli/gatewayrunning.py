"""Running a gateway from the command line: signals, the service manager, what is said on the console."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from mbap.cli.counted import amount, on_sigusr1, say
from mbap.cli.running import Source, ignore_hangup, log_to_stderr, run, signals
from mbap.cli.systemd import Notifier, given_sockets
from mbap.client.links import Links
from mbap.site.expiring import Expiring
from mbap.site.gatewayplan import GatewayPlan
from mbap.site.gatewayreport import as_prometheus, report
from mbap.site.gatewayrunning import OwnLines, RunningGateway
from mbap.site.links import link_of
from mbap.site.metrics import MetricsPage

if TYPE_CHECKING:
    from mbap.site.gatewayreport import GatewayReport

_log = logging.getLogger("mbap.gateway")

From = Source[GatewayPlan]


@dataclass(frozen=True, slots=True)
class Saying:
    """How it tells what happens: a table that is kept up to date, or JSON instead of sentences."""

    watch: bool = False
    as_data: bool = False


def run_gateway(
    plan: GatewayPlan, source: From | None, saying: Saying, seconds: float | None, *, verbose: bool
) -> None:
    """Run *plan* until a signal, or for *seconds*; SIGHUP applies what *source* gives then."""
    ignore_hangup()
    log_to_stderr(verbose)
    logging.getLogger("mbap.gateway").setLevel(logging.INFO)
    run(_run(plan, source, saying, seconds))


async def _run(plan: GatewayPlan, source: From | None, saying: Saying, seconds: float | None) -> None:
    notifier = Notifier()
    async with Links() as links:
        lines = OwnLines(lambda line: link_of(links, line), links.discard)
        gateway = RunningGateway(plan, lines, sockets=given_sockets())
        asked = asyncio.Event()
        expiring = Expiring(plan.certificates) if plan.certificates else None
        async with (
            signals(asked.set if source else None) as stop,
            _started(gateway, plan, expiring) as metrics,
        ):
            _say_where(gateway, metrics, as_data=saying.as_data)
            notifier.ready(_status(gateway))
            with on_sigusr1(asyncio.get_running_loop(), lambda: _say(report(gateway), saying)):
                async with _going_on(_parts(gateway, source, asked, notifier, saying, expiring)):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), seconds)
            notifier.stopping()
            found = report(gateway)
        _say(found, saying)


@contextlib.asynccontextmanager
async def _started(
    gateway: RunningGateway, plan: GatewayPlan, expiring: Expiring | None
) -> AsyncIterator[MetricsPage | None]:
    def counts() -> str:
        return as_prometheus(report(gateway)) + (expiring.as_prometheus() if expiring else "")

    page = MetricsPage(plan.metrics, counts) if plan.metrics else None
    await gateway.start()
    try:
        if page is not None:
            await page.start()
        yield page
    finally:
        if page is not None:
            await page.aclose()
        await gateway.aclose()


def _parts(
    gateway: RunningGateway,
    source: From | None,
    asked: asyncio.Event,
    notifier: Notifier,
    saying: Saying,
    expiring: Expiring | None,
) -> list[asyncio.Task[None]]:
    """What goes on beside serving."""
    parts = [gateway.run(), notifier.keep_alive()]
    if source is not None:
        parts += [_reload(gateway, source, asked, notifier), *source.watching(asked.set)]
    if expiring is not None:
        parts.append(expiring.run())
    if saying.watch:
        from mbap.cli.gatewaywatch import watch

        parts.append(watch(lambda: report(gateway)))
    return [asyncio.ensure_future(part) for part in parts]


@contextlib.asynccontextmanager
async def _going_on(tasks: list[asyncio.Task[None]]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _reload(gateway: RunningGateway, source: From, asked: asyncio.Event, notifier: Notifier) -> None:
    while True:
        await asked.wait()
        asked.clear()
        notifier.reloading()
        try:
            for sentence in await gateway.apply(await asyncio.to_thread(source.read)):
                _log.info("applied: %s", sentence)
        except (ValueError, OSError) as error:
            _log.error("the changed file was not applied as a whole:\n%s", error)
        except Exception:  # noqa: BLE001 - the outermost frame of a task
            _log.exception("applying the changed file failed in a way that nobody expected")
        notifier.ready(_status(gateway))


def _status(gateway: RunningGateway) -> str:
    routes, lines = len(gateway.plan.routes), len(gateway.lines)
    return f"{amount(routes, 'route')} to {amount(lines, 'line')}"


def _say_where(gateway: RunningGateway, metrics: MetricsPage | None, *, as_data: bool) -> None:
    where = [server.url for server in gateway.servers.values()]
    if as_data:
        found = {"listening": where, "lines": list(gateway.lines)}
        click.echo(json.dumps(found | ({"metrics": metrics.url} if metrics else {})))
        return
    click.echo(f"listening on {', '.join(where)}: {_status(gateway)}; stop with Ctrl-C")
    if metrics is not None:
        click.echo(f"metrics: {metrics.url}")


def _say(found: GatewayReport, saying: Saying) -> None:
    if saying.as_data:
        say(json.dumps(found.as_json()), as_data=True)
        return
    say(as_sentence(found), as_data=False)


def as_sentence(found: GatewayReport) -> str:
    """`12 requests of 2 clients; answers 11, failures 1`: what is 0 is left out."""
    units = found.units.values()
    accepted = sum(counts.accepted for counts in found.listeners.values())
    requests = sum(unit.requests for unit in units) + found.unrouted + found.broadcasts
    names = ("answers", "exceptions", "failures", "busy", "denied", "cancelled", "doubtful")
    parts = [f"{name} {total:,}" for name in names if (total := sum(getattr(unit, name) for unit in units))]
    parts += [f"{name} {count:,}" for name in ("unrouted", "broadcasts") if (count := getattr(found, name))]
    said = f"{amount(requests, 'request')} on {amount(accepted, 'connection')}"
    return f"{said}; {', '.join(parts)}" if parts else said
