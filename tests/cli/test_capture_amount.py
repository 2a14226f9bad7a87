"""How much of a capture `mbap capture` reads, and how much of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mbap.diagnose.capture import AT_ONCE
from support.commandline import CommandLine
from support.packets import Talk, pcap

READ, VALUES = "0007 0000 0006 01 03 006b 0002", "0007 0000 0007 01 03 04 0003 0009"


@pytest.fixture
def mbap(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("COLUMNS", raising=False)
    return CommandLine(capsys, monkeypatch)


def talked(path: Path, exchanges: int) -> str:
    """A capture of so many exchanges, and of the two packets before them."""
    talk = Talk().open()
    for _ in range(exchanges):
        talk.asks(READ).answers(VALUES)
    path.write_bytes(pcap(talk.packets))
    return str(path)


def test_nothing_is_read_behind_the_exchanges_that_were_wanted(mbap: CommandLine, tmp_path: Path) -> None:
    file = talked(tmp_path / "plant.pcap", 10)
    assert mbap("capture", "-c", "2", file).err == "2 exchanges in 6 packets\n"
    assert mbap("capture", "-c", "2", file, "frame.number == 9 or frame.number == 13").err == (
        "2 exchanges in 14 packets\n"
    )


def test_more_exchanges_than_are_read_at_once_are_all_taken(mbap: CommandLine, tmp_path: Path) -> None:
    file = talked(tmp_path / "long.pcap", 2 * AT_ONCE + 1)
    assert mbap("capture", file).out.count("unit 1") == 2 * AT_ONCE + 1
    assert mbap("capture", "-c", str(AT_ONCE + 1), file).out.count("unit 1") == AT_ONCE + 1
