"""What the commands that talk to devices print at 80 and at 120 columns, where all is well and where not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mbap
from mbap import Device, Units
from support.commandline import Outcome
from support.console import CLOCK, DURATION, PORT, WIDTHS, Console, Mask, compare, masked, transcript

ANY = "--listen tcp://127.0.0.1:0"
NOBODY = "127.0.0.1:9"
EXAMPLES = Path(__file__).parents[2] / "examples"
RATE: Mask = (r"(?m)^(rate +)[\d,]+ ", r"\1N ")
DEMO_PORT: Mask = (r"(?m)^(device: +tcp://127\.0\.0\.1:)\S+ +", r"\1PORT  ")
DEMO_FOLDER: Mask = (r"\S+mbap-demo-\w+", "FOLDER")
NUMBERS: Mask = (r'(?<=": )[\d.]+', "N")
TRANSACTION: Mask = (r"(?m)^(?:\[..\]\[..\](?=\[)|<..><..>(?=<))", "TTTTTTTT")
LOGGED: Mask = (r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", "DATE TIME ")

SITE = """\
[site]
name = "Test"
[devices.one]
host = "{url}"
profile = "./test.toml"
[web]
enabled = false
"""
AWAY = """\
[devices.away]
host = "tcp://127.0.0.1:9"
profile = "./test.toml"
"""
PROFILE = """\
[profile]
name = "Test device"
sources = ["made for this test", "and nothing else"]
[points.first]
table = "holding"
address = 0
type = "uint16"
[points.second]
table = "holding"
address = 1
type = "uint16"
scale = 0.1
unit = "V"
high = 1000
"""
RULES = """\
HOST hmi=127.0.0.0/8
ALLOW SRC=hmi FC=3 REG=0-9
DENY FC=8 LOG=YES
"""

CASES: list[tuple[str, str]] = [
    ("read", "read DEVICE hr0..3 40005:float32 hr20:string/3 co0..1"),
    ("read-every", "read DEVICE hr0 --every 10ms --times 2"),
    ("read-exception", "read DEVICE hr0 hr5000"),
    ("read-no-unit", "read DEVICE hr0 --unit 9 --retries 0"),
    ("read-refused", f"read {NOBODY} hr0"),
    ("read-wrong-item", "read DEVICE foo"),
    ("read-no-item", "read DEVICE"),
    ("read-wrong-option", "read DEVICE hr0 --tineout 5s"),
    ("write", "write DEVICE hr10=5 hr11=0x1F co3=on"),
    ("write-exception", "write DEVICE hr5000=1"),
    ("write-no-verify", "write DEVICE hr10=5 --no-verify"),
    ("write-out-of-range", "write DEVICE hr0=70000"),
    ("write-read-only", "write DEVICE ir0=1"),
    ("bench", "bench DEVICE --requests 20"),
    ("bench-refused", f"bench {NOBODY}"),
    ("serve", f"serve {ANY} --for 50ms"),
    ("serve-file", f"serve {ANY} --for 50ms plc.toml"),
    ("serve-taken", "serve --listen DEVICE"),
    ("serve-no-file", "serve nothing.toml"),
    ("gateway", f"gateway {ANY} --route 1-2=DEVICE --for 50ms"),
    ("gateway-check", "gateway --check --route 1-2=DEVICE --route 3-20=rtu:///dev/ttyUSB0"),
    ("gateway-no-route", "gateway"),
    ("gateway-wrong-route", "gateway --route 1-300=DEVICE"),
    ("proxy", f"proxy DEVICE {ANY} --for 50ms"),
    ("proxy-itself", "proxy tcp://127.0.0.1:1502"),
    ("guard", f"guard --to DEVICE {ANY} --for 50ms"),
    ("guard-policy", f"guard --to DEVICE {ANY} --policy plant.rules --for 50ms"),
    ("guard-check", "guard --to DEVICE --policy plant.rules --check"),
    ("guard-nothing", "guard"),
    ("guard-no-policy", "guard --to DEVICE --policy nothing.toml"),
    ("record", f"record {ANY} --for 50ms DEVICE trace.jsonl --overwrite"),
    ("record-there", f"record {ANY} --for 50ms DEVICE test.toml"),
    ("sniff-no-line", "sniff DEVICE"),
    ("up-connect", "up --check --connect site.toml"),
    ("up", "up --for 300ms well.toml"),
    ("up-nothing", "up nothing.toml"),
    ("nothing", "nothing"),
]
DATA: list[tuple[str, str]] = [
    ("poll", "poll -1 -p NUMBER -c 3 127.0.0.1"),
    ("poll-float", "poll -m tcp -1 -p NUMBER -t 4:float -B -r 5 127.0.0.1"),
    ("poll-verbose", "poll -1 -v -p NUMBER -a 1,2 127.0.0.1"),
    ("poll-write", "poll -p NUMBER -r 11 127.0.0.1 7 8"),
    ("poll-report", "poll -u -p NUMBER 127.0.0.1"),
    ("poll-exception", "poll -1 -q -p NUMBER -r 5000 127.0.0.1"),
    ("poll-refused", "poll -1 -p 9 127.0.0.1"),
    ("poll-not-here", "poll -S 127.0.0.1"),
    ("read-json", "read DEVICE hr0..1 hr5000 --json"),
    ("read-csv", "read DEVICE hr0..1 co0 --csv"),
    ("write-json", "write DEVICE hr10=5 --json"),
    ("demo", "demo --for 300ms --no-browser --port 0"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where a device of two units answers."""
    text = b"Pump 7".ljust(6)
    words = [int.from_bytes(text[at : at + 2], "big") for at in range(0, 6, 2)]
    registers = {0: [20, 0xFFFF, 0x8000, 3, 0x3FC0, 0], 10: [1, 2, 3], 20: words}
    one = Device(holding_registers=registers, coils=[True, False, False, True], server_id=b"\x11\xffMeter 7")
    with mbap.serving(Units({1: one, 2: Device(holding_registers=[7])}), "tcp://127.0.0.1:0") as url:
        yield url


