"""`mbap alerts`: list, show, accept, learn, replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mbap.protocol.pdu import ReadHoldingRegisters, WriteSingleRegister
from mbap.security.anomaly import AnomalyOptions
from mbap.security.events import Event
from mbap.security.watch import LOOK_EVERY, Watch, WatchOptions
from support.commandline import CommandLine
from support.hand_clock import HandClock
from support.watching import exchange

HOUR = 3_600.0
READ, WRITE = ReadHoldingRegisters(0, 10), WriteSingleRegister(100, 50)
FUNCTION = "function 10.0.0.5 plc1 1 6"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


class Guarding:
    """A process that watches, with two alerts in its folder, one of them with an escape in a name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.told: list[Event] = []
        self.watch = Watch(folder, WatchOptions(AnomalyOptions(HOUR)), self.told.append, clock=self.clock)
        self.watch.saw(exchange(READ))
        self.clock.now += HOUR
        self.watch.saw(exchange(WRITE, time=1_000))
        self.watch.saw(exchange(READ, client="\x1b[2J", time=2_000))
        self.watch.save()
        self.watch.flush()

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.watch.alerts.items()]

    def tick(self) -> None:
        self.clock.now += LOOK_EVERY
        self.watch.tick()
        self.watch.save()
        self.watch.flush()


@pytest.fixture
def guarding(tmp_path: Path) -> Iterator[Guarding]:
    guarding = Guarding(tmp_path / "state")
    yield guarding
    guarding.watch.close()


def test_alerts_are_listed_while_the_guard_runs(run: CommandLine, guarding: Guarding) -> None:
    done = run("alerts", "list", str(guarding.folder))
    assert done.code == 0
    head, first, second = done.out.splitlines()
    assert head.split() == ["id", "severity", "first", "count", "state", "alert"]
    assert first.startswith(
        f"{guarding.ids[0]}  high      1970-01-01T00:16:40Z      1  open   10.0.0.5 uses function 6"
    )
    assert r"\x1b[2J talks to plc1 for the first time" in second
    assert "\x1b" not in done.out


def test_a_folder_without_alerts(run: CommandLine, tmp_path: Path) -> None:
    assert run("alerts", "list", str(tmp_path)).out == "no alerts\n"


def test_as_json(run: CommandLine, guarding: Guarding) -> None:
    first, _ = json.loads(run("alerts", "list", str(guarding.folder), "--json").out)
    assert (first["key"], first["count"], first["accepting"]) == (FUNCTION, 1, False)
    assert (
        json.loads(run("alerts", "show", str(guarding.folder), guarding.ids[0], "--json").out)["seen"] == "6"
    )


def test_one_alert_with_all_that_is_known(run: CommandLine, guarding: Guarding) -> None:
    out = run("alerts", "show", str(guarding.folder), guarding.ids[0]).out
    facts = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert (facts["known"], facts["new"], facts["accepted"], facts["key"]) == ("3", "6", "no", FUNCTION)


def test_an_accepted_alert_is_taken_up_by_the_guard(run: CommandLine, guarding: Guarding) -> None:
    folder = str(guarding.folder)
    done = run("alerts", "accept", folder, guarding.ids[0], "--by", "anna")
    assert done.out == "accepted 1 alert; a running guard takes this up within seconds\n"
    assert "accepting" in run("alerts", "list", folder).out
    guarding.tick()
    assert guarding.told[-1].details == {"reason": "alert accepted", "key": FUNCTION, "by": "anna"}
    assert guarding.ids[0] not in run("alerts", "list", folder).out
    assert "accepted" in run("alerts", "list", folder, "--all").out


def test_all_of_them_can_be_accepted(run: CommandLine, guarding: Guarding) -> None:
    assert "accepted 2 alerts" in run("alerts", "accept", str(guarding.folder), "--all").out
    guarding.tick()
    assert run("alerts", "list", str(guarding.folder)).out == "no alerts\n"


def test_one_that_is_not_there(run: CommandLine, guarding: Guarding) -> None:
    for command in ("show", "accept"):
        done = run("alerts", command, str(guarding.folder), "nothing")
        assert done.code == 2
        assert "there is no alert nothing: `mbap alerts list` shows their ids" in done.err


@pytest.mark.parametrize("which", [[], ["x", "--all"]])
def test_what_to_accept_has_to_be_said(run: CommandLine, guarding: Guarding, which: list[str]) -> None:
    done = run("alerts", "accept", str(guarding.folder), *which)
    assert done.code == 2
    assert "name the alerts to accept, or say --all" in done.err


def test_learning_again(run: CommandLine, guarding: Guarding) -> None:
    guarding.clock.now += 86_400  # connections are learned longer
    assert not guarding.watch.learning
    assert "learning for 1d" in run("alerts", "learn", str(guarding.folder), "--for", "1d").out
    guarding.tick()
    assert guarding.watch.learning


@pytest.mark.parametrize("duration", ["0s", "soon"])
def test_a_duration_that_is_none(run: CommandLine, guarding: Guarding, duration: str) -> None:
    assert run("alerts", "learn", str(guarding.folder), "--for", duration).code == 2


def test_files_that_are_damaged(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "alerts.json").write_text("{")
    done = run("alerts", "list", str(tmp_path))
    assert done.code == 2
    assert "is damaged" in done.err


# --- captures ---

FAKE = "lemay_fake_command_p502.pcap"


def test_a_write_of_a_host_that_never_wrote_is_found_in_a_capture(run: CommandLine, captures: Path) -> None:
    done = run("alerts", "replay", str(captures / FAKE), "--learn", "250s")
    assert done.code == 0
    assert (
        "192.168.1.101 talks to 192.168.1.102 for the first time; its clients are 192.168.1.100" in done.out
    )
    assert done.out.endswith("learned 455 exchanges, judged 778: 5 unusual\n")


def test_the_same_as_json(run: CommandLine, captures: Path) -> None:
    found = json.loads(run("alerts", "replay", str(captures / FAKE), "--learn", "250s", "--json").out)
    assert (found["learned"], found["judged"], found["unusual"]) == (455, 778, 5)
    assert [one["kind"] for one in found["alerts"]] == ["pair", "address", "address", "address"]


def test_servers_on_another_port(run: CommandLine, captures: Path) -> None:
    done = run("alerts", "replay", str(captures / FAKE), "--learn", "250s", "--port", "1502")
    assert done.out == "no alerts\n\nlearned 0 exchanges, judged 0: 0 unusual\n"
    assert "nothing was judged" in done.err


def test_what_is_no_capture(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_text("this is no capture at all")
    done = run("alerts", "replay", str(tmp_path / "x.pcap"), "--learn", "1s")
    assert done.code == 1
    assert "x.pcap was not read to its end: " in done.err
