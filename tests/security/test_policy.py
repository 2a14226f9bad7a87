"""Which rule decides, and by what."""

from __future__ import annotations

import pytest

from mbap.protocol.pdu import (
    Diagnostics,
    MaskWriteRegister,
    Opaque,
    ReadCoils,
    ReadDeviceIdentification,
    ReadFifoQueue,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    ReportServerId,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.security.ledger import Ledger
from mbap.security.policy import Policy
from mbap.security.policyfile import parse_policy
from mbap.server.handler import Peer
from support.policies import HMI, MONDAY_NOON, allowing, at, judged, operator, policy_of

READ = ReadHoldingRegisters(0, 10)


def test_without_rules_everything_is_refused_with_exception_01() -> None:
    verdict = judged(Policy(), READ)
    assert (verdict.action, verdict.rule, verdict.field) == ("deny", "", "default")
    assert str(verdict.answer) == "exception 01"


def test_the_first_rule_that_fits_decides() -> None:
    policy = policy_of(
        """
        [[rules]]
        id = "first"
        unit = "any"
        function = 3
        action = "deny"
        [[rules]]
        id = "second"
        unit = "any"
        function = "all"
        action = "allow"
        """
    )
    assert judged(policy, READ).rule == "first"
    assert judged(policy, ReadInputRegisters(0, 1)).rule == "second"


def test_a_rule_that_is_not_enabled_is_not_there() -> None:
    assert not judged(allowing("enabled = false"), READ).passes


# --- who ---


@pytest.mark.parametrize(
    ("address", "passes"),
    [("10.1.0.7", True), ("::ffff:10.1.0.7", True), ("10.2.0.7", False), ("fd00::7", True), ("", False)],
)
def test_a_network_is_of_addresses_of_both_kinds(address: str, passes: bool) -> None:
    policy = allowing('from = { net = ["10.1.0.0/24", "fd00::/8"] }')
    assert judged(policy, READ, peer=Peer(address)).passes is passes


def test_a_network_may_have_a_name() -> None:
    policy = allowing('from = { net = "hmi" }', rest='[networks]\nhmi = ["10.1.0.0/24", "10.9.9.9"]')
    assert judged(policy, READ, peer=Peer("10.9.9.9")).passes
    assert not judged(policy, READ, peer=Peer("10.9.9.8")).passes


@pytest.mark.parametrize("role", ["Operator,Admin", "operator", "Operator ", None])
def test_h136_a_role_is_one_text_and_compared_exactly(role: str | None) -> None:
    policy = allowing('from = { role = "Operator" }')
    assert judged(policy, READ, peer=operator()).passes
    assert not judged(policy, READ, peer=operator(role)).passes


def test_a_role_that_no_rule_names_has_no_rights() -> None:
    assert not judged(
        allowing('from = { role = ["Admin", "Operator"] }'), READ, peer=operator("Guest")
    ).passes


def test_clients_without_a_role_can_be_named() -> None:
    policy = allowing('from = { role = [""] }')
    assert judged(policy, READ, peer=HMI).passes
    assert not judged(policy, READ, peer=operator()).passes


def test_a_certificate_is_known_by_subject_issuer_and_fingerprint() -> None:
    policy = allowing('from = { subject = "CN=hmi1,O=Plant", issuer = "CN=ca", fingerprint = "AB:CD" }')
    assert judged(policy, READ, peer=operator(issuer="CN=ca", fingerprint="abcd")).passes
    assert not judged(policy, READ, peer=operator(issuer="CN=ca", fingerprint="abce")).passes
    assert not judged(policy, READ, peer=operator(issuer="CN=other", fingerprint="abcd")).passes
    assert not judged(policy, READ, peer=operator(subject="CN=x", issuer="CN=ca", fingerprint="abcd")).passes
    assert not judged(policy, READ).passes


@pytest.mark.parametrize("listener", ["tls", "tls://0.0.0.0:802"])
def test_a_listener_is_named_by_its_url_or_its_scheme(listener: str) -> None:
    policy = allowing(f'from = {{ listener = "{listener}" }}')
    assert judged(policy, READ, peer=operator()).passes
    assert not judged(policy, READ, peer=HMI).passes


# --- to what ---


def test_a_unit_that_is_not_named_is_refused() -> None:
    policy = allowing('unit = "1-3,7"')
    assert [unit for unit in range(256) if judged(policy, READ, unit=unit).passes] == [1, 2, 3, 7]


def test_any_unit_is_all_but_0_which_has_to_be_named() -> None:
    assert [unit for unit in range(256) if not judged(allowing('unit = "any"'), READ, unit=unit).passes] == [
        0
    ]
    assert judged(allowing("unit = 0"), READ, unit=0).passes


DEVICES = """
[devices.plc1]
connect = "10.2.0.11:502"
units = 1
[devices.plc2]
connect = "tcp://10.2.0.12"
units = "2-3"
[devices.any]
"""


def test_a_rule_without_units_is_about_those_of_its_devices() -> None:
    rule = '[[rules]]\nid = "it"\nto = ["plc1", "plc2"]\nfunction = 3\naction = "allow"'
    policy = policy_of(rule, DEVICES.replace("[devices.any]", ""))
    assert [unit for unit in range(256) if judged(policy, READ, unit=unit).passes] == [1, 2, 3]


def test_an_endpoint_of_ipv6_is_the_same_with_and_without_brackets() -> None:
    policy = allowing('to = "a"', rest='[devices.a]\nconnect = "fd00::1"')
    assert judged(policy, READ, target="tcp://[fd00::1]:502").passes
    assert not judged(policy, READ, target="tcp://[fd00::2]:502").passes


@pytest.mark.parametrize("target", ["plc2", "10.2.0.12", "tcp://10.2.0.12:502", "10.2.0.12:502"])
def test_a_device_is_known_by_its_name_or_its_endpoint(target: str) -> None:
    assert judged(allowing('to = "plc2"', rest=DEVICES), READ, unit=2, target=target).passes
    assert not judged(allowing('to = "plc1"', rest=DEVICES), READ, unit=2, target=target).passes


def test_where_it_may_be_another_device_nothing_is_allowed_but_all_is_denied() -> None:
    assert not judged(allowing('to = "plc1"', rest=DEVICES), READ).passes
    deny = '[[rules]]\nid = "no"\nto = "plc1"\nunit = "any"\nfunction = 3\naction = "deny"\n'
    allow = '[[rules]]\nid = "it"\nunit = "any"\nfunction = 3\naction = "allow"'
    assert judged(policy_of(deny + allow, DEVICES), READ).rule == "no"


# --- what ---


@pytest.mark.parametrize(
    ("group", "request_", "passes"),
    [
        ("read", READ, True),
        ("read", ReadFifoQueue(5), True),
        ("read", WriteSingleRegister(0, 1), False),
        ("read", ReadWriteMultipleRegisters(0, 1, 0, (1,)), False),
        ("write", ReadWriteMultipleRegisters(0, 1, 0, (1,)), False),
        ("write", MaskWriteRegister(0, 0, 0), True),
        ("ident", ReportServerId(), True),
        ("ident", ReadDeviceIdentification(), True),
        ("diag-safe", Diagnostics(0), True),
        ("diag-safe", Diagnostics(1), False),
        ("diag-danger", Diagnostics(4), True),
        ("vendor", Opaque(65), True),
        ("vendor", Opaque(90), False),
        ("program", Opaque(90), True),
        ("reserved", Diagnostics(21), True),
        ("reserved", Diagnostics(0xFFFF), True),
        ("reserved", Diagnostics(20), False),
        ("all", Opaque(127), True),
        ("8/0", Diagnostics(0), True),
        ("8/77", Diagnostics(77), True),
        ("8/77", Diagnostics(78), False),
        ("43/14", ReadDeviceIdentification(), True),
        ("read_coils", ReadCoils(0, 1), True),
        ("1-2", ReadCoils(0, 1), True),
    ],
)
def test_functions_are_named_by_number_name_and_group(group: str, request_: object, passes: bool) -> None:
    assert judged(allowing(f'function = "{group}"'), request_).passes is passes  # type: ignore[arg-type]


def test_function_23_needs_the_right_to_read_and_the_right_to_write() -> None:
    policy = policy_of(
        """
        [[rules]]
        id = "reads"
        unit = 1
        function = "read"
        address = { holding = "0-9" }
        action = "allow"
        [[rules]]
        id = "writes"
        unit = 1
        function = "write"
        address = { holding = "20-29" }
        action = "allow"
        """
    )
    assert judged(policy, ReadWriteMultipleRegisters(0, 10, 20, (1,))).rules == ("writes", "reads")
    assert not judged(policy, ReadWriteMultipleRegisters(0, 11, 20, (1,))).passes
    assert not judged(policy, ReadWriteMultipleRegisters(0, 10, 9, (1,))).passes


def test_the_two_sides_of_function_23_may_have_addresses_of_their_own() -> None:
    policy = allowing(
        "function = 23", 'address_read = { holding = "0-9" }', 'address_write = { holding = "20-29" }'
    )
    assert judged(policy, ReadWriteMultipleRegisters(0, 10, 20, (1,))).passes
    assert not judged(policy, ReadWriteMultipleRegisters(20, 1, 20, (1,))).passes


def test_to_be_allowed_every_address_has_to_be_inside() -> None:
    policy = allowing('address = { holding = "0-199", coil = "5" }')
    assert judged(policy, ReadHoldingRegisters(190, 10)).passes
    assert not judged(policy, ReadHoldingRegisters(190, 11)).passes
    assert not judged(policy, ReadInputRegisters(0, 1)).passes
    assert judged(policy, WriteSingleCoil(5, True)).passes
    assert not judged(policy, WriteMultipleCoils(5, (True, True))).passes


def test_to_be_denied_one_address_is_enough() -> None:
    policy = policy_of(
        """
        [[rules]]
        id = "no"
        unit = "any"
        function = "write"
        address = { holding = "100" }
        action = "deny"
        [[rules]]
        id = "yes"
        unit = "any"
        function = "all"
        action = "allow"
        """
    )
    assert judged(policy, WriteMultipleRegisters(90, (0,) * 11)).rule == "no"
    assert judged(policy, WriteMultipleRegisters(90, (0,) * 10)).rule == "yes"
    assert judged(policy, ReadHoldingRegisters(100, 1)).rule == "yes"


def test_addresses_are_for_what_has_some() -> None:
    assert not judged(allowing('address = { holding = "0-65535" }'), Diagnostics(0)).passes


def test_count_limits_what_one_request_may_touch() -> None:
    verdict = judged(allowing("count = 9"), READ)
    assert (verdict.field, verdict.reason) == ("count", "10 at once, and the rule allows 9")
    assert judged(allowing("count = 10"), READ).passes


# --- when ---


def test_an_expired_rule_does_not_hold() -> None:
    policy = allowing("expires = 2026-11-30T12:00:00Z")
    assert not judged(policy, READ, now=at()).passes
    assert judged(policy, READ, now=at(wall=MONDAY_NOON.replace(hour=11))).passes


def test_a_rule_holds_within_its_schedule() -> None:
    day = '[schedules.day]\ndays = "mon-fri"\nfrom = "06:00"\nto = "18:00"\ntimezone = "Europe/Berlin"'
    policy = allowing('when = "day"', rest=day)
    assert judged(policy, READ, now=at(wall=MONDAY_NOON.replace(hour=5))).passes
    assert not judged(policy, READ, now=at(wall=MONDAY_NOON.replace(hour=17))).passes
    assert not judged(policy, READ, now=at(wall=MONDAY_NOON.replace(day=29))).passes


def test_a_rule_with_a_window_holds_while_that_is_open() -> None:
    policy = allowing('armed = "maintenance"')
    ledger = Ledger(policy)
    assert not judged(policy, READ, ledger=ledger).passes
    ledger.arm("maintenance", 60, at(0))
    assert judged(policy, READ, ledger=ledger, now=at(59)).passes
    assert not judged(policy, READ, ledger=ledger, now=at(60)).passes


# --- what is answered and written down ---


def test_an_alert_passes_and_is_written_down() -> None:
    rule = '[[rules]]\nid = "it"\nunit = 1\nfunction = 3\naction = "alert"'
    verdict = judged(policy_of(rule), READ)
    assert (verdict.action, verdict.passes, verdict.log) == ("alert", True, "each")


@pytest.mark.parametrize("answer", ["exception 02", "drop", "close", "reset"])
def test_a_rule_says_what_is_answered(answer: str) -> None:
    rule = f'[[rules]]\nid = "no"\nunit = 1\nfunction = 3\naction = "deny"\nanswer = "{answer}"'
    assert str(judged(policy_of(rule), READ).answer) == answer


def test_what_is_allowed_is_not_written_down_unless_wanted() -> None:
    assert judged(allowing(), READ).log == "none"
    assert judged(allowing('log = "values"'), READ).log == "values"
    assert judged(allowing("count = 1"), READ).log == "each"


def test_a_policy_that_is_written_out_and_read_again_is_the_same() -> None:
    policy = allowing('from = { net = "10.0.0.0/8", role = [""] }', 'to = "plc1"', rest=DEVICES)
    again = parse_policy(str(policy))
    assert (again, again.hash) == (policy, policy.hash)
