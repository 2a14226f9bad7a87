"""The whole output of `mbap doctor` at 80 and 120 columns, with a clock of the test's own.

MBAP_UPDATE_SNAPSHOTS=1 writes the snapshots anew.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import mbap
from mbap import Device
from mbap.addresses import Table
from mbap.cli.doctor import report
from mbap.collect.profiles import load_profile
from mbap.diagnose.doctor import ping
from mbap.diagnose.doctor.case import Case, KnownValue, Waits, Wishes
from mbap.diagnose.doctor.holding import REST
from mbap.transport.endpoint import parse_endpoint
from mbap.values import Encoding
from support.doctored import laid_out, only_unit, refusing
from support.scripted import Reply, right_pdu, scripted

SNAPSHOTS = Path(__file__).with_name("snapshots")
METER = load_profile("sdm630")
KNOWN = KnownValue("ir0", Table.INPUT_REGISTERS, 0, 231.5)
VALUES = {0: 231.5, 2: 228.9, 4: 232.8, 6: 4.21, 8: 4.5, 10: 3.9, 12: 950.5, 14: 1003.4, 70: 50.01}


class Ticking:
    """A clock that goes on by the same whenever somebody looks at it."""

    def __init__(self, tick: float = 0.0005) -> None:
        self.now, self.tick = 1_000.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now

    def sleep(self, seconds: float) -> None:
        """Only the rest in which a device frees its connections has to be real, and can be short."""
        self.now += seconds
        if seconds >= REST:
            time.sleep(0.1)


def plain(pdu: bytes) -> bytes:
    """Registers that hold their address and 1: small numbers, one in each."""
    if pdu[0] not in (3, 4):
        return right_pdu(pdu)
    address, count = struct.unpack(">HH", pdu[1:5])
    return struct.pack(
        f">BB{count}H", pdu[0], 2 * count, *range(address + 1 & 0xFFF, (address + 1 & 0xFFF) + count)
    )


PLAIN = Reply(pdu=plain)


@contextmanager
def meter(order: str, first: int = 0) -> Iterator[str]:
    words = [0] * 80
    for (_, address), word in laid_out(Table.INPUT_REGISTERS, VALUES, Encoding("float32", order)).items():
        words[address] = word
    with mbap.serving(Device(input_registers={first: words}), "tcp://127.0.0.1:0") as url:
        yield url


@contextmanager
def well() -> Iterator[str]:
    with mbap.serving(Device(holding_registers=range(200)), "tcp://127.0.0.1:0") as url:
        yield url


@contextmanager
def nobody() -> Iterator[str]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"tcp://127.0.0.1:{closed.getsockname()[1]}"


@contextmanager
def another_unit() -> Iterator[str]:
    with scripted(only_unit(1, PLAIN)) as server:
        yield server.url


@contextmanager
def refuses() -> Iterator[str]:
    with scripted(refusing(2)) as server:
        yield server.url


@contextmanager
def few_connections() -> Iterator[str]:
    with scripted(PLAIN, most=2) as server:
        yield server.url


@contextmanager
def breaks_rules() -> Iterator[str]:
    with scripted(replace(PLAIN, transaction=0)) as server:
        yield server.url


COMMAND = "  mbap read "
"""A command stays on one line, so that it can be copied."""
Place = Callable[[], AbstractContextManager[str]]

SCREENS: dict[str, tuple[Place, dict[str, Any]]] = {
    "well": (well, {}),
    "nobody": (nobody, {}),
    "another-unit": (another_unit, {"timeout": 0.6, "unit": 5}),
    "refuses": (refuses, {}),
    "few-connections": (few_connections, {"connections": 4}),
    "breaks-rules": (breaks_rules, {}),
    "unknown-meter": (partial(meter, "CDAB", 100), {}),
    "wrong-order": (partial(meter, "CDAB"), {"profile": METER}),
    "wrong-offset": (partial(meter, "ABCD", 1000), {"profile": METER}),
    "known-value": (partial(meter, "CDAB", 1), {"known": (KNOWN,)}),
}


def shown(place: Place, wishes: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    """What is printed about the device at *place*, its port and the points of the probe masked."""
    clock = Ticking()
    with place() as url:
        endpoint = parse_endpoint(url)
        wanted: dict[str, Any] = {"timeout": 1.0, "pause": 0.0, "reads": 5, **wishes}
        case = Case(endpoint, Wishes(**wanted), clock=clock, sleep=clock.sleep, waits=Waits(0.03, 0.2))
        code = report(case)
    out = capsys.readouterr().out.replace(str(endpoint.port), "15020") + f"\nexit code {code}\n"
    return re.sub(r"\d\d points", "30 points", out)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", list(SCREENS))
def test_the_screen_is_as_it_was(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(ping, "_socket", not_permitted)
    text = shown(*SCREENS[name], capsys)
    snapshot = SNAPSHOTS / f"doctor-{name}-{columns}.txt"
    if os.environ.get("MBAP_UPDATE_SNAPSHOTS"):
        snapshot.write_text(text, encoding="utf-8")
    assert text == snapshot.read_text(encoding="utf-8")
    assert max(len(line) for line in text.splitlines() if not line.startswith(COMMAND)) <= columns
    assert "\x1b" not in text


def not_permitted(address: str) -> socket.socket:
    """The ping of a system that lets only root do it."""
    raise PermissionError(errno.EPERM, "Operation not permitted")
