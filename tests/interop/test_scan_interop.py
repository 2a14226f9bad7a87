"""Scans and clones of servers of other projects: exactly what they have, no more and no less."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mbap import Client
from mbap.errors import ExceptionResponse
from mbap.protocol.pdu.reads import READS
from support import foreign
from support.commandline import CommandLine
from support.simulated import serve_file

pytestmark = pytest.mark.peer

SERVERS = ("libmodbus", "pymodbus", "pymodbus --sparse", "pyModbusTCP")
FIRST, LAST = 900, 1020
ADDRESSES = (*range(905, 930), *range(950, 953), 990)
KNOWN = {
    table: {at: at * 7 + 3 if table in ("holding", "input") else at % 3 == 0 for at in ADDRESSES}
    for table in ("coil", "discrete", "input", "holding")
}
LINES = [f"{table} {at} {value:d}" for table, values in KNOWN.items() for at, value in values.items()]
QUICK = ("--pause", "0ms")
FUNCTIONS = {
    "libmodbus": {1, 2, 3, 4, 15, 16, 17, 23},
    "pymodbus": {1, 2, 3, 4, 7, 8, 11, 12, 16, 17, 24, 43},
    "pyModbusTCP": {1, 2, 3, 4, 15, 16, 23, 43},
}
UNCLEAR = {"libmodbus": {7}, "pymodbus": {15, 20, 23}, "pyModbusTCP": {7, 11, 12, 17}}
"""They end the connection, or cannot encode their own answer."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is compiled."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    """The name of each server in turn, and how it is started."""
    return str(request.param)


@pytest.fixture
def url(server: str, programs: Path, free_port: Callable[[], int]) -> Iterator[str]:
    """Where that server is."""
    name, *how = server.split()
    is_c = name == "libmodbus"
    command = (
        foreign.built_with_libmodbus(f"{name}_server", programs) if is_c else foreign.python_server(name)
    )
    with foreign.serving([*command, *how], free_port(), LINES) as url:
        yield url


@pytest.fixture
def scan(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """What `mbap scan ... --json` prints."""
    run = CommandLine(capsys, monkeypatch)
    return lambda *words: json.loads(run("scan", *words, "--json").out)


def one_by_one(url: str) -> dict[str, dict[int, int]]:
    """What each address gives when it is read alone, in both directions nobody can doubt it."""
    found: dict[str, dict[int, int]] = {table: {} for table in KNOWN}
    codes = set()
    with Client(url) as client:
        for table, kind in READS.items():
            read: Any = kind
            for address in range(FIRST, LAST + 1):
                try:
                    found[table.value][address] = int(client.execute(read(address, 1))[0])
                except ExceptionResponse as refusal:
                    codes.add(refusal.code)
    assert codes <= {2}
    return found


def test_the_host_is_found(url: str, scan: Callable[..., Any]) -> None:
    (host,) = scan("hosts", "127.0.0.1", "--ports", url.rpartition(":")[2])
    assert (host["modbus"], host["speaks"], host["units"]) == (True, "Modbus TCP", [1, 255, 0])


def test_it_answers_as_any_unit(url: str, scan: Callable[..., Any]) -> None:
    found = scan("units", url, "--range", "0-3", "--timeout", "300ms", *QUICK)
    assert [unit["unit"] for unit in found] == [0, 1, 2, 3]


def test_its_functions_are_told_apart(server: str, url: str, scan: Callable[..., Any]) -> None:
    name = server.split()[0]
    found = {one["function"]: one["present"] for one in scan("functions", url, "--writes", *QUICK)}
    assert {code for code, present in found.items() if present} == FUNCTIONS[name]
    assert {code for code, present in found.items() if present is None} == UNCLEAR[name]


@pytest.mark.parametrize("table", KNOWN)
def test_its_addresses_are_found_exactly(url: str, scan: Callable[..., Any], table: str) -> None:
    span = f"{FIRST}-{LAST}"
    parts = scan("registers", url, "--table", table, "--range", span, *QUICK)
    values = {
        part["first"] + at: value for part in parts for at, value in enumerate(part["values"]) if part["read"]
    }
    refused = {at for part in parts if not part["read"] for at in range(part["first"], part["last"] + 1)}
    assert values == one_by_one(url)[table]
    assert values.items() >= KNOWN[table].items()
    assert refused == set(range(FIRST, LAST + 1)) - values.keys()
    assert {part["answer"] for part in parts} <= {"read", "exception 02"}


def test_its_twin_has_the_same(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = tmp_path / "twin.toml"
    run = CommandLine(capsys, monkeypatch)
    done = run("clone", url, "--range", f"{FIRST}-{LAST}", *QUICK, "-o", str(twin), "--overwrite")
    assert (done.code, done.err) == (0, "")
    expected = one_by_one(url)
    with serve_file(twin) as copy:
        assert one_by_one(copy) == expected
