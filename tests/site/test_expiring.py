"""Warnings of what ends: in the log, on the page, in the metrics."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mbap.cli.gatewayrunning import Saying, Whole, run_gateway
from mbap.filefaults import FileFaults
from mbap.security.certificates import Wish
from mbap.site.changes import changes_between
from mbap.site.expiring import Expiring
from mbap.site.load import load_site
from mbap.site.running import Site
from support.peers import free_port
from support.siteca import NOW, SiteCa, today
from support.sites import site_plan

SITE = """
[devices.one]
host = "127.0.0.1:1"
profile = "sdm120"
[history]
enabled = false
[web]
enabled = false
"""


@pytest.fixture
def ending(tmp_path: Path) -> Path:
    """A certificate that ends in five days."""
    chain, _ = SiteCa(tmp_path / "certs", now=today()).made(Wish("panel", client=True, days=5))
    return chain


def test_what_ends_is_logged_once_as_loud_as_it_is_bad(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain, _ = SiteCa(tmp_path / "certs").made(Wish("panel", client=True, days=100))
    now = [NOW]
    expiring = Expiring([chain], lambda: now[0])
    with caplog.at_level(logging.INFO, "mbap.certificates"):
        for day in range(110):
            now[0] = NOW + timedelta(days=day)
            expiring.look()
    assert [one.levelname for one in caplog.records] == ["INFO", "WARNING", "ERROR", "CRITICAL"]


def test_a_problem_stays_until_it_is_solved(ending: Path, tmp_path: Path) -> None:
    expiring = Expiring([ending])
    for _ in range(2):
        expiring.look()
        assert len(expiring.problems) == 1
    SiteCa(tmp_path / "new", now=today()).client()
    ending.write_bytes((tmp_path / "new" / "panel.pem").read_bytes())
    expiring.look()
    assert expiring.problems == []


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    expiring = Expiring([tmp_path / "gone.pem"])
    expiring.look()
    assert "gone.pem is not known" in expiring.problems[0]


def test_metrics_have_the_days_that_are_left(tmp_path: Path) -> None:
    chain, _ = SiteCa(tmp_path / 'a"b').made(Wish("panel", client=True, days=100))
    expiring = Expiring([chain], lambda: NOW + timedelta(days=110, hours=12))
    expiring.look()
    *_, sample = expiring.as_prometheus().splitlines()
    assert sample == f'mbap_certificate_days_left{{file="{tmp_path}/a\\"b/panel.pem"}} -10.500'


async def test_a_site_says_what_ends_among_its_problems(ending: Path) -> None:
    site = Site(replace(site_plan("tcp://127.0.0.1:1"), certificates=(ending,)))
    await site.start()
    try:
        async with asyncio.timeout(10):
            while not site.problems:
                await asyncio.sleep(0.01)
        assert "the certificate of panel" in site.problems[0]
        assert "expires in 4 days" in site.problems[0]
    finally:
        await site.stop()


def test_a_site_file_names_files_beside_itself(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(SITE + '[certificates]\nwatch = ["a.pem", "certs/b.pem", "a.pem"]\n', encoding="utf-8")
    assert load_site(path).certificates == (tmp_path / "a.pem", tmp_path / "certs" / "b.pem")


def test_a_table_with_another_key_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(SITE + '[certificates]\nwatched = ["a.pem"]\n', encoding="utf-8")
    with pytest.raises(FileFaults, match="watched"):
        load_site(path)


def test_other_files_take_a_restart() -> None:
    plan = site_plan("tcp://127.0.0.1:1")
    changes = changes_between(plan, replace(plan, certificates=(Path("a.pem"),)))
    assert changes.restart == ("what changed in [certificates] takes a restart",)


def test_a_gateway_of_a_site_file_warns_and_counts(
    tmp_path: Path, ending: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from threading import Thread
    from urllib.request import urlopen

    port = free_port()
    path = tmp_path / "site.toml"
    path.write_text(
        f'[gateway]\nlisten = ["tcp://127.0.0.1:0"]\nmetrics = "127.0.0.1:{port}"\n'
        'routes = ["1=tcp://127.0.0.1:1"]\n'
        f'[certificates]\nwatch = ["{ending.as_posix()}"]\n',
        encoding="utf-8",
    )
    plan = load_site(path).gateway
    assert plan is not None
    assert plan.certificates == (ending,)
    found: list[str] = []

    def fetch() -> None:
        import time

        ends = time.monotonic() + 3
        while time.monotonic() < ends and "days_left{" not in "".join(found):
            time.sleep(0.05)
            try:
                with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
                    found.append(answer.read().decode())
            except OSError:
                continue

    thread = Thread(target=fetch, daemon=True)
    thread.start()
    with caplog.at_level(logging.INFO, "mbap.certificates"):
        run_gateway(Whole(plan), None, Saying(), 1.5, verbose=False)
    thread.join(timeout=10)
    assert "the certificate of panel" in caplog.text
    assert "mbap_certificate_days_left" in found[-1]
    assert "mbap_unrouted_total" in found[-1]
