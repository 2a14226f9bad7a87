"""The page about coming from other libraries is right: each of their calls does what ours beside it does.

A row of its tables is a test where the first thing in both columns is a call of a client. Both are carried
out, each against a device of its own; the devices must then be the same, and so must the results where ours
has one.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

import mbap
from support.documents import ROOT
from support.peers import require_module
from support.scripted import Reply, Silence, scripted

PAGE = (ROOT / "docs" / "howto" / "coming-from-other-libraries.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`]+)`")
CALL = re.compile(r"[a-z][\w.]*\(.*")
READ = re.compile(r'plc\.read\("([^"]+)"\)')
HERE = "127.0.0.1"

Names = dict[str, Any]
"""What the calls of a library's rows may name."""


@dataclass(frozen=True)
class Library:
    """A heading of the page, how its client is made, and how many rows of calls it has at the least."""

    heading: str
    scheme: str
    opened: Callable[[int], AbstractContextManager[Names]]
    rows: int


def methods(client: object, *modules: object) -> Names:
    """The names of *client*'s methods and of what is in *modules*."""
    return {name: getattr(thing, name) for thing in (*modules, client) for name in dir(thing)}


@contextmanager
def pymodbus(port: int) -> Iterator[Names]:
    client = require_module("pymodbus.client").ModbusTcpClient(HERE, port=port)
    assert client.connect()
    with closing(client):
        yield methods(client)


@contextmanager
def pymodbustcp(port: int) -> Iterator[Names]:
    utils = require_module("pyModbusTCP.utils")
    client = require_module("pyModbusTCP.client").ModbusClient(host=HERE, port=port)
    with closing(client):
        yield {**methods(client), "utils": utils}


@contextmanager
def minimalmodbus(port: int) -> Iterator[Names]:
    """On a stream that pyserial takes for a port."""
    module = pytest.importorskip("minimalmodbus", reason="needs the Python package minimalmodbus")
    with pytest.importorskip("serial").serial_for_url(f"socket://{HERE}:{port}") as line:
        instrument = module.Instrument(line, 1)
        instrument.serial.timeout = 5.0
        yield methods(instrument, module)


@contextmanager
def umodbus(port: int) -> Iterator[Names]:
    require_module("umodbus").conf.SIGNED_VALUES = False
    with socket.create_connection((HERE, port)) as sock:
        yield {"tcp": require_module("umodbus.client.tcp"), "sock": sock}


@contextmanager
def modbus_tk(port: int) -> Iterator[Names]:
    tcp = pytest.importorskip("modbus_tk.modbus_tcp", reason="needs the Python package modbus-tk")
    master = tcp.TcpMaster(HERE, port)
    with closing(master):
        yield {**methods(master), "cst": pytest.importorskip("modbus_tk.defines")}


@contextmanager
def pylibmodbus(port: int) -> Iterator[Names]:
    client = pytest.importorskip("pylibmodbus", reason="needs the package pylibmodbus").ModbusTcp(HERE, port)
    client.connect()
    client.set_slave(1)
    with closing(client):
        yield methods(client)


LIBRARIES = [
    Library("pymodbus", "tcp", pymodbus, 18),
    Library("pyModbusTCP", "tcp", pymodbustcp, 15),
    Library("minimalmodbus", "rtu+tcp", minimalmodbus, 20),
    Library("uModbus", "tcp", umodbus, 2),
    Library("modbus-tk", "tcp", modbus_tk, 5),
    Library("pylibmodbus", "tcp", pylibmodbus, 6),
]


def tables() -> Iterator[tuple[str, str, str]]:
    """The rows of all tables with two columns: the heading of the first, and both cells."""
    library = ""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| ") else []
        if len(cells) == 2 and cells[1] == "mbap":
            library = cells[0]
        elif len(cells) == 2:
            yield library, cells[0], cells[1]


def calls(heading: str) -> list[tuple[str, str]]:
    """The pairs of calls in the tables of a library."""
    found = []
    for library, left, right in tables():
        theirs, ours = CODE.findall(left), CODE.findall(right)
        if library == heading and theirs and ours:
            pairs = zip(theirs, ours, strict=True) if len(theirs) == len(ours) else [(theirs[0], ours[0])]
            found += [(a, b) for a, b in pairs if CALL.fullmatch(a) and b.startswith("plc.")]
    return found


PAIRS = [(library, *pair) for library in LIBRARIES for pair in calls(library.heading)]


def device() -> mbap.Device:
    """A device with something at each address that the page names."""
    holding = {
        0: [20, 21, 22, 23],
        10: [*mbap.Encoding("float32").encode(21.5), *mbap.Encoding("float32", "CDAB").encode(21.5)],
        20: list(mbap.Encoding("string", length=8).encode("Pump 7")),
        30: [215, 0xFF85, *([0] * 7)],
        40: [0x12, 1, 2, 3],
        107: [555, 0, 100],
    }
    return mbap.Device(
        holding_registers=holding,
        input_registers=[1, 2, 3],
        coils=[True, False, True] + [False] * 17,
        discrete_inputs=[True, False, True] * 4,
        fifos={1246: [440, 4740]},
        identification={0: "Pumps", 1: "P7", 2: "1.4"},
        exception_status=0x6D,
        server_id=b"\x2a\xff",
    )


