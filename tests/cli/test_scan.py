"""`mbap scan`: tables, JSON and CSV, and what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import mbap
from mbap import Device
from mbap.collect.profiles import load_profile
from mbap.diagnose.scan.host import Host, Place
from support.certificates import plant
from support.commandline import CommandLine
from support.scripted import Reply, Silence, scripted

QUICK = ("--timeout", "500ms", "--pause", "1ms")
PUMP = {0: "ACME", 1: "PUMP-3", 2: "V1.2"}
REGISTERS = """\
addresses  reference  count  answer        values
hr0..2     40001          3  read          7 8 9
hr3..7     40004          5  exception 02
hr8        40009          1  read          10
hr9        40010          1  exception 02
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def url() -> Iterator[str]:
    pump = Device(holding_registers={0: [7, 8, 9], 8: [10]}, identification=PUMP)
    with mbap.serving(mbap.Units({1: pump, 5: pump}), "tcp://127.0.0.1:0") as url:
        yield url


def test_hosts_are_a_table_for_people(run: CommandLine, url: str) -> None:
    port = url.rpartition(":")[2]
    done = run("scan", "127.0.0.1-2", "--ports", port, "--timeout", "500ms")
    heads, row = done.out.splitlines()
    assert heads.split() == ["host", "port", "speaks", "units", "took", "who"]
    assert row.startswith(f"127.0.0.1  {port}  Modbus TCP  1 ")
    assert row.endswith("ACME PUMP-3 V1.2")
    assert done.err == "2 ports asked: 1 open, 1 with Modbus, 1 refused\n"
    assert done.code == 0


def test_hosts_are_json_for_programs(run: CommandLine, url: str) -> None:
    done = run("scan", "hosts", "127.0.0.1", "--ports", url.rpartition(":")[2], "--json")
    (host,) = json.loads(done.out)
    assert host["identity"] == {"1": {"vendor": "ACME", "product": "PUMP-3", "revision": "V1.2"}}
    assert (host["modbus"], host["speaks"], host["certificate"]) == (True, "Modbus TCP", None)


def test_where_nobody_was_met_it_is_said_what_finds_the_units(run: CommandLine) -> None:
    with mbap.serving(mbap.Units({9: Device()}), "tcp://127.0.0.1:0") as url:
        done = run("scan", "127.0.0.1", "--ports", url.rpartition(":")[2])
    assert f"to find the units there: mbap scan units {url}\n" in done.err


def test_several_units_of_a_host_are_told_apart_where_they_differ(run: CommandLine) -> None:
    pump, valve = (
        Device(holding_registers=[1], identification={**PUMP, 1: name}) for name in ("PUMP", "VALVE")
    )
    with mbap.serving(mbap.Units({3: pump, 4: valve}), "tcp://127.0.0.1:0") as url:
        port = url.rpartition(":")[2]
        done = run("scan", "--ports", port, "--units", "1-5", "127.0.0.1", "--timeout", "1s")
    assert "3, 4 " in done.out
    assert done.out.rstrip().endswith("3: ACME PUMP V1.2; 4: ACME VALVE V1.2")


def test_what_tls_shows_is_a_column_for_people_and_fields_for_programs(run: CommandLine) -> None:
    with mbap.serving(Device(), "tls://127.0.0.1:0", tls=plant()["server"].tls()) as url:
        words = ("scan", "127.0.0.1", "--ports", "tls:" + url.rpartition(":")[2], "--timeout", "2s")
        shown, data = run(*words), run(*words, "--json")
        holder = plant()["client"]
        ours = ("--ca", holder.ca, "--certificate", holder.chain, "--key", holder.key)
        known = run(*words, *map(str, ours))
    assert shown.code == 1
    assert "TLS, CN=server,O=Plant until 2" in shown.out
    assert "asks for a client certificate" in shown.out
    (host,) = json.loads(data.out)
    assert (host["asks_for_certificate"], host["certificate"]["subject"]) == (True, "CN=server,O=Plant")
    assert known.code == 0
    assert "Modbus/TCP Security" in known.out


