"""What a firewall does with its verdicts: hands on, answers, writes down, remembers."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from mbap.errors import Disconnect, ExceptionResponse, NoAnswer
from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu import (
    Opaque,
    ReadHoldingRegisters,
    ReadWriteMultipleRegisters,
    WriteMultipleRegisters,
    WriteSingleRegister,
)
from mbap.protocol.pdu.base import Request
from mbap.security.compact import parse_compact
from mbap.security.events import KINDS, Event
from mbap.security.firewall import Firewall
from mbap.security.policy import Moment, Policy
from mbap.server.device import Device
from mbap.server.handler import Call, Doorkeeper, Passing, Peer, Refusing, Simple
from support.policies import HMI, allowing, at, operator, policy_of

R = TypeVar("R")
READ = ReadHoldingRegisters(0, 2)
REFUSING = '[[rules]]\nid = "no"\nunit = "any"\nfunction = "all"\naction = "deny"\n'


class Witness:
    """An observer that writes down what it sees."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.here: list[Peer] = []
        self.gone: list[Peer] = []

    def saw(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def arrived(self, peer: Peer) -> None:
        self.here.append(peer)

    def left(self, peer: Peer) -> None:
        self.gone.append(peer)


class Scene:
    """A firewall around a device, with a clock that is moved by hand and what it has written down."""

    def __init__(self, policy: Policy, handler: Any = None) -> None:
        self.device = Device(holding_registers=[7, 8, 9] + [0] * 200)
        self.events: list[Event] = []
        self.witness = Witness()
        self.seen = self.witness.exchanges
        self.healthy = True
        self.seconds = 0.0
        self.firewall = Firewall(
            policy,
            handler or self.device,
            record=self.events.append,
            clock=lambda: at(self.seconds),
            observers=[self.witness],
            healthy=lambda: self.healthy,
        )

    def ask(self, request: Request[Any], unit: int = 1, peer: Peer = HMI) -> Any:
        return self.firewall.handle(Call(request, unit, peer))

    def refused(self, request: Request[Any], unit: int = 1, peer: Peer = HMI) -> int:
        with pytest.raises(ExceptionResponse) as caught:
            self.ask(request, unit, peer)
        return caught.value.code

    def refused_because(self, request: Request[Any]) -> str:
        self.refused(request)
        return str(self.events[-1].details["reason"])

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


class Slow:
    """Answers later, from a device or with an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.device = Device(holding_registers=[7, 8, 9] + [0] * 200)

    async def handle(self, call: Call[R]) -> R:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.device.handle(call)


def test_what_is_allowed_is_answered_at_once_where_the_handler_does() -> None:
    assert Scene(allowing()).ask(READ) == [7, 8]


async def test_without_anything_to_note_the_handlers_own_awaitable_is_given() -> None:
    outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    class Later:
        def handle(self, call: Call[Any]) -> Awaitable[Any]:
            return outcome

    firewall = Firewall(allowing(), Later())
    assert firewall.handle(Call(READ, 1, HMI)) is outcome


def test_what_is_refused_never_reaches_the_device() -> None:
    scene = Scene(allowing("function = 3"))
    assert scene.refused(WriteSingleRegister(0, 1)) == 1
    assert scene.ask(READ) == [7, 8]


@pytest.mark.parametrize(
    ("answer", "error"), [("drop", NoAnswer), ("close", Disconnect), ("reset", Disconnect)]
)
def test_a_refused_request_gets_what_the_rule_says(answer: str, error: type[Exception]) -> None:
    scene = Scene(policy_of(f'{REFUSING}answer = "{answer}"'))
    with pytest.raises(error) as caught:
        scene.ask(READ)
    assert getattr(caught.value, "reset", None) == (None if answer == "drop" else answer == "reset")


def test_in_observe_mode_everything_passes_and_is_written_down() -> None:
    scene = Scene(policy_of("", 'mode = "observe"'))
    assert scene.ask(WriteSingleRegister(0, 1)) is None
    (event,) = scene.events
    assert (event.kind, event.details["decision"], event.details["enforced"]) == ("deny", "deny", False)
    assert scene.ask(READ) == [1, 8]


async def test_an_awaitable_of_the_handler_is_passed_through() -> None:
    outcome = Scene(allowing(), Slow()).ask(READ)
    assert isinstance(outcome, Awaitable)
    assert await outcome == [7, 8]


async def test_an_exception_of_the_device_passes_as_it_is() -> None:
    outcome = Scene(allowing('log = "each"'), Slow(ExceptionResponse(4))).ask(READ)
    assert isinstance(outcome, Awaitable)
    with pytest.raises(ExceptionResponse) as caught:
        await outcome
    assert caught.value.code == 4


def test_it_is_no_handler_that_need_not_be_asked() -> None:
    firewall = Scene(allowing()).firewall
    assert not isinstance(firewall, Simple)
    assert isinstance(firewall, Doorkeeper)
    assert isinstance(firewall, Refusing)
    assert isinstance(firewall, Passing)


def test_h089_an_unknown_function_passes_only_by_a_rule_of_its_own() -> None:
    stop = Opaque(90, bytes.fromhex("0040ff00"))
    scene = Scene(allowing('function = ["read", "write", "file", "ident", "diag-safe", "vendor"]'))
    assert scene.refused(stop) == 1
    assert scene.events[0].details["func"] == 90


# --- rates ---


def test_too_many_requests_are_answered_with_exception_06() -> None:
    scene = Scene(allowing('rate = { requests = "2/s", burst = 3 }'))
    for _ in range(3):
        scene.ask(READ)
    assert scene.refused(READ) == 6
    scene.seconds = 0.5
    scene.ask(READ)
    assert scene.refused(READ) == 6
    assert scene.firewall.statistics().rate_limited == 2


def test_a_rate_of_writes_leaves_reads_alone() -> None:
    scene = Scene(allowing('rate = { writes = "1/min" }'))
    scene.ask(WriteSingleRegister(0, 1))
    assert scene.refused(WriteSingleRegister(0, 1)) == 6
    assert scene.refused(ReadWriteMultipleRegisters(0, 1, 0, (1,))) == 6
    assert scene.ask(READ) == [1, 8]


@pytest.mark.parametrize(
    ("per", "other_unit", "other_client"),
    [("unit", True, True), ("client", False, True), ("rule", False, False)],
)
def test_a_rate_is_shared_as_the_rule_says(per: str, other_unit: bool, other_client: bool) -> None:
    def passes(unit: int, peer: Peer) -> bool:
        scene = Scene(allowing(f'rate = {{ requests = "1/h", per = "{per}" }}'))
        scene.ask(READ)
        try:
            scene.ask(READ, unit, peer)
        except ExceptionResponse as error:
            return error.code != 6
        return True

    assert passes(2, HMI) is other_unit
    assert passes(1, Peer("10.1.0.8")) is other_client


def test_h156_a_clock_that_jumps_gives_no_more_requests() -> None:
    now = [Moment(0.0, 10**15)]
    firewall = Firewall(
        allowing('rate = { requests = "1/h" }'), Device(holding_registers=[1, 2]), clock=lambda: now[0]
    )
    call = Call(READ, 1, HMI)
    firewall.handle(call)
    for wall in (10**15 + 10**12, 0, 10**16):
        now[0] = Moment(1.0, wall)
        with pytest.raises(ExceptionResponse) as caught:
            firewall.handle(call)
        assert caught.value.code == 6


def test_h156_a_monotonic_clock_that_goes_back_takes_nothing() -> None:
    scene = Scene(allowing('rate = { requests = "1/s" }'))
    scene.seconds = 100.0
    scene.ask(READ)
    scene.seconds = 50.0
    assert scene.refused(READ) == 6


# --- values ---

SETPOINT = '[points.setpoint]\naddress = "100-101"\ntype = "float32"\nmin = 0\nmax = 80\nmax_step = 5'
STEPS = ('points = "setpoint"', 'function = ["read", "write"]', 'address = { holding = "0-199" }')


def floats(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return high, low


def test_a_value_may_not_jump_from_what_was_read() -> None:
    scene = Scene(allowing(*STEPS, rest=SETPOINT))
    assert scene.refused(WriteMultipleRegisters(100, floats(3.0))) == 1
    scene.ask(ReadHoldingRegisters(100, 2))
    assert scene.refused(WriteMultipleRegisters(100, floats(6.0))) == 1
    scene.ask(WriteMultipleRegisters(100, floats(5.0)))
    scene.ask(WriteMultipleRegisters(100, floats(10.0)))
    assert "from 10 to 2" in scene.refused_because(WriteMultipleRegisters(100, floats(2.0)))


async def test_while_a_write_is_not_answered_a_value_may_jump_from_neither_before_nor_after_it() -> None:
    scene = Scene(allowing(*STEPS, rest=SETPOINT), Slow())
    await _done(scene.ask(ReadHoldingRegisters(100, 2)))
    up = scene.ask(WriteMultipleRegisters(100, floats(4.0)))
    assert scene.refused(WriteMultipleRegisters(100, floats(8.0))) == 1
    within = scene.ask(WriteMultipleRegisters(100, floats(5.0)))
    await _done(up)
    await _done(within)
    await _done(scene.ask(WriteMultipleRegisters(100, floats(8.0))))


async def test_a_write_that_is_never_begun_makes_the_value_unknown_and_warns_of_nothing() -> None:
    scene = Scene(allowing(*STEPS, rest=SETPOINT), Slow())
    await _done(scene.ask(ReadHoldingRegisters(100, 2)))
    outcome = scene.ask(WriteMultipleRegisters(100, floats(5.0)))
    del outcome
    assert scene.refused(WriteMultipleRegisters(100, floats(5.0))) == 1


def test_a_policy_whose_devices_are_all_others_is_refused() -> None:
    policy = allowing('to = "plc1"', rest='[devices.plc1]\nconnect = "10.2.0.11:502"')
    Firewall(policy, Device(), target="tcp://10.2.0.11")
    with pytest.raises(ValueError, match=r"none of its devices is tcp://10\.2\.0\.12"):
        Firewall(policy, Device(), target="tcp://10.2.0.12")
    firewall = Firewall(allowing(), Device(), target="tcp://10.2.0.12")
    with pytest.raises(ValueError, match="rules for plc1"):
        firewall.replace(policy)
    assert firewall.policy == allowing()


async def test_a_read_that_was_sent_before_a_write_does_not_bring_the_old_value_back() -> None:
    scene = Scene(allowing(*STEPS, rest=SETPOINT), Slow())
    await _done(scene.ask(ReadHoldingRegisters(100, 2)))
    read = scene.ask(ReadHoldingRegisters(100, 2))
    write = scene.ask(WriteMultipleRegisters(100, floats(5.0)))
    await _done(read)
    await _done(write)
    await _done(scene.ask(WriteMultipleRegisters(100, floats(10.0))))


async def test_after_a_write_that_failed_the_value_is_not_known() -> None:
    slow = Slow()
    scene = Scene(allowing(*STEPS, rest=SETPOINT), slow)
    await _done(scene.ask(ReadHoldingRegisters(100, 2)))
    slow.error = ExceptionResponse(4)
    with pytest.raises(ExceptionResponse):
        await _done(scene.ask(WriteMultipleRegisters(100, floats(5.0))))
    assert scene.refused(WriteMultipleRegisters(100, floats(5.0))) == 1


async def _done(outcome: object) -> None:
    assert isinstance(outcome, Awaitable)
    await outcome


# --- what is written down ---


def test_a_refused_request_is_written_down_with_what_it_was() -> None:
    scene = Scene(policy_of(""))
    scene.refused(WriteMultipleRegisters(5, (1, 2)), unit=9)
    (event,) = scene.events
    assert (event.kind, event.peer) == ("deny", HMI)
    assert event.details == {
        "policy_hash": scene.firewall.policy.hash,
        "rule": "",
        "decision": "deny",
        "reason": "no rule allows it",
        "field": "default",
        "severity": "medium",
        "enforced": True,
        "unit": 9,
        "func": 16,
        "func_name": "write multiple registers",
        "request_len": 10,
        "table": "holding",
        "address": 5,
        "quantity": 2,
        "answer": "exception 01",
    }


def test_values_are_written_down_only_where_they_are_wanted() -> None:
    for log, values in (("each", None), ("values", [1, 2])):
        scene = Scene(allowing(f'log = "{log}"'))
        scene.ask(WriteMultipleRegisters(5, (1, 2)))
        assert scene.events[0].kind == "request"
        assert scene.events[0].details.get("values") == values


def test_a_flood_is_ten_lines_a_minute_and_then_their_number() -> None:
    scene = Scene(policy_of(""))
    for _ in range(50):
        scene.refused(READ)
    assert len(scene.events) == 10
    scene.seconds = 60.0
    scene.refused(READ)
    assert [event.details.get("count") for event in scene.events[10:]] == [40, None]
    assert scene.firewall.statistics().denied == 51
    assert scene.firewall.statistics().lines_suppressed == 40


def test_a_summary_is_one_line_a_minute() -> None:
    scene = Scene(allowing('log = "summary"'))
    for _ in range(50):
        scene.ask(READ)
    assert not scene.events
    scene.firewall.flush()
    assert [event.details["count"] for event in scene.events] == [50]


def test_many_kinds_of_refusals_are_kept_in_bounded_memory() -> None:
    scene = Scene(policy_of(""))
    for number in range(4_500):
        scene.refused(READ, peer=Peer(f"10.1.{number // 250}.{number % 250}"))
    assert len(scene.firewall._log._kinds) <= 4_097
    assert scene.firewall.statistics().denied == 4_500


def test_every_event_is_of_a_known_kind() -> None:
    scene = Scene(allowing('armed = "work"', 'log = "each"'))
    firewall = scene.firewall
    firewall.arrived(HMI)
    firewall.arm("work", 60, by="ada")
    scene.ask(READ)
    firewall.disarm("work")
    scene.refused(READ)
    firewall.malformed(HMI, 1, b"\x03", "illegal data value")
    firewall.turned_away(HMI, "no room")
    firewall.turned_away(operator(), "no certificate")
    firewall.dismissed(operator(), "the certificate of CN=panel has expired")
    firewall.replace(allowing())
    firewall.left(HMI)
    assert set(scene.kinds()) <= set(KINDS)
    assert scene.kinds() == [
        "session_open",
        "maintenance",
        "request",
        "maintenance",
        "deny",
        "malformed",
        "deny",
        "auth_fail",
        "auth_fail",
        "policy_load",
        "session_close",
    ]


def test_an_observer_sees_requests_with_their_answers() -> None:
    scene = Scene(allowing("function = 3"))
    scene.ask(READ)
    scene.refused(WriteSingleRegister(0, 1))
    assert [(one.function_code, one.response and one.response.hex()) for one in scene.seen] == [
        (3, "030400070008"),
        (6, "8601"),
    ]


# --- connections ---


def test_who_comes_from_where_nothing_is_allowed_is_closed_at_once() -> None:
    scene = Scene(allowing('from = { net = "10.1.0.0/24" }'))
    scene.firewall.arrived(HMI)
    with pytest.raises(Disconnect):
        scene.firewall.arrived(Peer("192.0.2.9"))
    assert scene.kinds() == ["session_open", "deny"]
    assert scene.firewall.statistics().refused_connections == 1


def test_a_client_without_a_role_may_come_and_is_answered_with_exception_01() -> None:
    scene = Scene(allowing('from = { net = "10.1.0.0/24", role = "Operator" }'))
    scene.firewall.arrived(operator(None))
    assert scene.refused(READ, peer=operator(None)) == 1


def test_unknown_sources_may_be_answered_instead() -> None:
    rest = '[default]\nunknown_source = "answer"'
    scene = Scene(allowing('from = { net = "10.1.0.0/24" }', rest=rest))
    scene.firewall.arrived(Peer("192.0.2.9"))
    assert scene.refused(READ, peer=Peer("192.0.2.9")) == 1


# --- another policy ---


def test_another_policy_counts_from_the_next_request_on() -> None:
    scene = Scene(allowing())
    scene.firewall.replace(policy_of(""))
    assert scene.refused(READ) == 1


def test_hits_and_rates_of_rules_that_stay_go_on() -> None:
    policy = allowing('rate = { requests = "2/h" }')
    scene = Scene(policy)
    scene.ask(READ)
    scene.firewall.replace(replace(policy, name="new"))
    scene.ask(READ)
    assert scene.refused(READ) == 6
    assert scene.firewall.statistics().hits == {"it": (3, at().wall)}
    scene.firewall.replace(policy_of(""))
    assert scene.firewall.statistics().hits == {}


def test_a_window_that_no_rule_has_cannot_be_opened() -> None:
    with pytest.raises(ValueError, match="there are: none"):
        Scene(allowing()).firewall.arm("work", 60)


def test_a_window_is_open_for_a_day_at_most() -> None:
    with pytest.raises(ValueError, match="24h"):
        Scene(allowing('armed = "work"')).firewall.arm("work", 90_000)


def test_observers_see_who_comes_and_goes_also_who_is_refused() -> None:
    scene = Scene(parse_compact("ALLOW SRC=10.1.0.7 FC=3"))
    stranger = Peer("192.0.2.9", 4000, "tcp://:502", session=2)
    scene.firewall.arrived(HMI)
    with pytest.raises(Disconnect):
        scene.firewall.arrived(stranger)
    scene.firewall.left(HMI)
    assert scene.witness.here == [HMI, stranger]
    assert scene.witness.gone == [HMI]


def test_while_the_trail_cannot_be_kept_every_request_is_answered_with_04() -> None:
    scene = Scene(parse_compact("ALLOW FC=*"))
    assert scene.ask(ReadHoldingRegisters(0, 1)) == [7]
    scene.healthy = False
    assert scene.refused(ReadHoldingRegisters(0, 1)) == 4
    scene.healthy = True
    assert scene.ask(ReadHoldingRegisters(0, 1)) == [7]
