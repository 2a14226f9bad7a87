"""What a firewall does with its verdicts: hands on, answers, closes; and how it gets another policy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest

from mbap.errors import Disconnect, ExceptionResponse, NoAnswer
from mbap.protocol.pdu import Opaque, ReadHoldingRegisters, WriteSingleRegister
from mbap.security.compact import parse_compact
from mbap.security.firewall import Firewall
from mbap.server.device import Device
from mbap.server.handler import Call, Doorkeeper, Passing, Peer, Refusing, Simple
from support.firewalls import READ, Scene, Slow
from support.policies import HMI, allowing, at, operator, policy_of

REFUSING = '[[rules]]\nid = "no"\nunit = "any"\nfunction = "all"\naction = "deny"\n'


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


def test_a_policy_whose_devices_are_all_others_is_refused() -> None:
    policy = allowing('to = "plc1"', rest='[devices.plc1]\nconnect = "10.2.0.11:502"')
    Firewall(policy, Device(), target="tcp://10.2.0.11")
    with pytest.raises(ValueError, match=r"none of its devices is tcp://10\.2\.0\.12"):
        Firewall(policy, Device(), target="tcp://10.2.0.12")
    firewall = Firewall(allowing(), Device(), target="tcp://10.2.0.12")
    with pytest.raises(ValueError, match="rules for plc1"):
        firewall.replace(policy)
    assert firewall.policy == allowing()


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
