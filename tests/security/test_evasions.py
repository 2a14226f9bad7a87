"""Ways around a rule, each tried over a connection against a real server: none of them changes the device.

Each is tried twice: with a device behind the firewall, where every request is judged anew, and with a
gateway, which passes on as they came what is settled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from mbap import Link
from mbap.security.events import Event
from mbap.security.firewall import Firewall
from mbap.security.policy import Moment
from mbap.server.device import Device
from mbap.server.gateway import Gateway
from mbap.server.handler import Handler, Units
from mbap.server.routes import Route
from mbap.server.server import Server
from support.policies import MONDAY_NOON, policy_of
from support.wire_client import WireClient, connected

POLICY = """
[points.setpoint]
address = "100-101"
type = "float32"
min = 0
max = 80
[schedules.day]
days = "mon-fri"
from = "06:00"
to = "18:00"
[[rules]]
id = "read"
from = { net = "127.0.0.1" }
unit = 1
function = "read"
address = { holding = "0-119", coil = "0-9" }
action = "allow"
[[rules]]
id = "set-register"
from = { net = "127.0.0.1" }
unit = 1
function = 6
address = { holding = "10-19" }
when = "day"
action = "allow"
[[rules]]
id = "set-coil"
from = { net = "127.0.0.1" }
unit = 1
function = 5
address = { coil = "0-9" }
action = "allow"
[[rules]]
id = "setpoint"
from = { net = "127.0.0.1" }
unit = 1
function = [16, 6, 22]
points = "setpoint"
action = "allow"
[[rules]]
id = "loop-back"
unit = 1
function = "diag-safe"
action = "allow"
"""
REFUSED = "01"


@dataclass
class Scene:
    """A device behind a firewall behind a server, one client, and what was written down."""

    device: Device
    client: WireClient
    server: Server
    firewall: Firewall
    events: list[Event] = field(default_factory=list)
    wall: list[datetime] = field(default_factory=lambda: [MONDAY_NOON])

    async def exception(self, pdu: str, unit: str = "01") -> str:
        """The code of the exception that answers *pdu*; it is the right one in every other byte."""
        data = bytes.fromhex(pdu)
        head = f"4D2A 0000 {len(data) + 1:04x} {unit} "
        answer = bytes.fromhex(await self.client.ask(head + pdu))
        assert answer[:8] == bytes.fromhex(f"4D2A 0000 0003 {unit}") + bytes((data[0] | 0x80,))
        return answer[8:].hex()

    async def answer(self, pdu: str, unit: str = "01") -> str:
        """The PDU that answers *pdu*."""
        data = bytes.fromhex(pdu)
        return (await self.client.ask(f"0001 0000 {len(data) + 1:04x} {unit} " + pdu))[21:]

    @property
    def untouched(self) -> bool:
        """Whether the device is as it was."""
        return not any(self.device.holding_registers[0:200]) and not any(self.device.coils[0:32])


Guarded = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture(params=["a device", "a gateway"])
def guarded(request: pytest.FixtureRequest) -> Guarded:
    """A scene with a policy, around a device, or around a gateway that has a lane to it."""
    return around_gateway if request.param == "a gateway" else around_device


@asynccontextmanager
async def around_device(rules: str = POLICY) -> AsyncIterator[Scene]:
    device = new_device()
    async with behind(rules, device, Units(dict.fromkeys(range(256), device))) as scene:
        yield scene


@asynccontextmanager
async def around_gateway(rules: str = POLICY) -> AsyncIterator[Scene]:
    device = new_device()
    plc = Server("tcp://127.0.0.1:0", Units(dict.fromkeys(range(256), device)))
    async with plc, Link(plc.url) as link:
        gateway = Gateway([Route.same(link, range(256), name="plc")], opaque=True)
        async with behind(rules, device, gateway) as scene:
            assert scene.firewall.lane(1) is not None
            yield scene


def new_device() -> Device:
    return Device(holding_registers=[0] * 200, coils=[False] * 32, diagnostics="control")


@asynccontextmanager
async def behind(rules: str, device: Device, handler: Handler) -> AsyncIterator[Scene]:
    events: list[Event] = []
    wall = [MONDAY_NOON]
    firewall = Firewall(
        policy_of(rules),
        handler,
        record=events.append,
        clock=lambda: Moment.at(wall[0]),
    )
    async with Server("tcp://127.0.0.1:0", firewall) as server, connected(server.url) as client:
        yield Scene(device, client, server, firewall, events, wall)


async def test_what_is_allowed_works(guarded: Guarded) -> None:
    async with guarded() as scene:
        assert await scene.answer("06 000A 0007") == "06 00 0a 00 07"
        assert await scene.answer("03 000A 0001") == "03 02 00 07"
        assert await scene.answer("10 0064 0002 04 4220 0000") == "10 00 64 00 02"


@pytest.mark.parametrize(
    ("name", "pdu"),
    [
        ("H124 23 for 16", "17 0000 0001 000A 0001 02 0007"),
        ("H124 16 for 6", "10 000A 0001 02 0007"),
        ("H124 22 for 6", "16 000A 0000 0007"),
        ("H124 15 for 5", "0F 0000 0001 01 01"),
        ("H124 21 for 16", "15 09 06 0001 0000 0001 0007"),
        ("H125 the upper half of a value", "06 0064 4700"),
        ("H125 the lower half of a value", "06 0065 FFFF"),
        ("H125 half of a value by 16", "10 0064 0001 02 4700"),
        ("H125 half of a value by 22", "16 0064 0000 4700"),
        ("H125 half of a value with its neighbour", "10 0065 0002 04 FFFF 0001"),
        ("a value above its maximum", "10 0064 0002 04 42A2 0000"),
        ("NaN", "10 0064 0002 04 7FC0 0000"),
        ("infinity", "10 0064 0002 04 7F80 0000"),
        ("minus zero point something", "10 0064 0002 04 BF00 0000"),
        ("H126 a range that goes on past the end", "10 0012 0003 06 0001 0002 0003"),
        ("H126 a read that goes on past the end", "03 0077 0002"),
        ("H126 coils past the end", "0F 0008 0004 01 0F"),
        ("H090 a register that configures the device", "06 00C7 03E8"),
        ("H083 restart communications", "08 0001 0000"),
        ("H083 restart communications, clear the log", "08 0001 FF00"),
        ("H085 listen only", "08 0004 0000"),
        ("H086 clear counters", "08 000A 0000"),
        ("H086 clear overrun", "08 0014 0000"),
        ("H086 ASCII delimiter", "08 0003 0A00"),
        ("H088 reserved 8/19", "08 0013 0000"),
        ("H088 reserved 8/21", "08 0015 0000"),
        ("H088 reserved 8/65535", "08 FFFF 0000"),
        ("H089 stop", "5A 00 41 FF 00"),
        ("H089 start", "5A 00 40 FF 00"),
        ("H092 who are you", "11"),
        ("H092 what are you", "2B 0E 01 00"),
    ],
)
async def test_it_is_refused_and_nothing_is_changed(guarded: Guarded, name: str, pdu: str) -> None:
    async with guarded() as scene:
        assert await scene.exception(pdu) == REFUSED, name
        assert scene.untouched
        assert [event.kind for event in scene.events] == ["session_open", "deny"]


@pytest.mark.parametrize(
    ("name", "pdu"),
    [
        ("H084 restart with other data", "08 0001 1234"),
        ("H087 loop-back of one byte", "08 0000 00"),
        ("H087 loop-back of none", "08 0000"),
        ("a byte count that is too large", "10 0064 0002 06 4220 0000"),
        ("a byte count that is too small", "10 0064 0002 02 4220 0000"),
        ("a count of 0", "10 0064 0000 00"),
        ("a write hidden behind a write", "06 000A 0007 06 0064 4700"),
        ("a read that is too short", "03 0000 00"),
        ("function 23 without its values", "17 0000 0001 0064 0002 04"),
        ("function 5 with another value", "05 0000 00FF"),
    ],
)
async def test_what_is_malformed_is_answered_with_03_and_never_passes(
    guarded: Guarded, name: str, pdu: str
) -> None:
    async with guarded() as scene:
        assert await scene.exception(pdu) == "03", name
        assert scene.untouched
        assert [event.kind for event in scene.events] == ["session_open", "malformed"]


async def test_h087_loop_back_of_two_and_of_250_bytes_passes(guarded: Guarded) -> None:
    async with guarded() as scene:
        assert await scene.answer("08 0000 A55A") == "08 00 00 a5 5a"
        assert await scene.answer("08 0000" + "11" * 250) == "08 00 00" + " 11" * 250


@pytest.mark.parametrize("unit", ["00", "02", "F7", "F8", "FF"])
async def test_another_unit_of_the_same_device_is_refused(guarded: Guarded, unit: str) -> None:
    async with guarded() as scene:
        assert await scene.exception("03 0000 0001", unit) == REFUSED
        assert await scene.exception("06 000A 0007", unit) == REFUSED
        assert scene.untouched


async def test_h093_a_write_to_unit_0_needs_a_rule_that_names_it(guarded: Guarded) -> None:
    any_unit = '[[rules]]\nid = "any"\nunit = "any"\nfunction = "all"\naction = "allow"'
    async with guarded(any_unit) as scene:
        assert await scene.exception("06 000A 0007", "00") == REFUSED
        assert scene.untouched
    async with guarded(any_unit.replace('"any"\nfunction', "0\nfunction")) as scene:
        assert await scene.answer("06 000A 0007", "00") == "06 00 0a 00 07"


async def test_h092_a_scan_of_all_units_finds_one_and_is_written_down_in_few_lines(guarded: Guarded) -> None:
    async with guarded() as scene:
        found = []
        for unit in range(256):
            answer = await scene.client.ask(f"0001 0000 0006 {unit:02x} 03 0000 0001")
            found += [unit] if answer.endswith("03 02 00 00") else []
        assert found == [1]
        assert scene.firewall.statistics().denied == 255


async def test_h091_a_write_at_night_and_a_client_that_nobody_knows(guarded: Guarded) -> None:
    async with guarded() as scene:
        scene.wall[0] = datetime(2026, 11, 30, 2, tzinfo=UTC)
        assert await scene.exception("06 000A 0007") == REFUSED
        assert scene.untouched
    from_elsewhere = POLICY.replace("127.0.0.1", "192.0.2.1").partition('[[rules]]\nid = "loop')[0]
    async with guarded(from_elsewhere) as scene:
        await scene.client.send("0001 0000 0006 01 06 000A 0007")
        assert await scene.client.ended() in (b"", b"reset")
        assert scene.untouched


async def test_a_write_in_one_segment_with_an_allowed_read_is_judged_by_itself(guarded: Guarded) -> None:
    async with guarded() as scene:
        await scene.client.send(
            "0001 0000 0006 01 03 0000 0001",
            "0002 0000 0006 01 06 0064 4700",
            "0003 0000 0006 01 03 0064 0001",
        )
        assert await scene.client.receive() == "00 01 00 00 00 05 01 03 02 00 00"
        assert await scene.client.receive() == "00 02 00 00 00 03 01 86 01"
        assert await scene.client.receive() == "00 03 00 00 00 05 01 03 02 00 00"
        assert scene.untouched


async def test_a_write_sent_byte_by_byte_is_judged_as_a_whole(guarded: Guarded) -> None:
    async with guarded() as scene:
        for byte in bytes.fromhex("0002 0000 0006 01 06 0064 4700"):
            await scene.client.send(f"{byte:02x}")
            await asyncio.sleep(0)
        assert await scene.client.receive() == "00 02 00 00 00 03 01 86 01"
        assert scene.untouched


async def test_a_length_that_hides_a_write_behind_a_read_ends_nowhere(guarded: Guarded) -> None:
    async with guarded() as scene:
        # The read says to be as long as both: its PDU is then too long, and is refused as such.
        await scene.client.send("0001 0000 0012 01 03 0000 0001", "0002 0000 0006 01 06 0064 4700")
        assert (await scene.client.receive()).endswith("83 03")
        assert scene.untouched


async def test_a_transaction_that_was_allowed_before_allows_nothing_else(guarded: Guarded) -> None:
    async with guarded() as scene:
        await scene.client.send("0007 0000 0006 01 03 0000 0001", "0007 0000 0006 01 06 0064 4700")
        assert (await scene.client.receive()).endswith("03 02 00 00")
        assert await scene.client.receive() == "00 07 00 00 00 03 01 86 01"
        assert scene.untouched


async def test_another_protocol_identifier_is_not_modbus_and_is_not_carried_out(guarded: Guarded) -> None:
    async with guarded() as scene:
        await scene.client.send("0001 0001 0006 01 06 000A 0007", "0002 0000 0006 01 03 000A 0001")
        assert await scene.client.receive() == "00 02 00 00 00 05 01 03 02 00 00"
        assert scene.untouched


@pytest.mark.parametrize("length", ["0000", "0001", "00FF", "FFFF"])
async def test_a_length_that_no_message_has_ends_the_connection(guarded: Guarded, length: str) -> None:
    async with guarded() as scene:
        await scene.client.send(f"0001 0000 {length} 01 06 000A 0007")
        assert await scene.client.ended() in (b"", b"reset")
        assert scene.untouched
        assert "malformed" in [event.kind for event in scene.events]


@pytest.mark.parametrize("function", ["00", "80", "83", "FF"])
async def test_a_function_that_no_request_has_is_refused(guarded: Guarded, function: str) -> None:
    async with guarded() as scene:
        answer = await scene.client.ask(f"0001 0000 0006 01 {function} 000A 0007")
        assert answer.endswith(" 01")
        assert scene.untouched
