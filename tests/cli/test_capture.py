"""`mbap capture`: what it prints of captures, live and broken ones too, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.cli import captureinput
from mbap.cli.capturerows import cell
from mbap.cli.progress import Tell
from mbap.server.devicefile import parse_device_file
from support.commandline import CommandLine, Outcome
from support.packets import Talk, ethernet, pcap, pcapng, tcp
from support.recorded import NAMES
from support.tshark import dissected

SNAPSHOTS = Path(__file__).with_name("snapshots")
WRITE_CODES = (5, 6, 15, 16, 21, 22, 23)

READ, VALUES = "0007 0000 0006 01 03 006b 0002", "0007 0000 0007 01 03 04 0003 0009"
WRITE = "0008 0000 0006 01 06 006b 0005"
BAD, REFUSED = "0009 0000 0006 01 03 1000 0001", "0009 0000 0003 01 83 02"


@pytest.fixture
def mbap(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.delenv("COLUMNS", raising=False)
    return CommandLine(capsys, monkeypatch)


def talk() -> Talk:
    return Talk().open().asks(READ).answers(VALUES).asks(WRITE).answers(WRITE).asks(BAD).answers(REFUSED)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "plant.pcap"
    path.write_bytes(pcap(talk().packets))
    return str(path)


def test_each_exchange_is_a_line(mbap: CommandLine, file: str) -> None:
    assert mbap("capture", file) == Outcome(
        0,
        "1970-01-01 UTC\n"
        "00:00:01.002  10.0.0.5 -> 10.0.0.9  unit 1    read hr107..108: 3 9  1.0 ms\n"
        "00:00:01.004  10.0.0.5 -> 10.0.0.9  unit 1    write hr107 = 5: done  1.0 ms\n"
        "00:00:01.006  10.0.0.5 -> 10.0.0.9  unit 1    read hr4096: exception 02, illegal data address"
        "  1.0 ms\n",
        "3 exchanges in 8 packets\n",
    )


def test_a_line_that_is_too_long_for_the_console_goes_on_below(
    mbap: CommandLine, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    assert mbap("capture", file, "exception").out == (
        "1970-01-01 UTC\n"
        "00:00:01.006  10.0.0.5 -> 10.0.0.9  unit 1    read hr4096: exception 02,\n"
        "              illegal data address  1.0 ms\n"
    )


def test_a_filter_may_come_as_words_behind_the_file(mbap: CommandLine, file: str) -> None:
    out = mbap("capture", file, "write", "or", "exception == 2").out
    assert [line.split("unit 1    ")[1][:5] for line in out.splitlines()[1:]] == ["write", "read "]


def test_the_option_and_the_words_must_both_fit(mbap: CommandLine, file: str) -> None:
    assert mbap("capture", "-f", "read || write", file, "write").out.count("unit") == 1


def test_what_a_filter_means_otherwise_than_wireshark_is_said(mbap: CommandLine, file: str) -> None:
    assert "note: " in mbap("capture", file, "frame.time_delta > 1").err


def test_a_wrong_filter_is_a_usage_error(mbap: CommandLine, file: str) -> None:
    outcome = mbap("capture", file, "modbus.funk_code == 3")
    assert outcome.code == 2
    assert "did you mean modbus.func_code?" in outcome.err


def test_standard_input_is_read(mbap: CommandLine) -> None:
    assert mbap("capture", "-", given=pcap(talk().packets)).out.count("unit") == 3


def test_a_write_shows_what_was_there_before(mbap: CommandLine, file: str) -> None:
    assert mbap("capture", "--writes", file).out.splitlines()[1:] == [
        "00:00:01.004  10.0.0.5 -> 10.0.0.9  unit 1    hr107: 3 -> 5"
    ]


def test_a_broken_file_gives_what_is_whole_a_sentence_and_code_1(mbap: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(talk().packets)[:-3])
    outcome = mbap("capture", str(path))
    assert outcome.code == 1
    assert outcome.out.count("unit") == 3
    assert f"error: {path}: the file ends within a packet, after 7 whole packets" in outcome.err


@pytest.mark.parametrize(
    "options",
    [["--json"], ["--csv"], ["--timeline"], ["--stats"], ["--writes"], ["--to-policy", "p.toml"], []],
)
def test_a_time_beyond_all_years_is_survived(
    mbap: CommandLine, tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "late.pcapng"
    path.write_bytes(pcapng(talk().packets, ticks=2**62))
    assert mbap("capture", *options, str(path)).code == 0


def test_one_of_what_went_wrong_is_told_as_one(mbap: CommandLine, tmp_path: Path) -> None:
    path, broken = tmp_path / "gap.pcap", talk()
    del broken.packets[3]
    broken.packets.append(broken.packets[2])
    path.write_bytes(pcap(broken.packets))
    err = mbap("capture", str(path)).err
    assert "1 gap where packets are missing" in err
    assert "1 TCP segment sent again" in err


def test_a_file_that_is_not_there_is_one_sentence(mbap: CommandLine) -> None:
    outcome = mbap("capture", "nowhere.pcap")
    assert (outcome.code, outcome.err) == (
        1,
        "error: nowhere.pcap cannot be read: No such file or directory\n",
    )


def test_packets_that_were_captured_in_part_are_said(mbap: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(talk().packets, snap=60))
    assert (
        "6 packets captured in part only (tcpdump takes all of them with -s 0)"
        in mbap("capture", str(path)).err
    )


def test_json_is_an_object_a_line(mbap: CommandLine, file: str) -> None:
    rows = [json.loads(line) for line in mbap("capture", "--json", file).out.splitlines()]
    assert [(row["address"], row["exception"], row["said"]) for row in rows] == [
        (107, None, "3 9"),
        (107, None, "done"),
        (4096, 2, "exception 02, illegal data address"),
    ]


def test_csv_has_the_same_columns_in_every_row(mbap: CommandLine, file: str) -> None:
    heads, *rows = csv.reader(io.StringIO(mbap("capture", "--csv", file).out))
    assert {len(row) for row in rows} == {len(heads)}
    assert dict(zip(heads, rows[0], strict=True))["what"] == "read hr107..108"


def test_csv_of_statistics_has_a_row_a_block(mbap: CommandLine, tmp_path: Path) -> None:
    heads, *rows = csv.reader(io.StringIO(mbap("capture", "--stats", "--csv", busy(tmp_path)).out))
    found = [dict(zip(heads, row, strict=True)) for row in rows]
    assert [(one["what"], one["requests"], one["exceptions"], one["writes"]) for one in found] == [
        ("read hr0..3", "6", "0", "0"),
        ("read ir0", "2", "0", "0"),
        ("write hr107", "1", "0", "1"),
        ("read hr4096", "1", "1", "0"),
    ]
    assert found[0]["client"] == "10.0.0.5"
    assert float(found[0]["period_ms"]) > 0


def test_csv_of_a_timeline_has_a_row_a_stretch_of_time(mbap: CommandLine, tmp_path: Path) -> None:
    heads, *rows = csv.reader(io.StringIO(mbap("capture", "--timeline", "--csv", busy(tmp_path)).out))
    assert heads == ["time", "exchanges", "writes", "exceptions", "unanswered"]
    assert sum(int(row[1]) for row in rows) == 10


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--csv", "--json"], "--csv and --json do not go together"),
        (["--csv", "--stats", "--timeline"], "CSV is one table"),
        (["--csv", "--stats", "--writes"], "CSV is one table"),
        (["--slow", "2s"], "give --stats too"),
        (["--overwrite"], "--overwrite goes with --to-device"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    mbap: CommandLine, file: str, options: list[str], says: str
) -> None:
    outcome = mbap("capture", file, *options)
    assert outcome.code == 2
    assert says in outcome.err


@pytest.mark.parametrize(("option", "lines"), [("--json", 3), ("--csv", 4)])
def test_a_file_that_is_made_does_not_keep_the_list_from_being_printed(
    mbap: CommandLine, file: str, tmp_path: Path, option: str, lines: int
) -> None:
    out = mbap("capture", file, option, "--to-device", str(tmp_path / "twin.toml")).out
    assert len(out.splitlines()) == lines


def busy(tmp_path: Path) -> str:
    """Two clients of a server: polling, a write, an exception, silence, and what is sent again."""
    one, other = Talk(), Talk(hosts=("192.168.100.200", "10.0.0.9"), client_port=50_000)
    packets: list[bytes] = []
    for number in range(6):
        one.packets.clear()
        one.asks(f"{number:04x} 0000 0006 01 03 0000 0004")
        one.answers(f"{number:04x} 0000 000b 01 03 08 0001 0002 0003 {number:04x}")
        packets += one.packets
    other.asks(WRITE).answers(WRITE).asks(BAD).answers(REFUSED)
    other.asks("0010 0000 0006 07 04 0000 0001").asks("0010 0000 0006 07 04 0000 0001")
    path = tmp_path / "busy.pcap"
    path.write_bytes(pcap([*packets, *other.packets]))
    return str(path)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("option", ["", "--stats", "--timeline", "--writes"])
def test_what_is_printed_is_as_before(
    mbap: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = mbap("capture", *([option] if option else []), busy(tmp_path)).out
    expected = SNAPSHOTS / f"capture{option}-{width}.txt"
    if os.environ.get("MBAP_UPDATE_SNAPSHOTS") == "1":
        expected.write_text(out, encoding="utf-8")
    assert out == expected.read_text(encoding="utf-8")
    assert max(map(len, out.splitlines())) <= width
    assert "\x1b" not in out


def test_a_block_that_is_too_long_for_its_column_goes_on_below(
    mbap: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    path = tmp_path / "id.pcap"
    path.write_bytes(pcap(Talk().open().asks("0001 0000 0005 01 2b 0e 01 00").packets))
    blocks = mbap("capture", "--stats", str(path)).out.split("\n\n")[3]
    assert blocks.splitlines()[:3] == [
        "block                    unit  asked  period  mean  client -> server",
        "read device                 1      1       -     -  10.0.0.5 -> 10.0.0.9",
        "  identification, basic",
    ]


def test_the_bar_is_gone_before_anything_is_printed(
    mbap: CommandLine, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def bar(_: str) -> Iterator[Tell]:
        yield lambda share: None
        print("the bar is gone")

    monkeypatch.setattr(captureinput, "progress", bar)
    assert mbap("capture", "--stats", file).out.startswith("the bar is gone\n3 requests from")
    assert "the bar" not in mbap("capture", file).out  # a list shows by itself how far it is


def test_several_reports_come_from_one_pass(mbap: CommandLine, tmp_path: Path) -> None:
    out = mbap("capture", "--stats", "--timeline", "--writes", "--json", busy(tmp_path)).out
    writes, stats, timeline = [json.loads(line) for line in out.splitlines()]
    assert (writes["old"], writes["new"]) == ([None], [5])
    assert stats["stats"]["requests"] == 10
    assert sum(row["exchanges"] for row in timeline["timeline"]["rows"]) == 10


def test_only_so_many_exchanges_are_taken(mbap: CommandLine, file: str) -> None:
    assert mbap("capture", "-c", "2", file).out.count("unit 1") == 2


def test_servers_on_other_ports_are_named(mbap: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "other.pcap"
    path.write_bytes(pcap([ethernet(tcp(bytes.fromhex(READ), ports=(40_000, 1502)))]))
    nothing = mbap("capture", str(path))
    assert nothing.out == ""
    assert "1 packet of what looks like Modbus on port 1502: -p 1502 reads that" in nothing.err
    assert "10.0.0.5 -> 10.0.0.9:1502" in mbap("capture", "-p", "1502", str(path)).out


@pytest.mark.parametrize("begin", ["=", "+", "-", "@"])
def test_h154_a_cell_that_a_spreadsheet_would_take_for_a_formula_is_quoted(begin: str) -> None:
    assert cell(f"{begin}HYPERLINK(1)") == f"'{begin}HYPERLINK(1)"
    assert cell(f"a{begin}") == f"a{begin}"


def test_tls_is_said_to_be_unreadable(mbap: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "secure.pcap"
    path.write_bytes(pcap([ethernet(tcp(b"\x17\x03\x03\0\x02..", ports=(40_000, 802)))]))
    assert "1 packet of TLS: what is in them cannot be read here" in mbap("capture", str(path)).err


def test_a_device_a_profile_and_a_policy_come_from_one_pass(
    mbap: CommandLine, file: str, tmp_path: Path
) -> None:
    paths = {name: str(tmp_path / f"{name}.toml") for name in ("device", "profile", "policy")}
    options = [word for name, path in paths.items() for word in (f"--to-{name}", path)]
    outcome = mbap("capture", file, *options)
    assert (outcome.code, outcome.out) == (0, "")
    assert parse_device_file(Path(paths["device"]).read_text(encoding="utf-8")).units[1].values[
        Table.HOLDING_REGISTERS
    ] == {107: [3, 9]}
    assert mbap("profile", "check", paths["profile"]).code == 0
    assert "2 rules, 1 warning" in mbap("policy", "check", paths["policy"]).out  # none is enabled
    again = mbap("capture", file, "--to-device", paths["device"])
    assert again.code == 2
    assert "--overwrite writes it anew" in again.err
    assert mbap("capture", file, "--to-device", paths["device"], "--overwrite").code == 0


def test_a_file_that_cannot_be_made_leaves_the_others(mbap: CommandLine, tmp_path: Path) -> None:
    path, profile = tmp_path / "nothing.pcap", tmp_path / "p.toml"
    path.write_bytes(pcap([]))
    outcome = mbap("capture", "--stats", "--to-profile", str(profile), str(path))
    assert outcome.code == 1
    assert outcome.out == "no Modbus was seen\n"
    assert "error: no read was answered" in outcome.err
    assert not profile.exists()


@given(st.binary(max_size=300), st.sampled_from([b"", b"{", b"\xd4\xc3\xb2\xa1" + bytes(20)]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_survived(mbap: CommandLine, begin: bytes, data: bytes) -> None:
    outcome = mbap("capture", "--stats", "--timeline", "-", given=begin + data)
    assert outcome.code in (0, 1)
    assert "Traceback" not in outcome.err


@pytest.mark.peer
@pytest.mark.parametrize("name", NAMES)
def test_exceptions_and_writes_are_counted_as_tshark_counts_them(
    mbap: CommandLine, captures: Path, peer: Callable[..., str], name: str
) -> None:
    peer("tshark")
    frames = dissected(captures / name, ("tcp.dstport", "modbus.func_code", "modbus.exception_code"))
    asked = Counter(
        int(code)
        for frame in frames
        if frame["tcp.dstport"] == "502"
        for code in frame["modbus.func_code"].split(",")
        if code
    )
    exceptions = Counter(
        int(code) for frame in frames for code in frame["modbus.exception_code"].split(",") if code
    )
    stats = json.loads(mbap("capture", "--stats", "--json", str(captures / name)).out)["stats"]
    assert {row["function"]: row["requests"] for row in stats["functions"] if row["requests"]} == asked
    assert {int(code): count for code, count in stats["exceptions"].items()} == exceptions
    writes = mbap("capture", "--writes", "--json", str(captures / name)).out
    found = Counter(json.loads(line)["function"] for line in writes.splitlines())
    del found[8]  # some diagnostics change a device, too, and others do not
    assert found == {code: count for code, count in asked.items() if code in WRITE_CODES}