def test_a_scan_that_is_stopped_prints_what_it_has(
    run: CommandLine, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stopped(*_: object) -> AsyncIterator[Host]:
        yield Host(Place("127.0.0.1", 502), modbus=True, speaks="Modbus TCP", units=(1,), seconds=0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr("mbap.diagnose.scan.hosts.scan", stopped)
    done = run("scan", "127.0.0.1-254")
    assert done.code == 130
    assert "Modbus TCP" in done.out
    assert done.err == "1 port of 254 asked: 1 open, 1 with Modbus\nstopped\n"


def test_nothing_found_is_1(run: CommandLine, free_port: object) -> None:
    assert callable(free_port)
    assert run("scan", "127.0.0.1", "--ports", str(free_port())).code == 1


@pytest.mark.parametrize(
    "words", [["8.8.8.8"], ["10.0.0.0/8"], ["nonsense"], ["127.0.0.1", "--ports", "x"], ["unit", "127.0.0.1"]]
)
def test_what_must_not_be_scanned_is_refused(run: CommandLine, words: list[str]) -> None:
    assert run("scan", *words).code == 2


def test_units_are_found(run: CommandLine, url: str) -> None:
    done = run("scan", "units", url, "--range", "0-6", *QUICK, "--csv")
    heads, *rows = done.out.splitlines()
    assert heads == "unit,answer,seconds,who"
    assert [row.split(",")[0] for row in rows] == ["1", "5"]


def test_no_unit_at_all_is_4(run: CommandLine) -> None:
    with scripted(Silence()) as server:
        assert run("scan", "units", server.url, "--range", "1-2", *QUICK).code == 4


def test_functions_are_found(run: CommandLine, url: str) -> None:
    done = run("scan", "functions", url, *QUICK, "--json")
    there = [one["function"] for one in json.loads(done.out) if one["present"]]
    assert {1, 2, 3, 4, 43} <= set(there)


def test_registers_are_a_table_of_runs_and_holes(run: CommandLine, url: str) -> None:
    done = run("scan", "registers", url, "--range", "0-9", *QUICK)
    assert done.out == REGISTERS
    assert done.code == 0


def test_a_survey_that_was_ended_goes_on_from_its_file(run: CommandLine, url: str, tmp_path: Path) -> None:
    state = tmp_path / "pump.answers"
    words = ("scan", "registers", "--range", "0-9", *QUICK, "--state", str(state))
    first = run(*words, url)
    device = url.rpartition("://")[2]
    with scripted(Silence(close=True)) as nobody:
        text = state.read_text().replace(device, nobody.url.rpartition("://")[2])
        state.write_text(text)
        again = run(*words, nobody.url)
        assert nobody.requests == []
    assert first.out == again.out == REGISTERS
    assert again.err == f"going on with the 12 answers in {state}\n{first.err}"


def test_the_answers_of_another_device_are_not_taken(run: CommandLine, url: str, tmp_path: Path) -> None:
    state = tmp_path / "pump.answers"
    state.write_text("mbap answers 1 tcp://10.0.0.1:502 5\n")
    done = run("scan", "registers", url, *QUICK, "--state", str(state))
    assert (done.code, done.out) == (2, "")
    assert f"{state} is of another device, tcp://10.0.0.1:502 unit 5" in done.err


def test_with_a_step_what_lies_between_is_unknown(run: CommandLine, url: str) -> None:
    done = run("scan", "registers", url, "--range", "0-29", "--step", "10", *QUICK)
    assert [line.split(maxsplit=3) for line in done.out.splitlines()[1:]] == [
        ["hr0..2", "40001", "3", "read                            7 8 9"],
        ["hr3..29", "40004", "27", "unknown; 3 asked: exception 02"],
    ]
    assert "3 cannot, 24 are unknown;" in done.err
    parts = json.loads(run("scan", "registers", url, "--range", "0-29", "--step", "10", *QUICK, "--json").out)
    assert [(part["first"], part["last"], part["answer"]) for part in parts[:4]] == [
        (0, 2, "read"),
        (3, 3, "exception 02"),
        (4, 9, "unknown"),
        (10, 10, "exception 02"),
    ]


def test_no_more_requests_are_made_than_allowed(run: CommandLine, url: str) -> None:
    done = run("scan", "registers", url, "--most", "5", *QUICK)
    assert "5 requests" in done.err
    assert "are unknown" in done.err


def test_registers_as_csv_have_every_value(run: CommandLine, url: str) -> None:
    done = run("scan", "registers", url, "--range", "0-9", *QUICK, "--csv")
    assert done.out == (
        "first,last,read,answer,values\n"
        "0,2,1,read,7 8 9\n3,7,0,exception 02,\n8,8,1,read,10\n9,9,0,exception 02,\n"
    )


def test_what_a_device_says_of_itself_is_no_formula_in_csv(run: CommandLine) -> None:
    evil = Device(holding_registers=[1], identification={0: "=cmd()", 1: "x", 2: "1"})
    with mbap.serving(evil, "tcp://127.0.0.1:0") as url:
        done = run("scan", "units", url, "--range", "1", *QUICK, "--csv")
    assert done.out.rstrip().endswith(",'=cmd() x 1")


def test_a_draft_profile_is_written(run: CommandLine, url: str, tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    run("scan", "registers", url, "--range", "0-9", *QUICK, "--to-profile", str(path))
    assert [point.name for point in load_profile(path).points] == ["hr0", "hr1", "hr2", "hr8"]


def test_a_device_that_falls_silent_says_how_to_go_on(run: CommandLine, tmp_path: Path) -> None:
    state = tmp_path / "plc.answers"
    with scripted(Reply(), Silence()) as server:
        done = run("scan", "registers", server.url, *QUICK, "--state", str(state))
    assert done.code == 4
    assert done.out.splitlines()[1].startswith("hr0..124 ")
    assert f"goes on from {state}" in done.err


@pytest.mark.parametrize("span", ["9-0", "0-70000", "x", "1-", ""])
def test_a_range_that_is_none_is_a_sentence(run: CommandLine, url: str, span: str) -> None:
    assert run("scan", "registers", url, "--range", span).code == 2


def test_probing_what_is_not_there_says_what_finds_the_rest(run: CommandLine, url: str) -> None:
    done = run("probe", url, "hr0..20")
    assert done.code == 5
    assert f"mbap scan registers {url} --table holding finds those that do" in done.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("scan", "127.0.0.1:1502"), "a port is said so: 127.0.0.1 --ports 1502"),
        (("scan", "tcp://127.0.0.1"), "write mbap scan units tcp://127.0.0.1"),
        (("scan", "/dev/ttyUSB0"), "write mbap scan units rtu:///dev/ttyUSB0"),
        (("scan", "127.0.0.1", "--ca", "ca.pem"), "--ca goes with a port that has TLS"),
        (("scan", "127.0.0.1", "--json", "--csv"), "either --json or --csv"),
        (("read", "127.0.0.1", "hr0", "--json", "--csv"), "either --json or --csv"),
        (("scan", "registers", "127.0.0.1", "--largest", "126"), "a read gives 125 registers at most"),
        (("scan", "registers", "127.0.0.1", "--to-profile", "no/x.toml"), "there is no folder no"),
        (
            ("scan", "registers", "127.0.0.1", "--to-profile", "ca.pem"),
            "ca.pem is there already; --overwrite",
        ),
        (("probe", "127.0.0.1", "hr0", "--to-profile", "ca.pem"), "ca.pem is there already; --overwrite"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_asked(
    run: CommandLine, words: tuple[str, ...], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.pem").write_text("mine")
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err
    assert (tmp_path / "ca.pem").read_text() == "mine"


def test_a_profile_that_finds_no_room_is_one_sentence(run: CommandLine, url: str) -> None:
    done = run("scan", "registers", url, "--range", "0-1", *QUICK, "--to-profile", "/dev/full", "--overwrite")
    assert (done.code, done.err.splitlines()[-1]) == (1, "error: /dev/full: No space left on device")


@pytest.mark.parametrize(
    ("step", "code", "why"),
    [
        (Silence(), 4, "no answer within"),
        (Reply(raw=b"SSH-2.0-x\r\n", close=True), 6, "an SSH server answers there"),
        (Reply(unit=17), 6, "17"),
        (Reply(pdu=lambda pdu: bytes((pdu[0] | 0x80, 11))), 5, "exception 0B"),
    ],
)
@pytest.mark.parametrize("what", ["units", "functions"])
def test_where_nobody_answers_it_is_said_what_came(
    run: CommandLine, what: str, step: Reply | Silence, code: int, why: str
) -> None:
    span = ("--range", "1-2") if what == "units" else ()
    with scripted(step) as server:
        done = run("scan", what, server.url, *span, "--pause", "0s", "--timeout", "100ms")
        assert len(server.requests) == (2 if what == "units" else 4)
    error, further = done.err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert why in error
    assert further == f"mbap doctor {server.url} finds out more"
    assert done.code == code


def test_a_device_that_has_no_function_at_all_refuses(run: CommandLine) -> None:
    with scripted(Reply(pdu=lambda pdu: bytes((pdu[0] | 0x80, 1)))) as server:
        done = run("scan", "functions", server.url, "--pause", "0s")
    assert (done.code, done.err) == (5, "12 asked, 0 there\n")
