"""security.watch: the parts together, the files, and what people wish meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mbap.protocol.pdu import ReadHoldingRegisters, Request, WriteSingleRegister
from mbap.security.alertfiles import AlertFolder, Wish
from mbap.security.anomaly import AnomalyOptions
from mbap.security.connections import Expected
from mbap.security.events import Event
from mbap.security.watch import LOOK_EVERY, SAVE_ALERTS_EVERY, SAVE_EVERY, Watch, WatchOptions
from mbap.server.handler import Peer
from support.hand_clock import HandClock
from support.watching import exchange

HOUR = 3_600.0
READ, WRITE = ReadHoldingRegisters(0, 10), WriteSingleRegister(100, 50)
OPTIONS = WatchOptions(AnomalyOptions(HOUR), Expected(learn_for=HOUR))


class Plant:
    """A folder, a clock, and what is told; `start` begins to watch, or does again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.told: list[Event] = []

    def start(self, options: WatchOptions = OPTIONS) -> Watch:
        return Watch(self.folder, options, self.told.append, now=lambda: 77, clock=self.clock)

    def taught(self, *usual: Request[Any]) -> Watch:
        watch = self.start()
        for request in usual:
            watch.saw(exchange(request))
        self.clock.now += HOUR
        return watch

    def pass_time(self, watch: Watch, seconds: float) -> None:
        self.clock.now += seconds
        watch.tick()
        watch.flush()


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path / "state")


def test_an_alert_is_an_event(plant: Plant) -> None:
    plant.taught(READ).saw(exchange(WRITE, time=5))
    (event,) = plant.told
    assert (event.kind, event.time) == ("alert", 5_000_000)
    assert event.details == {
        "reason": "10.0.0.5 uses function 6 (write single register) on unit 1 of plc1 for the first time;"
        " known: 3",
        "key": "function 10.0.0.5 plc1 1 6",
        "severity": "high",
        "alert": "function",
        "learned": "3",
        "seen": "6",
    }


def test_connections_are_watched_too(plant: Plant) -> None:
    watch = plant.taught()
    peer = Peer("10.0.0.9", session=1)
    watch.arrived(peer)
    plant.pass_time(watch, 601)
    watch.left(peer)
    assert [event.details["alert"] for event in plant.told] == ["client", "stranger"]


@pytest.mark.parametrize("options", [WatchOptions(anomaly=None), WatchOptions(expected=None)])
def test_each_part_can_be_left_out(plant: Plant, options: WatchOptions) -> None:
    watch = plant.start(options)
    watch.arrived(Peer("10.0.0.9", session=1))
    watch.saw(exchange(READ))
    watch.tick()
    watch.close()
    assert watch.learning


def test_it_can_do_without_a_folder() -> None:
    watch = Watch(None, OPTIONS)
    watch.saw(exchange(READ))
    watch.tick()
    watch.close()
    assert watch.metrics()["anomaly_exchanges"].value == 1


def test_alerts_are_in_the_folder_within_seconds(plant: Plant) -> None:
    watch = plant.taught(READ)
    watch.saw(exchange(WRITE))
    plant.pass_time(watch, SAVE_ALERTS_EVERY)
    assert AlertFolder(plant.folder).alerts() == watch.alerts.items()


def test_what_was_learned_is_kept_every_minute(plant: Plant) -> None:
    watch = plant.start()
    watch.saw(exchange(READ))
    plant.pass_time(watch, SAVE_EVERY)
    assert AlertFolder(plant.folder).learned()["anomaly"]["learned"] == SAVE_EVERY


def test_after_a_restart_it_knows_what_it_knew_and_tells_nothing_twice(plant: Plant) -> None:
    watch = plant.taught(READ)
    watch.saw(exchange(WRITE))
    watch.close()
    again = plant.start()
    again.saw(exchange(READ))
    again.saw(exchange(WRITE))
    assert len(plant.told) == 1
    assert [one.count for one in again.alerts.items()] == [2]


