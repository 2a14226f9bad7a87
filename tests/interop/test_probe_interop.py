"""`mbap probe` at servers that are not ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
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


@pytest.fixture(params=["pymodbus", "libmodbus"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    if request.param == "pymodbus":
        yield foreign.python_server("pymodbus")
    else:
        yield foreign.built_with_libmodbus("libmodbus_server", tmp_path)


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
