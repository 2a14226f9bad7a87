"""Running a site from the command line: the event loop, signals, what is said on the console."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import click

from mbap.cli.tables import many

if TYPE_CHECKING:
    from mbap.site.filewatch import FileWatch
    from mbap.site.plan import SitePlan
    from mbap.site.running import Site

P = TypeVar("P")
Loop = asyncio.AbstractEventLoop


def log_to_stderr(verbose: bool) -> None:
    """Show the program's log, a line an entry."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    logging.getLogger("mbap.site").setLevel(logging.INFO)


def ignore_hangup() -> None:
    """From now on SIGHUP does not end the program: until the site runs, there is nothing to apply."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


@dataclass(frozen=True, slots=True)
class Source(Generic[P]):
    """Where a plan came from, and can be read anew from.

    Attributes:
        read: gives the plan.
        watched: the file that is looked at again and again; None: only SIGHUP asks for it.
    """

    read: Callable[[], P]
    watched: FileWatch | None = None

    def watching(self, ask: Callable[[], object]) -> list[Coroutine[object, object, None]]:
        """What calls *ask* when the file has changed; nothing where it is not watched."""
        from mbap.site.filewatch import watch

        return [] if self.watched is None else [watch(self.watched, ask)]


def run_site(plan: SitePlan, *, source: Source[SitePlan], seconds: float | None = None) -> None:
    """Run *plan* until a signal, or for *seconds*; SIGHUP applies what *source* gives then."""
    run(_run_site(plan, source, seconds))
    click.echo("stopped; everything that was read is stored" if plan.history else "stopped", err=True)


def run(main: Coroutine[object, object, None]) -> None:
    """Run *main* on the quickest event loop there is."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main)


def _loop_factory() -> Callable[[], Loop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _run_site(plan: SitePlan, source: Source[SitePlan], seconds: float | None) -> None:
    from mbap.site.reloading import Reloading
    from mbap.site.running import Site

    site = Site(plan)
    reloading = Reloading(site, source.read)
    parts = [reloading.run(), *source.watching(reloading.ask)]
    changing = [asyncio.create_task(part, name="mbap reloading") for part in parts]
    await until_stopped(site, seconds, lambda: say_where(site), reloading.ask)
    for task in changing:
        task.cancel()


async def until_stopped(
    site: Site,
    seconds: float | None,
    begun: Callable[[], None],
    on_hangup: Callable[[], None] | None = None,
) -> None:
    """Run *site* until Ctrl-C or SIGTERM, or for *seconds*; SIGHUP calls *on_hangup* where there is one.

    Signals are taken from the first moment to the last: an impatient second Ctrl-C must not cut short the
    writing of what was read.

    Raises:
        ClickException: a part of the site failed, or values could not be stored.
    """
    from mbap.site.parts import PartFailed

    failure: PartFailed | None = None
    async with signals(on_hangup) as stop:
        try:
            if await _unless(stop, site.start()):
                begun()
                await _unless(stop, site.wait(), seconds)
        except PartFailed as error:
            failure = error
        finally:
            await site.stop()
    if failure is not None or site.lost:
        kept = f"{many(site.lost, 'value')} could not be stored" if site.lost else "what was read is stored"
        raise click.ClickException(f"{failure or 'stopped'}; {kept}, and the log says why") from failure


async def _unless(
    stop: asyncio.Event, work: Coroutine[object, object, None], seconds: float | None = None
) -> bool:
    """Do *work* unless *stop* comes or *seconds* are over first; gives whether it came to its end."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({working, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finished = working.done()
    for task in (working, stopping):
        task.cancel()
    await asyncio.gather(working, stopping, return_exceptions=True)
    if finished:
        working.result()
    return finished


@asynccontextmanager
async def signals(on_hangup: Callable[[], None] | None = None) -> AsyncIterator[asyncio.Event]:
    """An event that Ctrl-C and SIGTERM set (on Windows Ctrl-Break, too); SIGHUP calls *on_hangup*."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def handle(number: int, what: Callable[[], object]) -> None:
        before[number] = signal.signal(number, lambda *_: loop.call_soon_threadsafe(what))

    before: dict[int, object] = {}
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            handle(getattr(signal, name), stop.set)
    if on_hangup is not None and hasattr(signal, "SIGHUP"):
        handle(signal.SIGHUP, on_hangup)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def say_where(site: Site, also: Iterable[str] = ()) -> None:
    """Print what runs and where to look; *also* is told before how it ends."""
    plan = site.plan
    devices, connections = many(len(plan.devices), "device"), many(len(plan.links), "connection")
    click.echo(f"{plan.name}: polling {devices} on {connections}", err=True)
    if plan.history is not None:
        click.echo(f"history: {plan.history.path}", err=True)
    if site.server is not None:
        click.echo(f"server:  {', '.join(site.server.urls)}", err=True)
    if site.url:
        click.echo(f"page:    {site.url}", err=True)
    for line in also:
        click.echo(line, err=True)
    click.echo("stop with Ctrl-C", err=True)
