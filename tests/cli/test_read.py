"""`mbap read`."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

import mbap
from mbap import Device, Units
from support.commandline import CommandLine
from support.peers import free_port
from support.scripted import Reply, Silence, scripted


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def url() -> Iterator[str]:
    registers = list(range(1000))
    registers[107:109] = [0x3FC0, 0]
    registers[200:203] = [0x5075, 0x6D70, 0x2037]
    device = Device(holding_registers=registers, input_registers=range(10), coils=[True, False] * 8)
    with mbap.serving(Units({1: device, 5: device})) as url:
        yield url


def test_values_are_printed_with_reference_and_address(run: CommandLine, url: str) -> None:
    done = run("read", url, "40108:float32", "hr10..11", "co0", "hr3.1", "hr200:string/3", "--unit", "5")
    assert done.out.splitlines() == [
        "reference  address  value",
        "40108      hr107    1.5",
        "40011      hr10     10",
        "40012      hr11     11",
        "00001      co0      on",
        "40004      hr3.1    on",
        "40201      hr200    Pump 7",
    ]
    assert (done.code, done.err) == (0, "")


def test_a_bare_host_will_do(run: CommandLine, url: str) -> None:
    assert run("read", url.removeprefix("tcp://"), "hr1").code == 0


def test_the_order_holds_for_items_that_name_none(run: CommandLine, url: str) -> None:
    done = run("read", url, "40108:uint32", "40108:uint32,ABCD", "--order", "CDAB")
    assert [line.split()[-1] for line in done.out.splitlines()[1:]] == [str(0x3FC0), str(0x3FC00000)]


def test_json_is_one_object_with_everything(run: CommandLine, url: str) -> None:
    found = json.loads(run("read", url, "40108:float32", "co0..1", "--json").out)
    assert found["unit"] == 1
    assert found["items"] == [
        {
            "item": "40108:float32",
            "type": "float32",
            "values": [{"reference": "40108", "address": "hr107", "value": 1.5}],
        },
        {
            "item": "co0..1",
            "type": "bool",
            "values": [
                {"reference": "00001", "address": "co0", "value": True},
                {"reference": "00002", "address": "co1", "value": False},
            ],
        },
    ]


def test_csv_is_one_line_a_value(run: CommandLine, url: str) -> None:
    rows = list(csv.DictReader(io.StringIO(run("read", url, "hr10", "co0", "--csv").out)))
    assert [(row["reference"], row["type"], row["value"]) for row in rows] == [
        ("40011", "uint16", "10"),
        ("00001", "bool", "1"),
    ]


def test_again_and_again_prints_a_time_with_each_reading(run: CommandLine, url: str) -> None:
    done = run("read", url, "hr10", "--every", "10ms", "--times", "3")
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[1::3]] == ["reference"] * 3
    assert all(line.endswith("Z") for line in lines[::3])


def test_what_the_device_refuses_is_said_and_the_rest_is_read(run: CommandLine, url: str) -> None:
    done = run("read", url, "hr999:float32", "hr1")
    assert done.out.splitlines()[1:] == ["40002      hr1      1"]
    assert done.err.startswith("error: tcp://127.0.0.1:")
    assert "holding registers 999 to 1000 (references 41000 to 41001)" in done.err
    assert done.code == 5


def test_an_item_that_failed_says_so_in_json(run: CommandLine, url: str) -> None:
    items = json.loads(run("read", url, "hr999:float32", "hr1", "--json").out)["items"]
    assert "exception 02" in items[0]["error"]
    assert items[1]["values"][0]["value"] == 1


def test_when_nobody_answers_the_rest_is_not_tried(run: CommandLine) -> None:
    with scripted(Silence()) as server:
        done = run("read", server.url, "hr0", "hr1", "--timeout", "100ms", "--retries", "1")
        assert len(server.requests) == 2
    assert done.code == 4
    assert done.err.count("error:") == 1
    assert "no unit was given, so 1 was assumed: try unit 255, then 0" in done.err


def test_a_read_is_repeated_three_times_unless_told(run: CommandLine) -> None:
    with scripted(Silence(), Silence(), Silence(), Reply()) as server:
        assert run("read", server.url, "hr0", "--timeout", "50ms").code == 0


def test_rubbish_is_a_protocol_error(run: CommandLine) -> None:
    with scripted(Reply(before=b"SSH-2.0-x\r\n")) as server:
        done = run("read", server.url, "hr0", "--retries", "0")
    assert done.code == 6
    assert "Traceback" not in done.err


def test_a_closed_port_is_exit_3(run: CommandLine) -> None:
    done = run("read", f"127.0.0.1:{free_port()}", "hr0")
    assert done.code == 3
    assert "the connection was refused" in done.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("plc", "40000"), "40000"),
        (("plc", "hr0:flot32"), "did you mean float32"),
        (("http://plc", "hr0"), "not a kind of connection"),
        (("plc", "hr0", "--timeout", "5"), "'5' has no unit of time: write 5s"),
        (("plc", "hr0", "--timeout", "0s"), "no time at all"),
        (("plc", "hr0", "--unit", "256"), "256"),
        (("plc", "hr0", "--times", "2"), "--times goes with --every"),
        (("plc", "hr0", "--order", "XY"), "no order"),
        (("plc",), "ITEM"),
    ],
)
def test_what_is_not_understood_is_a_sentence_and_exit_2(
    run: CommandLine, arguments: tuple[str, ...], complaint: str
) -> None:
    done = run("read", *arguments)
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


def test_it_starts_without_what_it_does_not_need(url: str) -> None:
    script = (
        "import sys\nfrom mbap.cli.main import main\ntry:\n    main()\nfinally:\n    "
        "print({'asyncio', 'ssl', 'rich', 'pydantic', 'concurrent.futures'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", script, "read", url, "hr1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
