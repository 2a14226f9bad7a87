"""`mbap probe` at servers that are not ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mbap.values import ORDERS, Encoding
from support import foreign, peers
from support.commandline import CommandLine

pytestmark = pytest.mark.peer

VALUES = (
    ("float32", 230.61),
    ("float32", 5.317),
    ("float32", -1234.56),
    ("uint32", 1234567),
    ("int32", -512),
)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture(params=["pymodbus", "pyModbusTCP", "libmodbus"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    if request.param == "libmodbus":
        return foreign.built_with_libmodbus("libmodbus_server", tmp_path)
    return foreign.python_server(request.param)


@pytest.mark.parametrize("order", ORDERS[2])
def test_the_order_and_the_types_of_a_foreign_server_are_found(
    run: CommandLine, command: list[str], order: str
) -> None:
    words = [word for kind, value in VALUES for word in Encoding(kind, order).encode(value)]
    tables = [f"holding {100 + index} {word}" for index, word in enumerate(words)]
    with foreign.serving(command, peers.free_port(), tables) as url:
        done = run("probe", url, "hr100..109", "--samples", "2", "--every", "10ms", "--json")
    (block,) = json.loads(done.out)["blocks"]
    assert block["order"] == order
    assert [(place["type"], place["values"][-1]) for place in block["places"]] == [
        (kind, pytest.approx(value, rel=1e-6)) for kind, value in VALUES
    ]


def test_text_small_numbers_and_doubles_of_a_foreign_server_are_found(
    run: CommandLine, command: list[str]
) -> None:
    words = [2301, 2298, 2304, 4998]
    words += Encoding("string", length=6).encode("PM-3250 V1.2")
    words += Encoding("float64", "ABCD").encode(12345678.25)
    tables = [f"input {200 + index} {word}" for index, word in enumerate(words)]
    with foreign.serving(command, peers.free_port(), tables) as url:
        done = run("probe", url, "ir200..213", "--samples", "2", "--every", "10ms", "--near", "230", "--json")
    printed = json.loads(done.out)
    assert printed["read"] == [
        *(f"ir{address}:uint16,scale=0.1" for address in (200, 201, 202)),
        "ir203:uint16,scale=0.01",
        "ir204:string/6",
        "ir210:float64",
    ]
    assert printed["contradicted"] == []


def test_what_is_printed_reads_the_known_values_of_a_foreign_server(
    run: CommandLine, command: list[str]
) -> None:
    words = [word for kind, value in VALUES for word in Encoding(kind, "CDAB").encode(value)]
    tables = [f"holding {100 + index} {word}" for index, word in enumerate(words)]
    with foreign.serving(command, peers.free_port(), tables) as url:
        found = json.loads(run("probe", url, "hr100..109", "--samples", "1", "--json").out)
        read = json.loads(run("read", url, *found["read"], "--json").out)
    values = [one["value"] for item in read["items"] for one in item["values"]]
    assert values == [pytest.approx(value, rel=1e-6) for _, value in VALUES]
