"""What the commands that work with files print at 80 and at 120 columns, where all is well and where not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mbap.protocol.pdu import ReadHoldingRegisters, WriteSingleRegister
from mbap.security.anomaly import AnomalyOptions
from mbap.security.audit import AuditLog, AuditOptions
from mbap.security.auditfile import Keeping
from mbap.security.events import Detail, Event
from mbap.security.watch import Watch, WatchOptions
from mbap.server.handler import Peer
from mbap.sinks.sqlite import SqliteStore
from support.console import CLOCK, WIDTHS, Console, Mask
from support.hand_clock import HandClock
from support.packets import Talk, pcap
from support.store_contract import MINUTE, SECOND, TODAY, bad, reading
from support.watching import exchange

POLICIES = Path(__file__).parents[2] / "examples" / "policies"
NOON = 1_770_033_600_000_000  # 2026-02-02T12:00Z
DIGEST: Mask = (r"\b[0-9a-f]{64}\b", "DIGEST")
FILE_SIZE: Mask = (r"(?m)^(bytes(?: per sample)? +)[\d.]+$", r"\1N")

PROFILE = """\
[profile]
name = "Pump drive"
manufacturer = "Acme"
description = "A drive with a status word and a counter of starts"
sources = ["manual of the drive", "and one measured"]
[points.speed]
table = "holding"
address = 107
type = "float32"
unit = "Hz"
description = "Speed of the pump as the drive measures it, filtered over a second"
group = "fast"
[points.starts]
table = "input"
address = 8
type = "uint32"
kind = "counter"
"""
WRONG_PROFILE = """\
[profile]
name = "Pump drive"
[points.speed]
address = "hr0"
typo = 1
"""
SITE = """\
[site]
name = "Pump station 7"
[devices.main]
host = "10.0.0.5"
profile = "./pump.toml"
[devices.sub]
host = "10.0.0.6"
profile = "sdm120"
[server]
"""
WRONG_SITE = """\
[site]
nmae = "Pump station 7"
[devices.main]
host = "10.0.0.5"
profile = "./nothing.toml"
unit = 300
"""
RULES = "DENY FC=6\nALLOW FC=3\n"
WRONG_RULES = "DENY FC=6\nALOW FC=3\n"

CASES: list[tuple[str, str]] = [
    ("profile-list", "profile list"),
    ("profile-show", "profile show ./pump.toml"),
    ("profile-show-long", "profile show sdm630"),
    ("profile-show-unknown", "profile show sdm631"),
    ("profile-check", "profile check ./pump.toml sdm630"),
    ("profile-check-wrong", "profile check ./pump.toml wrong.toml"),
    ("site-map-none", "site map nothing.toml"),
    ("site-init-again", "site init site.toml"),
    ("up-check", "up --check site.toml"),
    ("up-check-wrong", "up --check wrong-site.toml"),
    ("up-wrong", "up wrong-site.toml"),
    ("serve-check", "serve --check plc.toml"),
    ("serve-check-wrong", "serve --check wrong.toml"),
    ("policy-check", "policy check plant.toml"),
    ("policy-check-warning", "policy check cell.rules"),
    ("policy-check-wrong", "policy check wrong.rules"),
    ("policy-explain", "policy explain plant.toml read hr0..9 --from 10.1.0.7"),
    ("policy-explain-refused", "policy explain plant.toml write hr110=1 --from 10.1.0.7"),
    ("policy-explain-wrong", "policy explain plant.toml read hr --from 10.1.0.7"),
    ("policy-test", "policy test plant.toml plant.cases.toml"),
    ("policy-test-different", "policy test cell.rules plant.cases.toml"),
    ("policy-show", "policy show plant.toml"),
    ("policy-show-compact", "policy show cell.rules --format compact"),
    ("policy-diff", "policy diff plant.toml plant.rules"),
    ("policy-diff-none", "policy diff plant.toml plant.toml"),
    ("policy-replay", "policy replay plant.toml plant.pcap"),
    ("policy-learn-nothing", "policy learn nothing.pcap"),
    ("audit-verify", "audit verify audit.jsonl"),
    ("audit-verify-broken", "audit verify broken.jsonl"),
    ("audit-show", "audit show audit.jsonl"),
    ("audit-show-none", "audit show audit.jsonl --event nothing"),
    ("audit-show-wrong", "audit show audit.jsonl --since yesterday"),
    ("alerts-list", "alerts list state"),
    ("alerts-list-none", "alerts list ."),
    ("alerts-show", "alerts show state d038e6fd"),
    ("alerts-show-unknown", "alerts show state 00000000"),
    ("alerts-accept-nothing", "alerts accept state"),
    ("alerts-replay", "alerts replay plant.pcap --learn 5ms"),
    ("alerts-learn-wrong", "alerts learn state --for soon"),
    ("history-list", "history list history.db"),
    ("history-list-none", "history list nothing.db"),
    ("history-stats", "history stats history.db"),
    ("history-export-unknown", "history export history.db --point main.nothing"),
    ("history-export-wrong", "history export history.db --from yesterday"),
    ("firewall-nobody", "firewall"),
    ("firewall-everybody", "firewall --allow 0.0.0.0/0"),
]
DATA: list[tuple[str, str]] = [
    ("profile-doc", "profile doc ./pump.toml"),
    ("site-map", "site map site.toml"),
    ("site-map-csv", "site map --csv site.toml"),
    ("policy-export", "policy export plant.toml"),
    ("policy-learn", "policy learn plant.pcap"),
    ("firewall", "firewall --allow 192.168.1.20"),
    ("firewall-iptables", "firewall --allow 192.168.1.0/28 --to 10.2.0.0/24 --as iptables"),
    ("firewall-firewalld", "firewall --allow 192.168.1.20 --as firewalld"),
    ("firewall-windows", "firewall --allow 192.168.1.20 --as windows"),
    ("history-export", "history export history.db --step 1m --wide"),
]
"""What is for programs, or for a document: lines of any length."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of every kind."""
    folder = tmp_path_factory.mktemp("place")
    for file in (*POLICIES.iterdir(), POLICIES.parent / "plc.toml"):
        shutil.copy(file, folder)
    for name, text in {
        "pump.toml": PROFILE,
        "wrong.toml": WRONG_PROFILE,
        "site.toml": SITE,
        "wrong-site.toml": WRONG_SITE,
        "cell.rules": RULES,
        "wrong.rules": WRONG_RULES,
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    write_capture(folder / "plant.pcap")
    write_history(folder / "history.db")
    write_trail(folder / "audit.jsonl")
    text = (folder / "audit.jsonl").read_text(encoding="utf-8")
    (folder / "broken.jsonl").write_text(text.replace("10.1.0.5", "10.1.0.6", 1), encoding="utf-8")
    watch(folder / "state")
    return folder


def write_capture(path: Path) -> None:
    talk = Talk().open()
    talk.asks("0007 0000 0006 01 03 006b 0002").answers("0007 0000 0007 01 03 04 0003 0009")
    talk.asks("0008 0000 0006 01 06 006b 0005").answers("0008 0000 0006 01 06 006b 0005")
    path.write_bytes(pcap(talk.packets))


def write_history(path: Path) -> None:
    with SqliteStore(path) as store:
        times = range(TODAY, TODAY + 2 * MINUTE, SECOND)
        store.write([reading(time, {"power": 5.5, "state": 3}) for time in times])
        store.write([bad(TODAY + 2 * MINUTE)])


def write_trail(path: Path) -> None:
    def event(minute: int, kind: str, source: str = "10.1.0.5", **details: Detail) -> Event:
        return Event(kind, NOON + minute * 60_000_000, Peer(source, 1_024), details)

    log = AuditLog(path, AuditOptions(Keeping()), now=lambda: NOON)
    for one in (
        event(0, "session_open"),
        event(1, "deny", rule="no-writes", unit=1, func=6, func_name="write single register", table="holding",
              address=100, answer="exception 01", reason="no rule allows it, and the default is to deny"),
        event(2, "alert", source="10.2.0.9", unit=2, reason="10.2.0.9 talks to plc1 for the first time"),
    ):  # fmt: skip
        log(one)
        assert log.flush()
    log.close()


def watch(folder: Path) -> None:
    clock = HandClock()
    guarding = Watch(folder, WatchOptions(AnomalyOptions(3600.0)), lambda event: None, clock=clock)
    guarding.saw(exchange(ReadHoldingRegisters(0, 10)))
    clock.now += 3600.0
    guarding.saw(exchange(WriteSingleRegister(100, 50), time=1_000))
    guarding.saw(exchange(ReadHoldingRegisters(0, 10), client="10.9.9.9", time=2_000))
    guarding.save()
    guarding.flush()
    guarding.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "command"), CASES, ids=[name for name, _ in CASES])
