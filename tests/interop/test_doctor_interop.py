"""Doctor, and scans of units and functions, at servers of other projects: what they say of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import mbap
from mbap.diagnose.doctor.asking import Asking
from mbap.diagnose.scan import functions, units
from support import foreign
from support.doctored import Examined, examined

pytestmark = pytest.mark.peer

SERVERS = ("libmodbus", "pymodbus", "pyModbusTCP")
HOLDING = list(range(100, 225))
TABLES = [f"{table} {n} {value}" for n, value in enumerate(HOLDING) for table in ("holding", "input")]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is compiled."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    """The name of each server in turn."""
    return str(request.param)


@pytest.fixture
def url(server: str, programs: Path, free_port: Callable[[], int]) -> Iterator[str]:
    """Where that server is."""
    is_c = server == "libmodbus"
    command = (
        foreign.built_with_libmodbus("libmodbus_server", programs) if is_c else foreign.python_server(server)
    )
    with foreign.serving(command, free_port(), TABLES) as url:
        yield url


def test_nothing_is_wrong_with_it_and_the_command_that_is_given_reads_it(url: str) -> None:
    found: Examined = examined(url, timeout=1.0)
    assert found.faults == []
    assert found.prescription.quirks == mbap.Quirks()
    assert f"mbap read {url} hr0" in found.prescription.command
    with mbap.Client(url) as client:
        assert client.read_holding_registers(0, 125) == HOLDING


def test_its_functions_are_those_that_only_read_at_least(url: str) -> None:
    asking = Asking(url, timeout=1.0, pause=0.0)
    found = {one.code for one in functions.scan(asking, 1) if one.present}
    asking.close()
    assert {3, 4} <= found


def test_its_unit_is_found(url: str) -> None:
    asking = Asking(url, timeout=1.0, pause=0.0)
    found = [unit.number for unit in units.scan(asking, [1, 2]) if unit.present]
    asking.close()
    assert 1 in found
