"""What scans and clones print at 80 and 120 columns, compared with snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import mbap
from mbap import Device
from support.certificates import plant
from support.commandline import CommandLine
from support.console import PORT, WIDTHS, Console
from support.scripted import Reply, Silence, scripted

QUICK = ("--timeout", "500ms", "--pause", "1ms")
TOOK = [(r" +\d[\d.e+]* ms", "  N ms"), (r" +took", "  took")]
IN_COLUMN = (r"(?<=127\.0\.0\.1  )\d{5}", "PPPPP")
IN_OPTION = (r"(?<=--ports )\S+", "PORTS")
DATE = (r"\d{4}-\d\d-\d\d", "YYYY-MM-DD")
MASKS = [PORT, IN_COLUMN, IN_OPTION, DATE, *TOOK]
PUMP = Device(
    holding_registers={0: [20, 21, 22], 107: [17254, 32768]},
    coils=[True, False],
    identification={0: "ACME", 1: "PUMP-3", 2: "V1.2"},
)
VALVE = Device(
    holding_registers=[1], identification={0: "ACME", 1: "VALVE-1 with a name that is rather long"}
)

pytestmark = pytest.mark.parametrize("width", WIDTHS)


@pytest.fixture
def console(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Console:
    monkeypatch.chdir(tmp_path)
    return Console(CommandLine(capsys, monkeypatch), monkeypatch)


@pytest.fixture
def url() -> Iterator[str]:
    with mbap.serving(mbap.Units({1: PUMP, 5: VALVE}), "tcp://127.0.0.1:0") as url:
        yield url


def port(url: str) -> str:
    return url.rpartition(":")[2]


def test_hosts(console: Console, url: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(perf_counter=lambda: 0.0)  # how wide a column is decides where others are broken
    monkeypatch.setattr("mbap.diagnose.scan.host.time", clock)
    web = Reply(raw=b"HTTP/1.1 400 Bad Request\r\n\r\n")
    secure = mbap.serving(PUMP, "tls://127.0.0.1:0", tls=plant()["server"].tls())
    with scripted(web) as other, secure as protected:
        ports = f"{port(url)},{other.port},tls:{port(protected)}"
        words = ("scan", "127.0.0.1", "--ports", ports, "--units", "1,5", "--timeout", "2s")
        console.same("scan-hosts", width, *words, masks=MASKS)


def test_units(console: Console, url: str, width: int) -> None:
    console.same("scan-units", width, "scan", "units", url, "--range", "0-9", *QUICK, masks=MASKS)


def test_functions(console: Console, url: str, width: int) -> None:
    console.same("scan-functions", width, "scan", "functions", url, "--writes", *QUICK, masks=MASKS)


def test_registers(console: Console, url: str, width: int) -> None:
    words = ("--range", "0-120", "--to-profile", "pump.toml", "--state", "pump.answers", *QUICK)
    console.same("scan-registers", width, "scan", "registers", url, *words, masks=MASKS)


def test_registers_by_steps(console: Console, url: str, width: int) -> None:
    words = ("--range", "0-200", "--step", "10", *QUICK)
    console.same("scan-registers-step", width, "scan", "registers", url, *words, masks=MASKS)


def test_registers_of_a_device_that_falls_silent(console: Console, width: int) -> None:
    with scripted(Reply(), Silence()) as server:
        words = ("scan", "registers", server.url, "--state", "plc.answers", *QUICK)
        console.same("scan-registers-silent", width, *words, masks=MASKS)


def test_clone(console: Console, url: str, width: int) -> None:
    words = ("clone", url, "--range", "0-120", "--pause", "1ms", "-o", "twin.toml")
    console.same("clone", width, *words, masks=MASKS)


def test_clone_of_a_device_that_falls_silent(console: Console, width: int) -> None:
    words = ("--timeout", "100ms", "--pause", "1ms", "-o", "plc.toml")
    with scripted(Reply(), Reply(), Silence()) as server:
        console.same("clone-silent", width, "clone", server.url, *words, masks=MASKS)
