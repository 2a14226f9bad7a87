"""security.audit: what is in the trail, when, and what becomes of it when the disk does not take it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mbap.security.audit import MARK_EVERY, AuditLog, AuditOptions, tee
from mbap.security.auditfile import Keeping, files_of, lines_of
from mbap.security.events import KINDS, Detail, Event
from mbap.security.trailcheck import verify
from mbap.server.handler import Identity, Peer
from support.hand_clock import HandClock
from support.peers import missing
from support.program import until

PEER = Peer("10.0.0.5", 49_152, "tls://0.0.0.0:802", session=7)
TIME = 1_770_000_000_123_456


def event(kind: str = "deny", peer: Peer | None = PEER, **details: Detail) -> Event:
    return Event(kind, TIME, peer, details)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for one in files_of(path) for line in lines_of(one)]


def written(path: Path, *events: Event, options: AuditOptions | None = None) -> list[dict[str, Any]]:
    """What *events* become, without the line that says that the trail begins."""
    log = AuditLog(path, options)
    log.policy_hash = "abc"
    for one in events:
        log(one)
    log.close()
    assert verify(path).fault == ""
    return lines(path)[1:]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def test_a_line_has_the_names_of_the_reference(path: Path) -> None:
    (line,) = written(
        path, event(rule="no-writes", decision="deny", answer="exception 01", unit=1, func=6, tid=9)
    )
    assert {name: value for name, value in line.items() if name not in ("prev", "hash")} == {
        "n": 2,
        "ts": "2026-02-02T02:40:00.123Z",
        "event": "deny",
        "category": "access",
        "policy_hash": "abc",
        "rule": "no-writes",
        "decision": "deny",
        "answer": "exception 01",
        "session": 7,
        "listener": "tls://0.0.0.0:802",
        "src_ip": "10.0.0.5",
        "src_port": 49_152,
        "tid": 9,
        "unit": 1,
        "func": 6,
    }


def test_the_certificate_is_in_it(path: Path) -> None:
    identity = Identity("CN=hmi", "CN=plant", "0a", "ff", 0, "TLSv1.3", "TLS_AES_128_GCM_SHA256", True)
    (line,) = written(path, event(peer=Peer("10.0.0.5", role="Operator", identity=identity)))
    assert line["tls"] == {
        "version": "TLSv1.3",
        "cipher": "TLS_AES_128_GCM_SHA256",
        "subject": "CN=hmi",
        "issuer": "CN=plant",
        "serial": "0a",
        "fingerprint": "ff",
        "role": "Operator",
        "resumed": True,
    }


def test_every_kind_of_event_has_a_category_of_its_own_choice(path: Path) -> None:
    found = written(path, *(event(kind, peer=None) for kind in KINDS), options=AuditOptions(flood=0))
    assert [one["event"] for one in found] == list(KINDS)
    assert {one["category"] for one in found} == {
        "access",
        "request-error",
        "system",
        "configuration",
        "audit",
    }


@pytest.mark.parametrize(
    "name", ["password", "key_passphrase", "token", "armed_token", "private_key_text", "client_secret"]
)
def test_nothing_secret_is_in_it(path: Path, name: str) -> None:
    (line,) = written(path, Event("deny", TIME, PEER, {name: "hunter2"}))
    assert line[name] == "(left out: secret)"
    assert b"hunter2" not in path.read_bytes()


def test_the_key_of_an_alert_is_no_secret(path: Path) -> None:
    (line,) = written(path, event("alert", key="pair 10.0.0.9 plc1"))
    assert line["key"] == "pair 10.0.0.9 plc1"


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "a\nb", 'a"b', "\x7f", "\x9b31m", "<script>", "\ud800", "\u2028"]
)
def test_what_a_stranger_sends_is_only_there_escaped(path: Path, text: str) -> None:
    identity = Identity(subject=f"CN={text}")
    written(path, event(peer=Peer("10.0.0.5", role=text, identity=identity), reason=text))
    assert all(byte == 10 or 32 <= byte < 127 for byte in path.read_bytes())
    assert lines(path)[-1]["reason"] == text


def test_details_cannot_take_the_place_of_what_the_trail_says_itself(path: Path) -> None:
    (line,) = written(path, event(n=99, prev="x", hash="y", event="allow"))
    assert (line["n"], line["event"], line["n_"], line["hash_"]) == (2, "deny", 99, "y")


def test_numbers_that_json_does_not_have_are_texts(path: Path) -> None:
    (line,) = written(path, event(latency_ms=float("inf"), values=[1.5, float("nan")]))
    assert (line["latency_ms"], line["values"]) == ("inf", [1.5, "nan"])


def test_a_long_text_is_cut_and_says_so(path: Path) -> None:
    (line,) = written(path, event(reason="x" * 10_000))
    assert len(line["reason"]) < 700
    assert line["reason"].endswith("(9400 more)")


def test_what_floods_is_counted_in_one_line(path: Path) -> None:
    found = written(path, *(event(unit=1, func=6) for _ in range(100)), options=AuditOptions(flood=10))
    assert len(found) == 11
    assert (found[-1]["count"], found[-1]["suppressed"]) == (90, True)


def test_a_count_of_others_is_never_left_out(path: Path) -> None:
    counted = event(unit=1, func=6, count=1_000, suppressed=True)
    found = written(path, event(unit=1, func=6), counted, counted, options=AuditOptions(flood=1))
    assert [one.get("count") for one in found] == [None, 1_000, 1_000]


def test_a_flood_of_one_sort_leaves_the_others_alone(path: Path) -> None:
    events = [*(event(unit=1) for _ in range(50)), event(unit=2), event("policy_load")]
    found = written(path, *events, options=AuditOptions(flood=1))
    assert [(one["event"], one.get("unit")) for one in found] == [
        ("deny", 1),
        ("deny", 2),
        ("policy_load", None),
        ("deny", 1),
    ]


def test_what_is_flushed_is_there(path: Path) -> None:
    log = AuditLog(path)
    log(event("request"))
    assert log.flush()
    assert lines(path)[-1]["event"] == "request"
    assert log.metrics()["audit_lines"].value == 1
    log.close()


def test_a_denial_does_not_wait_for_the_second_to_be_over(path: Path) -> None:
    """Nothing but the event itself wakes the writer here: neither a flush nor the end."""
    log = AuditLog(path)
    log(event("deny"))
    until(lambda: len(lines(path)) == 2, "the denial in the file")
    log.close()


def test_one_event_goes_to_several_sinks() -> None:
    one: list[Event] = []
    other: list[Event] = []
    tee(one.append, other.append)(event())
    assert one == other == [event()]


def test_it_says_every_hour_on_the_other_way_where_it_stands(path: Path) -> None:
    clock = HandClock()
    told: list[Event] = []
    log = AuditLog(path, clock=clock, announce=told.append)
    log(event())
    assert log.flush()
    assert told == []
    clock.now += MARK_EVERY
    log(event())
    assert log.flush()
    log.close()
    assert [one.details["reason"] for one in told] == ["mark"]
    assert told[0].details["digest"] == lines(path)[-1]["hash"]


def test_it_warns_once_when_its_room_is_nearly_used(path: Path) -> None:
    told: list[Event] = []
    log = AuditLog(path, AuditOptions(Keeping(size=1_000, files=2), flood=0), announce=told.append)
    for unit in range(20):
        log(event(unit=unit))
        assert log.flush()
    log.close()
    assert ["80 %" in str(one.details["reason"]) for one in told] == [True]
    assert len(files_of(path)) == 2


# --- full disks, and kills ---


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 64 kilobytes."""
    if sys.platform != "linux":
        pytest.skip("needs Linux: a file system of its own in memory")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        missing("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all that is left of *disk*."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1_024, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return filler


def until_failing(log: AuditLog) -> None:
    """Events, until one does not reach the disk: what is left of the last block takes some."""

    def tried() -> bool:
        log(event(reason="x" * 500))
        log.flush(0.05)
        return log.failing

    until(tried, "a full disk")


@pytest.mark.parametrize(("on_full", "healthy"), [("open", True), ("closed", False)])
def test_a_full_disk_is_an_alarm_and_what_becomes_of_requests_is_chosen(
    small_disk: Path, on_full: Any, healthy: bool
) -> None:
    told: list[Event] = []
    options = AuditOptions(on_full=on_full, flood=0, waiting=50)
    log = AuditLog(small_disk / "audit.jsonl", options, announce=told.append)
    assert log.healthy
    filler = fill(small_disk)
    until_failing(log)
    assert log.healthy is healthy
    assert told[0].kind == "alert"
    assert "No space left on device" in str(told[0].details["reason"])
    for _ in range(100):
        log(event())
    lost = int(log.metrics()["audit_lost"].value)
    assert lost >= 50
    filler.unlink()
    until(lambda: not log.failing, "the disk to be used again")
    assert log.healthy
    log.close()
    assert verify(small_disk / "audit.jsonl").fault == ""
    again = next(one for one in lines(small_disk / "audit.jsonl") if one.get("reason") == "written again")
    assert again["lost"] == lost
    assert told[-1].details["lost"] == lost


def test_with_a_full_disk_it_begins_when_there_is_room(small_disk: Path) -> None:
    filler, told = fill(small_disk), list[Event]()
    log = AuditLog(small_disk / "new" / "audit.jsonl", announce=told.append)
    log(event())
    assert (log.failing, log.healthy) == (True, True)
    assert "No space left on device" in str(told[0].details["reason"])
    filler.unlink()
    until(lambda: not log.failing, "the disk to be used")
    log.close()
    assert verify(small_disk / "new" / "audit.jsonl").fault == ""
    assert "deny" in [one["event"] for one in lines(small_disk / "new" / "audit.jsonl")]


def test_where_requests_need_a_trail_it_does_not_begin_with_a_full_disk(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(OSError, match=r"the audit trail .*audit\.jsonl cannot be written: No space left"):
        AuditLog(small_disk / "audit.jsonl", AuditOptions(on_full="closed"))


def test_a_path_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot be written"):
        AuditLog(tmp_path / "file" / "audit.jsonl")


WRITER = """
import sys
from pathlib import Path
from mbap.security.audit import AuditLog, AuditOptions
from mbap.security.auditfile import Keeping
from mbap.security.events import Event

log = AuditLog(Path(sys.argv[1]), AuditOptions(Keeping(size=20_000, files=1_000), flood=0))
number = int(sys.argv[2])
while True:
    for _ in range(7):
        log(Event("deny", 0, None, {"unit": 1, "number": number}))
        number += 1
    assert log.flush()
    print(number, flush=True)
"""


def test_after_kill_minus_9_the_chain_holds_and_every_flushed_line_is_there(path: Path) -> None:
    number = 0
    for flushes in (1, 3, 8, 2, 15):
        arguments = [sys.executable, "-c", WRITER, str(path), str(number)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(flushes):
                number = int(process.stdout.readline())
            process.kill()
            number = max([number, *(int(line) for line in process.stdout if line.endswith("\n"))])
        assert process.returncode == (1 if sys.platform == "win32" else -signal.SIGKILL)
        AuditLog(path).close()
        found = verify(path)
        assert (found.fault, found.vouched) == ("", True)
        there = {one["number"] for one in lines(path) if "number" in one}
        assert set(range(number)) <= there