def test_an_accepted_alert_is_taken_up_while_it_runs_and_written_to_the_trail(plant: Plant) -> None:
    watch = plant.taught(READ)
    watch.saw(exchange(WRITE))
    AlertFolder(plant.folder).wish(Wish("function 10.0.0.5 plc1 1 6", by="anna"))
    plant.pass_time(watch, LOOK_EVERY)
    accepted = plant.told[-1]
    assert (accepted.kind, accepted.time) == ("configuration", 77)
    assert accepted.details == {"reason": "alert accepted", "key": "function 10.0.0.5 plc1 1 6", "by": "anna"}
    assert AlertFolder(plant.folder).wishes() == []
    watch.saw(exchange(WRITE))
    assert plant.told[-1].details["alert"] == "address"


def test_an_accepted_alert_waits_for_a_process_that_is_stopped(plant: Plant) -> None:
    watch = plant.taught(READ)
    watch.saw(exchange(READ, unit=2))
    watch.close()
    AlertFolder(plant.folder).wish(Wish("unit 10.0.0.5 plc1 2"))
    again = plant.start()
    plant.pass_time(again, LOOK_EVERY)
    assert [one.accepted for one in again.alerts.items()] == [True]


def test_somebody_can_wish_that_it_learns_again(plant: Plant) -> None:
    watch = plant.taught(READ)
    AlertFolder(plant.folder).wish(Wish(learn_for=60, by="anna"))
    assert not watch.learning
    plant.pass_time(watch, LOOK_EVERY)
    assert watch.learning
    watch.saw(exchange(WRITE))
    plant.clock.now += 61
    watch.saw(exchange(WRITE))
    assert [event.kind for event in plant.told] == ["configuration"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"key": 1}',
        '{"key": "x", "learn_for": "soon", "by": ""}',
        '{"key": "", "learn_for": Infinity, "by": ""}',
    ],
)
def test_a_wish_that_is_none_goes_away_and_does_nothing(plant: Plant, text: str) -> None:
    watch = plant.taught(READ)
    (plant.folder / "wishes" / "bad.json").write_text(text)
    plant.pass_time(watch, LOOK_EVERY)
    assert plant.told == []
    assert not (plant.folder / "wishes" / "bad.json").exists()


def test_a_wish_for_an_alert_that_is_gone_does_nothing(plant: Plant) -> None:
    watch = plant.taught(READ)
    AlertFolder(plant.folder).wish(Wish("pair nobody plc1"))
    plant.pass_time(watch, LOOK_EVERY)
    assert plant.told == []


def test_two_processes_do_not_share_a_folder(plant: Plant) -> None:
    watch = plant.start()
    with pytest.raises(OSError, match="is being written by another process"):
        plant.start()
    watch.close()
    plant.start().close()


@pytest.mark.parametrize("name", ["alerts.json", "learned.json"])
@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"version": 99})])
def test_files_that_are_damaged_are_refused_with_what_to_do(plant: Plant, name: str, text: str) -> None:
    plant.start().close()
    (plant.folder / name).write_text(text)
    with pytest.raises(ValueError, match="move it away to begin anew"):
        plant.start()
    (plant.folder / name).unlink()
    plant.start().close()


def test_where_the_disk_takes_nothing_it_goes_on_and_counts_it(plant: Plant) -> None:
    watch = plant.taught(READ)
    watch.save()
    watch.flush()
    watch.saw(exchange(WRITE))
    (plant.folder / "alerts.json.part").mkdir()
    plant.pass_time(watch, SAVE_ALERTS_EVERY)
    assert watch.metrics()["watch_save_failures"].value == 1
    (plant.folder / "alerts.json.part").rmdir()
    plant.pass_time(watch, SAVE_ALERTS_EVERY)
    assert len(AlertFolder(plant.folder).alerts()) == 1
