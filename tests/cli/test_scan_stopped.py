"""Ctrl-C in the middle of a scan or a clone: what was found until then is printed, or kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from support.doctored import refusing
from support.program import mbap, running
from support.scripted import Reply, Request, ScriptedServer, Silence, scripted


def sparse(request: Request) -> Reply:
    """Has registers 0 to 9 of 2000."""
    address, count = (int.from_bytes(request.pdu[at : at + 2], "big") for at in (1, 3))
    return Reply() if request.pdu[0] == 3 and address + count <= 10 else refusing(2)


def unit_2(request: Request) -> Reply | Silence:
    """Has no function but 03, and no other unit."""
    if request.unit != 2:
        return Silence()
    return Reply() if request.pdu[0] == 3 else refusing(1)


@pytest.mark.parametrize(
    ("words", "after", "found"),
    [
        (("registers", "URL", "--range", "0-1999", "--pause", "20ms"), 60, ("first", 0)),
        (("units", "URL", "--timeout", "300ms"), 6, ("unit", 2)),
        (("functions", "URL", "--pause", "300ms"), 4, ("function", 1)),
    ],
)
def test_a_scan_prints_what_it_has_found(
    words: tuple[str, ...], after: int, found: tuple[str, object]
) -> None:
    with scripted(unit_2 if words[0] == "units" else sparse) as server:
        said = [word.replace("URL", server.url) for word in words]
        rows = stopped(said, server, after)
    key, value = found
    assert rows[0][key] == value


def test_a_scan_of_hosts_prints_those_that_it_has_found() -> None:
    with scripted(unit_2) as first, scripted(Silence()) as second:
        ports = f"{first.port},{second.port}"
        words = ("hosts", "127.0.0.1", "--ports", ports, "--units", "2", "--at-once", "1", "--timeout", "20s")
        rows = stopped(words, second, 1)
    assert [(row["port"], row["units"]) for row in rows] == [(first.port, [2])]


def stopped(words: Sequence[str], server: ScriptedServer, after: int) -> Any:
    """What the scan prints as JSON when it is ended once *server* got so many requests."""
    with running("scan", *words, "--json") as program:
        server.wait_for_requests(after)
        code = program.end()
        assert program.process.stdout is not None
        rows = json.loads(program.process.stdout.read())
    assert code == 130, program.said
    assert "stopped" in program.said
    assert "Traceback" not in program.said
    return rows


def test_a_clone_keeps_what_it_has_read_and_goes_on(tmp_path: Path) -> None:
    twin = tmp_path / "twin.toml"
    words = ("--table", "holding", "--range", "0-199", "-o", str(twin))
    with scripted(sparse) as server:
        with running("clone", server.url, *words, "--pause", "30ms") as program:
            server.wait_for_requests(60)
            assert program.end() == 130
        assert program.said == f"stopped; the same command goes on from {twin}.part"
        assert not twin.exists()
        before = len(server.requests)
        done = mbap("clone", server.url, *words, "--pause", "0ms")
        again = len(server.requests)
    assert done.returncode == 0, done.stderr
    assert "10 holding" in done.stdout
    assert again - before < 160
    assert [one.name for one in tmp_path.iterdir()] == ["twin.toml"]