def state(one: mbap.Device) -> tuple[list[int], list[bool]]:
    registers = [one.holding_registers[address] for address in one.holding_registers]
    return registers, [one.coils[address] for address in one.coils]


def plain(value: object) -> object:
    """What is to be compared: without zeros and spaces behind text, lists for sequences, one item for one."""
    if isinstance(value, str):
        return value.rstrip("\0 ")
    if isinstance(value, bytes | Mapping) or not hasattr(value, "__len__"):
        return value
    items = list(value)  # type: ignore[call-overload]
    return items[0] if len(items) == 1 else items


def carried_out(library: Library, call: str, item: str | None) -> tuple[object, object]:
    """What *call* gives, and the device after it; `registers` are those of *item*."""
    asked = device()
    url = f"{library.scheme}://{HERE}:0"
    with mbap.serving(mbap.Units({1: asked}, unknown=None), url) as served:
        port = int(served.rsplit(":", 1)[1])
        with library.opened(port) as names:
            if item is not None:
                place = mbap.parse_item(item)
                names["registers"] = asked.holding_registers[place.address : place.address + length(item)]
            return plain(eval(call, names)), state(asked)


def length(item: str) -> int:
    """How many registers a value has."""
    kind = item.partition(":")[2].partition(",")[0]
    return 8 if kind.startswith("string") else 2 if kind.endswith("32") else 1


@pytest.mark.peer
@pytest.mark.parametrize(("library", "theirs", "ours"), PAIRS, ids=[f"{p[0].heading}: {p[1]}" for p in PAIRS])
def test_both_calls_of_a_row_do_the_same(library: Library, theirs: str, ours: str) -> None:
    item = READ.fullmatch(ours)
    result, after = carried_out(library, theirs, item and item[1])
    asked = device()
    with mbap.serving(mbap.Units({1: asked}), f"{library.scheme}://{HERE}:0") as url, mbap.Client(url) as plc:
        expected = eval(ours, {"mbap": mbap, "plc": plc})
    assert after == state(asked)
    if expected is not None:
        assert result == plain(expected)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.heading)
def test_most_rows_are_tried(library: Library) -> None:
    assert len(calls(library.heading)) >= library.rows


# --- what the page says about how other libraries take a device that misbehaves ---


@pytest.mark.peer
def test_pymodbus_sends_an_unanswered_write_four_times_and_we_once() -> None:
    client = require_module("pymodbus.client").ModbusTcpClient
    error = require_module("pymodbus.exceptions").ModbusIOException
    with scripted(Silence()) as server:
        theirs = client(HERE, port=int(server.url.rsplit(":", 1)[1]), timeout=0.1)
        with pytest.raises(error):
            theirs.write_register(0, 1)
        theirs.close()
        assert len(server.requests) == 4
    with scripted(Silence()) as server, mbap.Client(server.url, timeout=0.1, retries=3) as ours:
        with pytest.raises(mbap.OutcomeUnknown):
            ours.write_single_register(0, 1)
        assert len(server.requests) == 1


@pytest.mark.peer
@pytest.mark.parametrize("count", [1, 4])
def test_pymodbus_hands_over_as_many_registers_as_come_and_we_refuse(count: int) -> None:
    step = Reply(pdu=bytes((3, 2 * count)) + b"\0\7" * count)
    client = require_module("pymodbus.client").ModbusTcpClient
    with scripted(step) as server:
        theirs = client(HERE, port=int(server.url.rsplit(":", 1)[1]))
        assert theirs.read_holding_registers(0, count=2).registers == [7] * count
        theirs.close()
    with scripted(step) as server, mbap.Client(server.url) as ours, pytest.raises(mbap.ProtocolError):
        ours.read_holding_registers(0, 2)


@pytest.mark.peer
def test_pymodbustcp_cuts_an_answer_that_is_too_long() -> None:
    client = require_module("pyModbusTCP.client").ModbusClient
    with scripted(Reply(pdu=b"\3\10" + b"\0\7" * 4)) as server:
        theirs = client(host=HERE, port=int(server.url.rsplit(":", 1)[1]))
        assert theirs.read_holding_registers(0, 2) == [7, 7]
        theirs.close()


@pytest.mark.peer
def test_the_old_blocks_of_pymodbus_begin_one_too_high() -> None:
    block = require_module("pymodbus.datastore").ModbusSequentialDataBlock(1, [7])
    assert block.simdata[0].address == 0


@pytest.mark.peer
def test_a_refusal_is_a_result_a_none_and_an_error() -> None:
    with mbap.serving(mbap.Device(holding_registers=[7])) as url:
        port = int(url.rsplit(":", 1)[1])
        with pymodbus(port) as names:
            refused = names["read_holding_registers"](0, count=2)
            assert (refused.isError(), refused.exception_code) == (True, 2)
        with pymodbustcp(port) as names:
            assert names["read_holding_registers"](0, 2) is None
        with mbap.Client(url) as plc, pytest.raises(mbap.IllegalDataAddress):
            plc.read_holding_registers(0, 2)