@pytest.fixture
def place(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands run."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "test.toml": PROFILE,
        "site.toml": SITE.format(url=url) + AWAY,
        "well.toml": SITE.format(url=url),
        "plant.rules": RULES,
        "plc.toml": (EXAMPLES / "plc.toml").read_text(encoding="utf-8"),
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def words(command: str, url: str) -> list[str]:
    return command.replace("DEVICE", url).replace("NUMBER", url.rsplit(":", 1)[1]).split()


MASKS = [TRANSACTION, DEMO_FOLDER, PORT, (r"(?<=(?:-p|rt) )\d{5}\b", "PPPPP"), CLOCK, RATE, LOGGED]


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "command"), CASES, ids=[name for name, _ in CASES])
def test_what_is_printed_is_as_before_and_fits(
    console: Console, url: str, name: str, command: str, width: int
) -> None:
    timed = [DURATION] if name == "bench" else []
    console.same(name, width, *words(command, url), masks=[*MASKS, *timed])


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "command"), DATA, ids=[name for name, _ in DATA])
def test_what_is_for_programs_is_as_before(
    console: Console, url: str, name: str, command: str, width: int
) -> None:
    counted = [NUMBERS, DEMO_PORT] if name == "demo" else []
    console.same(name, width, *words(command, url), masks=[*MASKS, *counted], data=True)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("name", "command"),
    [("serve-stopped", f"serve {ANY}"), ("poll-stopped", "poll -l 10000 -p NUMBER 127.0.0.1")],
)
def test_what_ctrl_c_says_is_as_before(url: str, name: str, command: str, width: int) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "mbap", *words(command, url)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": str(width), "PYTHONUNBUFFERED": "1"},
    )
    assert program.stdout is not None
    first = ""
    while not first.endswith(("stop with Ctrl-C\n", "  Ctrl-C\n", "[1]: \t20\n")):
        first += (line := program.stdout.readline())
        assert line, first
    program.send_signal(signal.SIGINT)
    rest, said = program.communicate(timeout=30)
    done = Outcome(program.returncode, first + rest, said)
    found = transcript(words(command, url), done, MASKS)
    compare(name, width, found, fits=None if "poll" in name else masked(done.out, MASKS))