def test_what_is_printed_is_as_before_and_fits(
    console: Console, place: Path, monkeypatch: pytest.MonkeyPatch, name: str, command: str, width: int
) -> None:
    monkeypatch.chdir(place)
    console.same(name, width, *command.split(), masks=[DIGEST, FILE_SIZE])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "command"), DATA, ids=[name for name, _ in DATA])
def test_what_is_for_programs_is_as_before(
    console: Console, place: Path, monkeypatch: pytest.MonkeyPatch, name: str, command: str, width: int
) -> None:
    monkeypatch.chdir(place)
    console.same(name, width, *command.split(), masks=[CLOCK], data=True)


CHANGING: list[tuple[str, str]] = [
    ("site-init", "site init new.toml"),
    ("policy-arm", "policy arm state service --for 30m --by anna"),
    ("policy-disarm", "policy disarm state service --by anna"),
    ("policy-learn-file", "policy learn plant.pcap -o learned.toml"),
    ("alerts-accept", "alerts accept state d038e6fd --by anna"),
    ("alerts-learn", "alerts learn state --for 1d --by anna"),
    ("history-backup", "history backup history.db copy.db"),
    ("history-export-file", "history export history.db --point main.power -o power.csv"),
]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "command"), CHANGING, ids=[name for name, _ in CHANGING])
def test_what_is_said_of_a_change_is_as_before_and_fits(
    console: Console, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, command: str,
    width: int,
) -> None:  # fmt: skip
    shutil.copytree(place, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    console.same(name, width, *command.split(), masks=[(r"\d+ bytes", "N bytes")])
