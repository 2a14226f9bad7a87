"""Running a gateway or a guard from the command line: signals, the service manager, what is said."""

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
from mbap.cli.protectionasked import counted_as_data, counted_in_words, in_force
from mbap.cli.running import Source, ignore_hangup, log_to_stderr, run, signals
from mbap.cli.systemd import Notifier, given_sockets
from mbap.cli.tables import paragraph
from mbap.client.links import Links
from mbap.security.metrics import as_prometheus as protection_as_prometheus
from mbap.site.expiring import Expiring
from mbap.site.gatewayplan import GatewayPlan
from mbap.site.gatewayreport import as_prometheus, report
from mbap.site.gatewayrunning import OwnLines, RunningGateway
from mbap.site.guarding import Guarding
from mbap.site.guardplan import GuardPlan
from mbap.site.links import link_of
from mbap.site.metrics import MetricsPage

if TYPE_CHECKING:
    from mbap.site.gatewayreport import GatewayReport

_log = logging.getLogger("mbap.gateway")


@dataclass(frozen=True, slots=True)
class Whole:
    """A gateway, and what protects it."""

    gateway: GatewayPlan
    guard: GuardPlan | None = None


From = Source[Whole]


@dataclass(frozen=True, slots=True)
class Saying:
    """How it tells what happens: a table that is kept up to date, or JSON instead of sentences."""

    watch: bool = False
    as_data: bool = False


def run_gateway(
    plan: Whole, source: From | None, saying: Saying, seconds: float | None, *, verbose: bool
) -> None:
    """Run *plan* until a signal, or for *seconds*; SIGHUP applies what *source* gives then."""
    ignore_hangup()
    log_to_stderr(verbose)
    for name in ("mbap.gateway", "mbap.guard"):
        logging.getLogger(name).setLevel(logging.INFO)
    run(_run(plan, source, saying, seconds))


async def _run(plan: Whole, source: From | None, saying: Saying, seconds: float | None) -> None:
    notifier = Notifier()
    async with Links() as links:
        lines = OwnLines(lambda line: link_of(links, line), links.discard)
        guarding = None if plan.guard is None else Guarding(plan.guard)
        wrap = None if guarding is None else guarding.wrap
        gateway = RunningGateway(plan.gateway, lines, sockets=given_sockets(), wrap=wrap)
        running = Running(gateway, guarding, _expiring(plan.gateway, guarding))
        if guarding is not None:
            for line in plan.gateway.links.values():
                guarding.watch_fallbacks(line.tls)
        asked = asyncio.Event()
        async with signals(asked.set if source else None) as stop, _started(running) as metrics:
            _say_where(running, metrics, as_data=saying.as_data)
            notifier.ready(running.status)
            with on_sigusr1(asyncio.get_running_loop(), lambda: running.say(saying)):
                async with _going_on(_parts(running, source, asked, notifier, saying)):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), seconds)
            notifier.stopping()
            said = running.said(saying)
        say(said, as_data=saying.as_data)


