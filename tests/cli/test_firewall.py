"""`mbap firewall`: prints rules, writes them, and refuses what would open Modbus to everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.commandline import CommandLine


@pytest.fixture
def mbap(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def test_it_prints_rules_for_nftables(mbap: CommandLine) -> None:
    done = mbap("firewall", "--allow", "192.168.1.20")
    assert done.code == 0
    assert "ip saddr { 192.168.1.20/32 } tcp dport { 502, 802 } accept" in done.out


def test_another_filter_and_other_ports_can_be_named(mbap: CommandLine) -> None:
    done = mbap("firewall", "--allow", "192.168.1.20", "--as", "iptables", "--port", "1502")
    assert "--dports 1502 -j ACCEPT" in done.out


def test_it_writes_a_file(mbap: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "modbus.nft"
    assert mbap("firewall", "--allow", "10.0.0.1", "-o", str(path)).out == ""
    assert path.read_text().startswith("#!/usr/sbin/nft")


def test_a_place_that_cannot_be_written_is_told(mbap: CommandLine, tmp_path: Path) -> None:
    done = mbap("firewall", "--allow", "10.0.0.1", "-o", str(tmp_path / "none" / "x"))
    assert done.code == 2
    assert "cannot write" in done.err


def test_everybody_is_refused_with_a_sentence(mbap: CommandLine) -> None:
    done = mbap("firewall", "--allow", "0.0.0.0/0")
    assert done.code == 2
    assert "0.0.0.0/0 is everybody" in done.err
