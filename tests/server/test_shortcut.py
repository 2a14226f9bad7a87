"""Shortcut: what takes it is answered and counted as without it, and what is not plain does not take it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable
from dataclasses import asdict
from typing import TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.protocol.wire import Registers
from mbap.server.connection import Connection
from mbap.server.device import Device
from mbap.server.devicefile import parse_device_file
from mbap.server.faults import Faults
from mbap.server.handler import Call, Handler, Units
from mbap.server.limits import Limits
from mbap.server.server import Server
from mbap.server.shortcut import Shortcut, shortcut_to
from mbap.server.simulator import Simulation
from support.fake_transport import FakeTransport
from support.serving import ANSWER_0, READ_0
from support.virtual_tests import scenario

R = TypeVar("R")

MOST = 65_536
READ_3 = bytes.fromhex("0001 0000 0006 01 03 0000 0001")
LISTEN_ONLY = bytes.fromhex("08 0004 0000")


def device() -> Device:
    """With holes in its tables, so that a stretch that was found is not always the next one."""
    words = {0: range(1000, 1140), 200: range(130), 400: [7]}
    return Device(
        coils={3: [True, False, True] * 50, 300: [True]},
        discrete_inputs=[True, True, False] * 70,
        holding_registers=words,
        input_registers=words,
        diagnostics="control",
    )


def adu(pdu: bytes, unit: int = 1, transaction: int = 1, protocol: int = 0, longer: int = 0) -> bytes:
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1 + longer, unit) + pdu


def shortcut(handler: Handler, most: int = MOST) -> Shortcut:
    found = shortcut_to(handler, most)
    assert found is not None
    return found


def takes(handler: Handler, *requests: bytes) -> int:
    """How many of *requests* take the shortcut."""
    found, data = shortcut_to(handler, MOST), b"".join(requests)
    return 0 if found is None else len(found.answer(bytearray(data), 0, len(data))[0])


# --- as on the long way ---

address = st.integers(0, 420) | st.sampled_from([0xFFFF, 0xFF00])
count = st.integers(0, 126) | st.integers(0, 2001)
words = st.integers(0, 124).flatmap(lambda size: st.binary(min_size=2 * size, max_size=2 * size))
wrong = st.sampled_from([0] * 20 + [1, 2, 255])
"""How far a byte count or a written count is from the right one: mostly not at all."""
read = st.builds(struct.Struct(">BHH").pack, st.sampled_from([1, 2, 3, 4]), address, count)
write_one = st.builds(struct.Struct(">BHH").pack, st.sampled_from([5, 6]), address, st.integers(0, 0xFFFF))
write = st.builds(
    lambda at, data, off: struct.pack(">BHHB", 16, at, len(data) // 2, len(data) + off & 0xFF) + data,
    address,
    words,
    wrong,
)
write_and_read = st.builds(
    lambda at, size, to, data, off: (
        struct.pack(">BHHHHB", 23, at, size, to, len(data) // 2 + off, len(data) & 0xFF) + data
    ),
    address,
    st.integers(0, 126),
    address,
    words,
    wrong,
)
others = st.binary(min_size=1, max_size=20) | st.sampled_from(
    [b"\x0b", b"\x0c", bytes.fromhex("08 0001 0000"), bytes.fromhex("16 0003 00ff 1200"), LISTEN_ONLY]
)
pdu = read | write_one | write | write_and_read | others
request = st.builds(
    adu,
    pdu.map(lambda whole: whole[:253]),
    st.sampled_from([1, 1, 1, 2, 3, 255]),
    st.integers(0, 0xFFFF),
    st.sampled_from([0] * 30 + [1]),
    st.sampled_from([0] * 30 + [-1, 1, 300]),
)
cuts = st.lists(st.integers(1, 600), max_size=6)


@given(st.lists(request, min_size=1, max_size=12), cuts)
@example([READ_3] * 3 + [adu(LISTEN_ONLY), READ_3], [])
@example([adu(bytes.fromhex("03 0000 0001"), protocol=1)] * 2 + [READ_3], [12])
def test_everything_is_as_without_it(requests: list[bytes], cuts: list[int]) -> None:
    assert asyncio.run(_outcome(requests, cuts, short=True)) == asyncio.run(
        _outcome(requests, cuts, short=False)
    )


async def _outcome(requests: list[bytes], cuts: list[int], *, short: bool) -> dict[str, object]:
    """All that can be seen of a server which gets *requests*, cut into pieces."""
    devices = (device(), device())
    server = Server("tcp://127.0.0.1:0", Units({1: devices[0], 2: devices[1], 255: devices[0]}))
    for one in devices:
        one.join(server.bus)
    if not short:
        server.shortcut = None
    client, stream = FakeTransport(Connection(server)), b"".join(requests)
    for size in [*cuts, len(stream)]:
        if stream[:size]:
            client.feed(stream[:size].hex())
        stream = stream[size:]
    return {
        "answers": client.written.hex(" "),
        "end": client.end,
        "counted": asdict(server.counted),
        "bus": server.bus.messages,
        "tables": [bytes(one.memory(table)[_all(one, table)]) for one in devices for table in Table],
        "lines": [
            (one.line.messages, one.line.events, one.line.exceptions, one.line.unanswered, list(one.line.log))
            for one in devices
        ],
    }


def _all(one: Device, table: Table) -> slice:
    first = one.memory(table).ranges[0]
    return slice(first.start, first.stop)


# --- who takes it ---

PLAIN = {
    "reading coils": "01 0003 0010",
    "reading discrete inputs": "02 0000 0010",
    "reading holding registers": "03 0000 007d",
    "reading input registers": "04 00c8 007d",
    "writing a register": "06 0000 1234",
    "writing registers": "10 0000 0002 04 00010002",
    "writing and reading registers": "17 0000 007d 00c8 0001 02 0001",
}


@pytest.mark.parametrize("body", PLAIN.values(), ids=PLAIN.keys())
def test_what_is_plain_takes_it(body: str) -> None:
    assert takes(device(), adu(bytes.fromhex(body))) == 1


NOT_PLAIN = {
    "an address that is missing": "03 008c 0001",
    "a count across a hole": "03 0000 00c9",
    "no register": "03 0000 0000",
    "126 registers": "03 0000 007e",
    "2,001 bits": "01 0000 07d1",
    "a byte too many": "03 0000 0001 00",
    "a byte count that is wrong": "10 0000 0002 03 00010002",
    "another function": "2b 0e 01 00 00 00 00",
}


@pytest.mark.parametrize("body", NOT_PLAIN.values(), ids=NOT_PLAIN.keys())
def test_what_is_not_plain_does_not(body: str) -> None:
    assert takes(device(), adu(bytes.fromhex(body))) == 0


def test_a_request_that_is_not_whole_does_not() -> None:
    whole = adu(bytes.fromhex(PLAIN["writing registers"]))
    assert [takes(device(), whole[:size]) for size in range(len(whole))] == [0] * len(whole)


def test_it_ends_before_what_is_not_plain() -> None:
    plain, missing = READ_3, adu(bytes.fromhex("03 008c 0001"))
    data = bytearray(plain + plain + missing + plain)
    answers, end = shortcut(device()).answer(data, 0, len(data))
    assert (len(answers), end) == (2, 24)


def test_no_more_answers_are_prepared_than_may_be() -> None:
    data = bytearray(adu(bytes.fromhex("03 0000 007d")) * 300)
    answers, end = shortcut(device(), most=1_000).answer(data, 0, len(data))
    assert (len(b"".join(answers)), end) == (4 * 259, 4 * 12)


def test_a_device_that_only_listens_does_not_take_it() -> None:
    listening = device()
    listening.line.listen_only = True
    assert takes(listening, READ_3) == 0


class _Watched(Device):
    """A device that does more about a read than `Device` does."""

    def read_registers(self, table: Table, address: int, count: int) -> Registers:
        return Registers.of([9] * count)


class _Elsewhere:
    """A handler of somebody else."""

    def handle(self, call: Call[R]) -> R:
        raise AssertionError("nothing is asked of it here")


class _Counting(Device):
    """A device that does more about every request than `Device` does."""

    def handle(self, call: Call[R]) -> R:
        return super().handle(call)


class _Guarded(Units):
    """Units that do more than to hand requests on."""

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        return super().handle(call)


@pytest.mark.parametrize(
    "handler",
    [_Counting(holding_registers=[1]), _Elsewhere(), Units({1: _Elsewhere()}), _Guarded({1: device()})],
)
def test_a_handler_with_ways_of_its_own_does_not_take_it(handler: Handler) -> None:
    assert takes(handler, READ_3) == 0


def test_what_a_device_has_methods_of_its_own_for_does_not_take_it() -> None:
    watched = _Watched(coils=[0] * 20, discrete_inputs=[0] * 20, holding_registers=[0] * 300)
    taking = [name for name, body in PLAIN.items() if takes(watched, adu(bytes.fromhex(body)))]
    assert taking == ["reading coils", "reading discrete inputs", "writing a register", "writing registers"]


def test_a_device_whose_method_was_replaced_does_not_take_it() -> None:
    class Open(Device):
        """It has attributes beside the slots."""

    replaced = Open(holding_registers=[1])
    assert takes(replaced, READ_3) == 1
    replaced.handle = _Elsewhere().handle  # type: ignore[method-assign]
    assert takes(replaced, READ_3) == 0


def test_units_within_units_take_it() -> None:
    inner = Units({1: device()}, unknown=device())
    read_3 = bytes.fromhex("03 0000 0001")
    assert takes(Units({1: inner, 7: inner}), adu(read_3), adu(read_3, unit=7), adu(read_3, unit=8)) == 2


def test_an_unknown_unit_does_not_take_it() -> None:
    assert takes(Units({1: device()}), adu(bytes.fromhex("03 0000 0001"), unit=2)) == 0


def simulated(holding: str, more: str = "") -> Simulation:
    return Simulation(parse_device_file(f"[units.1]\n{more}\n[units.1.holding]\n{holding}\n"))


def test_a_simulated_device_takes_it_where_nothing_moves() -> None:
    assert takes(simulated("0 = 7"), READ_3) == 1


def test_a_simulated_device_does_not_where_something_in_the_table_moves() -> None:
    moving = '9 = { wave = "ramp", low = 0, high = 100, period = "100s" }'
    assert takes(simulated(f"0 = 7\n{moving}"), READ_3) == 0


def test_a_simulated_device_with_a_largest_read_does_not() -> None:
    assert takes(simulated("0 = 7", "largest_read = 10"), READ_3) == 0


# --- which connections take it ---


@scenario
async def test_a_server_that_misbehaves_does_not_take_it() -> None:
    assert Server("tcp://127.0.0.1:0", device(), faults=Faults(())).shortcut is None


@scenario
async def test_answers_that_the_client_leaves_unread_end_it() -> None:
    server = Server("tcp://127.0.0.1:0", Device(holding_registers=[7]), limits=Limits(write_buffer=259))
    client = FakeTransport(Connection(server))
    client.takes = 1
    client.feed(READ_0 * 2)
    assert (client.written.hex(" "), client.reading) == (ANSWER_0, False)
    client.protocol.resume_writing()
    assert (client.written.hex(" "), client.reading) == (f"{ANSWER_0} {ANSWER_0}", True)