@dataclass(frozen=True, slots=True)
class Running:
    """What runs: a gateway, and what protects it."""

    gateway: RunningGateway
    guarding: Guarding | None = None
    expiring: Expiring | None = None

    @property
    def status(self) -> str:
        """What it is, in a few words."""
        routes, lines = len(self.gateway.plan.routes), len(self.gateway.lines)
        status = f"{amount(routes, 'route')} to {amount(lines, 'line')}"
        if self.guarding is None:
            return status
        return f"{status}, {in_force(self.guarding.plan)}"

    async def apply(self, plan: Whole) -> list[str]:
        """Make *plan* what runs; gives what was done."""
        said = []
        if self.guarding is not None and plan.guard is not None:
            said += self.guarding.apply(plan.guard)
        elif (self.guarding is None) != (plan.guard is None):
            said.append("a [guard] that comes or goes takes a restart")
        changes = await self.gateway.apply(plan.gateway)
        return said + [one for one in changes if not said or one != "nothing has changed"]

    def refused(self, problem: str) -> None:
        """A changed plan was wrong."""
        if self.guarding is not None:
            self.guarding.refused(problem)

    def metrics(self) -> str:
        """All counts, as Prometheus reads them."""
        parts = [as_prometheus(report(self.gateway))]
        if self.guarding is not None:
            parts.append(protection_as_prometheus(self.guarding.metrics()))
            parts.append(self.guarding.hits_as_prometheus())
        if self.expiring is not None:
            parts.append(self.expiring.as_prometheus())
        return "".join(parts)

    def said(self, saying: Saying) -> str:
        """What it has counted, as JSON or as a sentence."""
        found = report(self.gateway)
        if not saying.as_data:
            return as_sentence(found) + counted_in_words(self.guarding)
        data = found.as_json()
        if self.guarding is not None:
            data["guard"] = counted_as_data(self.guarding)
        return json.dumps(data)

    def say(self, saying: Saying) -> None:
        """Print what it has counted."""
        say(self.said(saying), as_data=saying.as_data)


def _expiring(plan: GatewayPlan, guarding: Guarding | None) -> Expiring | None:
    """What warns before certificates end; a trail has its warnings, too."""
    if not plan.certificates:
        return None
    return Expiring(plan.certificates, tell=None if guarding is None else guarding.expires)


@contextlib.asynccontextmanager
async def _started(running: Running) -> AsyncIterator[MetricsPage | None]:
    gateway, guarding = running.gateway, running.guarding
    page = MetricsPage(gateway.plan.metrics, running.metrics) if gateway.plan.metrics else None
    if guarding is not None:
        await asyncio.to_thread(guarding.open)
    try:
        await gateway.start()
        if page is not None:
            await page.start()
        yield page
    finally:
        if page is not None:
            await page.aclose()
        await gateway.aclose()
        if guarding is not None:
            await asyncio.to_thread(guarding.close)


def _parts(
    running: Running, source: From | None, asked: asyncio.Event, notifier: Notifier, saying: Saying
) -> list[asyncio.Task[None]]:
    """What goes on beside serving."""
    parts = [running.gateway.run(), notifier.keep_alive()]
    if running.guarding is not None:
        parts.append(running.guarding.run())
    if source is not None:
        parts += [_reload(running, source, asked, notifier), *source.watching(asked.set)]
    if running.expiring is not None:
        parts.append(running.expiring.run())
    if saying.watch:
        from mbap.cli.gatewaywatch import watch

        parts.append(watch(lambda: report(running.gateway)))
    return [asyncio.ensure_future(part) for part in parts]


@contextlib.asynccontextmanager
async def _going_on(tasks: list[asyncio.Task[None]]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _reload(running: Running, source: From, asked: asyncio.Event, notifier: Notifier) -> None:
    while True:
        await asked.wait()
        asked.clear()
        notifier.reloading()
        try:
            for sentence in await running.apply(await asyncio.to_thread(source.read)):
                _log.info("applied: %s", sentence)
        except (ValueError, OSError) as error:
            running.refused(str(error))
            _log.error("the changed file was not applied as a whole:\n%s", error)
        except Exception:  # noqa: BLE001 - the outermost frame of a task
            _log.exception("applying the changed file failed in a way that nobody expected")
        notifier.ready(running.status)


def _say_where(running: Running, metrics: MetricsPage | None, *, as_data: bool) -> None:
    where = [server.url for server in running.gateway.servers.values()]
    if as_data:
        found = {"listening": where, "lines": list(running.gateway.lines)}
        click.echo(json.dumps(found | ({"metrics": metrics.url} if metrics else {})))
        return
    click.echo(paragraph(f"listening on {', '.join(where)}: {running.status}; stop with Ctrl-C"))
    if metrics is not None:
        click.echo(f"metrics: {metrics.url}")


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
