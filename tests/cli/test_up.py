"""`mbap up` as a person runs it: a process, signals, a changed file, faults."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mbap.server.device import Device
from mbap.server.serving import serving
from mbap.sinks.base import Series
from mbap.sinks.sqlite import SqliteStore
from support.program import get_json, mbap, running, until

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

PROFILE = """\
[profile]
name = "Test device"
sources = ["made for this test", "and nothing else"]
[points.first]
table = "holding"
address = 0
type = "uint16"
group = "fast"
[points.second]
table = "holding"
address = 1
type = "uint16"
scale = 0.1
unit = "V"
group = "fast"
high = 1000
[points.switch]
table = "coil"
address = 3
"""


@pytest.fixture
def device_url() -> Iterator[str]:
    """A device that answers: registers 0 to 9 hold 100 and more, coil 3 is on."""
    device = Device(holding_registers=list(range(100, 110)), coils=[False, False, False, True])
    with serving(device, "tcp://127.0.0.1:0") as url:
        yield url


def write_site(folder: Path, url: str, more: str = "", period: str = "50ms") -> Path:
    (folder / "test.toml").write_text(PROFILE, encoding="utf-8")
    site = folder / "site.toml"
    site.write_text(
        f'[site]\nname = "Test"\n[devices.one]\nhost = "{url}"\nprofile = "./test.toml"\n'
        f'[groups.fast]\nperiod = "{period}"\n[groups.default]\nperiod = "{period}"\n'
        f'[history]\nflush = "50ms"\n[web]\nlisten = "127.0.0.1:0"\n{more}',
        encoding="utf-8",
    )
    return site


def acknowledged(page: str) -> int:
    history = get_json(f"{page}/api/v1/site")["health"]["history"]
    assert isinstance(history, dict)
    return int(history["acknowledged"])


def test_what_was_read_is_in_the_history_after_ctrl_c(tmp_path: Path, device_url: str) -> None:
    site = write_site(tmp_path, device_url)
    with running("up", str(site)) as program:
        page = program.page()
        until(lambda: acknowledged(page) > 50, "some stored values")
        begun = time.monotonic()
        assert program.end(signal.SIGINT) == 0
        assert time.monotonic() - begun < 3
    store = SqliteStore(tmp_path / "history.db", read_only=True)
    latest = store.latest()
    store.close()
    assert latest[Series("one", "first")].value == 100
    assert latest[Series("one", "second")].value == 10.1
    assert latest[Series("one", "switch")].value == 1


@posix_only
def test_sigterm_ends_it_as_well(tmp_path: Path, device_url: str) -> None:
    with running("up", str(write_site(tmp_path, device_url))) as program:
        program.page()
        assert program.end(signal.SIGTERM) == 0


def test_it_ends_by_itself_after_the_time_it_was_given(tmp_path: Path, device_url: str) -> None:
    done = mbap("up", str(write_site(tmp_path, device_url)), "--for", "1s")
    assert done.returncode == 0
    assert "everything that was read is stored" in done.stderr


def test_a_dead_device_does_not_keep_it_from_starting_or_ending(tmp_path: Path, device_url: str) -> None:
    site = write_site(tmp_path, device_url)
    dead = '[devices.dead]\nhost = "127.0.0.1:1"\nprofile = "./test.toml"\n'
    site.write_text(site.read_text(encoding="utf-8") + dead, encoding="utf-8")
    with running("up", str(site)) as program:
        page = program.page()
        until(lambda: acknowledged(page) > 20, "values of the living device")
        assert program.end() == 0


@posix_only
def test_sighup_applies_what_changed_in_the_file(tmp_path: Path, device_url: str) -> None:
    site = write_site(tmp_path, device_url)
    with running("up", str(site)) as program:
        page = program.page()
        more = f'[devices.two]\nhost = "{device_url}"\nunit = 2\nprofile = "./test.toml"\n'
        site.write_text(site.read_text(encoding="utf-8") + more, encoding="utf-8")
        program.process.send_signal(signal.SIGHUP)
        program.wait_for("site file applied: added: two")
        until(lambda: "two" in str(get_json(f"{page}/api/v1/devices")), "the new device on the page")
        assert program.end() == 0


@posix_only
def test_sighup_with_a_wrong_file_says_why_and_changes_nothing(tmp_path: Path, device_url: str) -> None:
    site = write_site(tmp_path, device_url)
    with running("up", str(site)) as program:
        page = program.page()
        site.write_text(site.read_text(encoding="utf-8").replace("profile", "profil"), encoding="utf-8")
        program.process.send_signal(signal.SIGHUP)
        program.wait_for('did you mean "profile"')
        before = acknowledged(page)
        until(lambda: acknowledged(page) > before, "polling that goes on")
        assert "was not applied" in str(get_json(f"{page}/api/v1/site")["problems"])
        assert program.end() == 0


def test_a_changed_file_is_applied_without_a_signal(tmp_path: Path, device_url: str) -> None:
    site = write_site(tmp_path, device_url)
    with running("up", str(site), "--reload-on-change") as program:
        page = program.page()
        text = site.read_text(encoding="utf-8")
        site.write_text(text.replace("profile", "profil"), encoding="utf-8")
        program.wait_for('did you mean "profile"')
        more = f'[devices.two]\nhost = "{device_url}"\nunit = 2\nprofile = "./test.toml"\n'
        site.write_text(text + more, encoding="utf-8")
        program.wait_for("site file applied: added: two")
        until(lambda: "two" in str(get_json(f"{page}/api/v1/devices")), "the new device on the page")
        program.end()


@posix_only
def test_sighup_applies_a_changed_profile(tmp_path: Path, device_url: str) -> None:
    site = write_site(tmp_path, device_url)
    with running("up", str(site)) as program:
        page = program.page()
        profile = tmp_path / "test.toml"
        profile.write_text(profile.read_text(encoding="utf-8").replace('"V"', '"kV"'), encoding="utf-8")
        program.process.send_signal(signal.SIGHUP)
        program.wait_for("site file applied: changed: one")
        until(lambda: "kV" in str(get_json(f"{page}/api/v1/points")), "the new unit on the page")
        assert program.end() == 0


@posix_only
def test_an_impatient_second_ctrl_c_does_not_cut_the_end_short(tmp_path: Path, device_url: str) -> None:
    with running("up", str(write_site(tmp_path, device_url))) as program:
        program.page()
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            program.process.send_signal(number)
        assert program.wait() == 0
        assert "everything that was read is stored" in program.said


@posix_only
def test_values_that_could_not_be_stored_at_the_end_are_said_and_the_exit_code_is_1(
    tmp_path: Path, device_url: str
) -> None:
    with running("up", str(write_site(tmp_path, device_url))) as program:
        page = program.page()
        until(lambda: acknowledged(page) > 0, "some stored values")
        with closing(sqlite3.connect(tmp_path / "history.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            program.wait_for("history stops")
            begun = time.monotonic()
            assert program.end(signal.SIGTERM) == 1
            assert time.monotonic() - begun < 4
        assert re.search(r"\d+ values could not be stored", program.said)


@posix_only
def test_every_acknowledged_value_survives_fifteen_kills(tmp_path: Path, device_url: str) -> None:
    site = write_site(tmp_path, device_url, period="10ms")
    stored = 0
    for turn in range(15):
        with running("up", str(site)) as program:
            page = program.page()
            until(lambda: acknowledged(page) > 10 + 7 * turn, "some stored values")  # noqa: B023
            promised = stored + acknowledged(page)
            program.process.kill()
        stored = check_whole(tmp_path / "history.db")
        assert stored >= promised


def check_whole(path: Path) -> int:
    """Nothing half is in the file at *path*: a block is there with all of its points. Gives the samples."""
    store = SqliteStore(path)
    first, second = (
        [sample.time for sample in store.samples(Series("one", point), 0, 2**62)]
        for point in ("first", "second")
    )
    assert first == second
    samples = store.statistics().samples
    store.close()
    return samples


def test_check_says_that_a_right_file_is_right_and_how_busy_its_lines_are(tmp_path: Path) -> None:
    done = mbap("up", "--check", str(write_site(tmp_path, "tcp://127.0.0.1:1502", period="10ms")))
    assert done.returncode == 0
    assert "is right: 1 device on 1 connection" in done.stdout
    assert "tcp://127.0.0.1:1502 would be busy" in done.stdout


def test_check_says_all_that_is_wrong_and_exits_with_2(tmp_path: Path) -> None:
    site = write_site(tmp_path, "http://127.0.0.1", more='[devices.x]\nhost = "a"\nprofile = "sdm640"\n')
    done = mbap("up", "--check", str(site))
    assert done.returncode == 2
    assert "http://" in done.stderr
    assert 'did you mean "sdm630"' in done.stderr
    assert "Traceback" not in done.stderr


def test_check_says_which_devices_have_quirks(tmp_path: Path) -> None:
    site = write_site(tmp_path, "10.0.0.5")
    text = site.read_text(encoding="utf-8")
    site.write_text(
        text.replace("[groups.fast]", "quirks = { answer_unit = 9 }\n[groups.fast]"), encoding="utf-8"
    )
    assert "quirks of one: answer-unit=9" in mbap("up", "--check", str(site)).stdout
    found = json.loads(mbap("up", "--check", "--json", str(site)).stdout)
    assert found["quirks"] == {"one": {"answer_unit": 9}}


def test_check_as_json_has_the_faults_too(tmp_path: Path) -> None:
    done = mbap("up", "--check", "--json", str(write_site(tmp_path, "http://127.0.0.1")))
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (2, False)
    assert document["faults"][0]["path"] == "devices.one.host"


def test_check_connect_says_of_a_dead_device_why_and_reads_the_others(
    tmp_path: Path, device_url: str
) -> None:
    site = write_site(tmp_path, device_url)
    dead = '[devices.dead]\nhost = "127.0.0.1:1"\nprofile = "sdm120"\n'
    site.write_text(site.read_text(encoding="utf-8") + dead, encoding="utf-8")
    done = mbap("up", "--check", "--connect", "--json", str(site))
    rows = json.loads(done.stdout)
    assert done.returncode == 1
    assert {row["why"] for row in rows if row["device"] == "dead"} == {"the connection was refused"}
    assert [row["result"] for row in rows if row["device"] == "one"] == ["pass"] * 3


def test_check_connect_shows_every_point_raw_and_scaled(tmp_path: Path, device_url: str) -> None:
    done = mbap("up", "--check", "--connect", str(write_site(tmp_path, device_url)))
    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["one", "second", "40002", "0065", "10.1", "V", "pass"] in lines
    assert "3 of 3 points passed" in done.stdout


def test_check_connect_fails_when_a_point_fails(tmp_path: Path, device_url: str) -> None:
    site = write_site(tmp_path, device_url)
    profile = tmp_path / "test.toml"
    profile.write_text(
        profile.read_text(encoding="utf-8").replace("high = 1000", "high = 5"), encoding="utf-8"
    )
    done = mbap("up", "--check", "--connect", str(site))
    assert done.returncode == 1
    assert "outside of its limits" in done.stdout


def test_a_page_open_to_others_without_a_password_is_refused(tmp_path: Path, device_url: str) -> None:
    site = write_site(tmp_path, device_url)
    text = site.read_text(encoding="utf-8").replace("127.0.0.1:0", "0.0.0.0:0")
    site.write_text(text, encoding="utf-8")
    done = mbap("up", str(site))
    assert done.returncode == 2
    assert "password" in done.stderr


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path, device_url: str) -> None:
    taken = device_url.removeprefix("tcp://")
    site = write_site(tmp_path, device_url)
    text = site.read_text(encoding="utf-8").replace('"127.0.0.1:0"', f'"{taken}"')
    site.write_text(text, encoding="utf-8")
    done = mbap("up", str(site))
    assert done.returncode == 1
    assert "is taken" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_history_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, device_url: str) -> None:
    history = tmp_path / "history.db"
    history.write_text("these are my notes, and no database at all. " * 50, encoding="utf-8")
    before = history.read_bytes()
    done = mbap("up", str(write_site(tmp_path, device_url)))
    assert done.returncode == 1
    assert "not" in done.stderr
    assert "Traceback" not in done.stderr
    assert history.read_bytes() == before


def test_two_programs_do_not_write_one_history(tmp_path: Path, device_url: str) -> None:
    site = write_site(tmp_path, device_url)
    with running("up", str(site)) as program:
        program.page()
        second = mbap("up", str(site))
        assert second.returncode == 1
        assert "history.db" in second.stderr
        assert program.end() == 0


def test_a_file_that_is_not_there_is_said_to_be_that(tmp_path: Path) -> None:
    done = mbap("up", str(tmp_path / "nothing.toml"))
    assert done.returncode == 2
    assert "cannot be read" in done.stderr


def test_check_connect_tells_which_point_of_a_refused_block_does_not_exist(
    tmp_path: Path, device_url: str
) -> None:
    site = write_site(tmp_path, device_url)
    more = '[points.absent]\ntable = "holding"\naddress = 12\ntype = "uint16"\ngroup = "fast"\n'
    (tmp_path / "test.toml").write_text(PROFILE + more, encoding="utf-8")
    done = mbap("up", "--check", "--connect", str(site))
    assert done.returncode == 1
    assert "3 of 4 points passed" in done.stdout
    assert [line.split()[1] for line in done.stdout.splitlines() if "FAIL" in line] == ["absent"]
