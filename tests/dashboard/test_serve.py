"""Serving: ports, addresses, and ending."""

from __future__ import annotations

import asyncio
import signal
import socket
import time

import httpx
import pytest
from websockets.asyncio.client import connect

from mbap.dashboard.app import create_app
from mbap.dashboard.serve import bind, serve, url
from support.plant import FakePlant


def test_a_taken_port_is_one_sentence() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: port {port} is taken"):
            bind("127.0.0.1", port)


def test_a_host_that_is_not_here_is_one_sentence() -> None:
    with pytest.raises(OSError, match="this is not an address of this machine"):
        bind("192.0.2.1", 0)


def test_an_unknown_host_is_one_sentence() -> None:
    with pytest.raises(OSError, match=r"cannot listen on nowhere\.invalid: there is no such host"):
        bind("nowhere.invalid", 0)


def test_the_url_names_what_can_be_typed() -> None:
    with bind("127.0.0.1", 0) as one, bind("0.0.0.0", 0) as every:
        assert url(one) == f"http://127.0.0.1:{one.getsockname()[1]}/"
        assert url(every) == f"http://127.0.0.1:{every.getsockname()[1]}/"


def test_an_ipv6_url_has_brackets() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        listening = bind("::1", 0)
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with listening:
        assert url(listening).startswith("http://[::1]:")


async def test_cancelling_ends_it_within_a_second_with_a_page_open(fake: FakePlant) -> None:
    listening = bind("127.0.0.1", 0)
    address = url(listening)
    task = asyncio.create_task(serve(create_app(fake.plant), "127.0.0.1", 0, listening=listening))
    async with connect(address.replace("http", "ws") + "api/v1/live") as page:
        await page.send('{"type":"subscribe","points":"all"}')
        await page.recv()
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert time.monotonic() - began < 1.0
    with bind("127.0.0.1", int(address.rstrip("/").rpartition(":")[2])):
        pass  # the port is free again


async def test_signals_are_left_alone(fake: FakePlant) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    listening = bind("127.0.0.1", 0)
    address = url(listening)
    task = asyncio.create_task(serve(create_app(fake.plant), "127.0.0.1", 0, listening=listening))
    async with httpx.AsyncClient() as client:
        assert (await client.get(address + "healthz")).status_code == 200
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    task.cancel()
    await asyncio.wait([task])


async def test_it_binds_by_itself_and_says_when_it_cannot(fake: FakePlant) -> None:
    with bind("127.0.0.1", 0) as taken, pytest.raises(OSError, match="is taken"):
        await serve(create_app(fake.plant), "127.0.0.1", taken.getsockname()[1])
