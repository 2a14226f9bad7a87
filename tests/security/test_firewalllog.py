"""What a firewall writes down: of which requests, in which words, and how much at most."""

from __future__ import annotations

from mbap.protocol.pdu import WriteMultipleRegisters, WriteSingleRegister
from mbap.security.events import KINDS
from mbap.server.handler import Peer
from support.firewalls import READ, Scene
from support.policies import HMI, allowing, operator, policy_of


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
