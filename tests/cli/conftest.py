"""What several tests of commands share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certscommand import Certs
from support.commandline import CommandLine
from support.console import Console
from support.disks import mounted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for two megabytes."""
    with mounted(tmp_path / "disk", "2m") as folder:
        yield folder


@pytest.fixture
def certs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Certs:
    """`mbap certs`, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    call = CommandLine(capsys, monkeypatch)
    return lambda *words: call("certs", *map(str, words))


@pytest.fixture
def site(certs: Certs) -> Certs:
    """`mbap certs` where a CA, the server plc1 and the client panel are."""
    for words in (
        ("init", "--name", "Test site"),
        ("server", "plc1", "--dns", "localhost", "--ip", "127.0.0.1"),
        ("client", "panel", "--role", "Operator"),
    ):
        assert certs(*words).code == 0
    return certs


@pytest.fixture
def console(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Console:
    """Calls `mbap` at 80 or 120 columns, and compares what it prints with a snapshot."""
    return Console(CommandLine(capsys, monkeypatch), monkeypatch)
