"""Running a site from the command line: what is said at the end, and with which exit code."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from mbap.cli.running import run, until_stopped
from mbap.collect.poller import Poller
from mbap.server.device import Device
from mbap.server.server import Server
from mbap.site.running import Site
from support.sites import site_plan


def stumble(*_: object) -> None:
    raise RuntimeError("oh")


async def test_a_part_that_fails_ends_the_program_with_a_sentence_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Poller, "_begin", stumble)
    async with Server("tcp://127.0.0.1:0", Device(holding_registers=range(10))) as server:
        site = Site(site_plan(server.url, folder=tmp_path))
        with pytest.raises(click.ClickException) as caught:
            await until_stopped(site, 20, lambda: None)
    assert caught.value.message.startswith("poller ended: RuntimeError: oh; what was read is stored")
    assert caught.value.exit_code == 1


async def test_a_site_that_was_given_a_time_ends_without_complaint(tmp_path: Path) -> None:
    begun: list[str] = []
    site = Site(site_plan("tcp://127.0.0.1:1", folder=tmp_path))
    await until_stopped(site, 0.1, lambda: begun.append("yes"))
    assert begun == ["yes"]


def loop_of_run() -> str:
    """The module of the event loop on which commands run."""
    taken: list[str] = []

    async def main() -> None:
        taken.append(type(asyncio.get_running_loop()).__module__.partition(".")[0])

    run(main())
    return taken[0]


@pytest.mark.skipif(not find_spec("uvloop"), reason="needs uvloop")
def test_commands_run_on_uvloop_where_it_is_installed() -> None:
    assert loop_of_run() == "uvloop"


def test_commands_run_without_uvloop_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop_of_run() == "asyncio"
