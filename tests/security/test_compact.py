"""The compact form: read, judged, written, and what is wrong with it."""

from __future__ import annotations

import pytest

from mbap.filefaults import FileFaults
from mbap.protocol.pdu import (
    Diagnostics,
    MaskWriteRegister,
    ReadCoils,
    ReadDeviceIdentification,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.protocol.pdu.base import Request
from mbap.security.compact import parse_compact
from mbap.security.compactwriter import compact_text
from mbap.security.policyfile import parse_policy
from mbap.server.handler import Peer
from support.policies import judged

RULES = """
# A cell with two controllers.
HOST hmi=10.1.0.0/24,10.9.0.1     # panels
HOST plc2=10.2.0.12 UNIT=2-3

ALLOW SRC=10.0.0.5 DST=plc1 FC=3 REG=0-250
ALLOW SRC=10.0.0.5 DST=plc1 FC=16 REG=100-101,110
ALLOW SRC=hmi DST=plc2 FC=03,04
ALLOW SRC=hmi DST=* FC=05,06,15 REG=0-31 PROTO=TLS LOG=VALUES
ALLOW SRC=10.0.0.6 PROTO=MODBUS FC=READ REG=holding:0-9;coils:0-3
ALERT SRC=10.0.0.7 FC=43/14
DENY FC=8 LOG=YES
"""
READ = ReadHoldingRegisters(0, 10)

TABLE: list[tuple[str, str, int, Request, str, str]] = [  # type: ignore[type-arg]
    # client, device, unit, request, verdict, rule
    ("10.0.0.5", "plc1", 1, READ, "allow", "line-6"),
    ("10.0.0.5", "plc1", 9, ReadHoldingRegisters(250, 1), "allow", "line-6"),
    ("10.0.0.5", "plc1", 1, ReadHoldingRegisters(250, 2), "deny", ""),
    ("10.0.0.5", "plc1", 1, ReadInputRegisters(0, 1), "deny", ""),
    ("10.0.0.5", "plc1", 0, READ, "deny", ""),
    ("10.0.0.5", "plc2", 2, READ, "deny", ""),
    ("10.0.0.5", "plc1", 1, WriteMultipleRegisters(100, (1, 2)), "allow", "line-7"),
    ("10.0.0.5", "plc1", 1, WriteMultipleRegisters(101, (1, 2)), "deny", ""),
    ("10.0.0.5", "plc1", 1, WriteSingleRegister(100, 1), "deny", ""),
    ("10.0.0.5", "plc1", 1, MaskWriteRegister(100, 0, 1), "deny", ""),
    ("10.0.0.5", "plc1", 1, ReadWriteMultipleRegisters(0, 1, 100, (1,)), "deny", ""),
    ("10.0.0.8", "plc1", 1, READ, "deny", ""),
    ("10.1.0.77", "plc2", 2, READ, "allow", "line-8"),
    ("10.9.0.1", "10.2.0.12", 3, ReadInputRegisters(65_535, 1), "allow", "line-8"),
    ("10.1.0.77", "plc2", 1, READ, "deny", ""),
    ("10.1.0.77", "plc2", 2, ReadCoils(0, 1), "deny", ""),
    ("10.1.0.77+tls", "plc2", 2, WriteSingleRegister(31, 1), "allow", "line-9"),
    ("10.1.0.77+tls", "anything", 5, WriteSingleCoil(0, True), "allow", "line-9"),
    ("10.1.0.77+tls", "plc2", 2, WriteMultipleCoils(30, (True, True)), "allow", "line-9"),
    ("10.1.0.77+tls", "plc2", 2, WriteMultipleCoils(31, (True, True)), "deny", ""),
    ("10.1.0.77+tls", "plc2", 2, WriteMultipleRegisters(0, (1,)), "deny", ""),
    ("10.1.0.77", "plc2", 2, WriteSingleRegister(31, 1), "deny", ""),
    ("10.0.0.6", "plc1", 1, ReadCoils(0, 4), "allow", "line-10"),
    ("10.0.0.6", "plc1", 1, ReadCoils(0, 5), "deny", ""),
    ("10.0.0.6", "plc1", 1, ReadInputRegisters(0, 1), "deny", ""),
    ("10.0.0.7", "plc1", 1, ReadDeviceIdentification(), "alert", "line-11"),
    ("10.0.0.5", "plc1", 1, Diagnostics(0), "deny", "line-12"),
    ("10.0.0.5", "plc1", 0, Diagnostics(1), "deny", "line-12"),
]


@pytest.mark.parametrize(("client", "device", "unit", "request_", "action", "rule"), TABLE)
def test_a_verdict_of_the_table(
    client: str,
    device: str,
    unit: int,
    request_: Request,  # type: ignore[type-arg]
    action: str,
    rule: str,
) -> None:
    address, _, tls = client.partition("+")
    peer = Peer(address, 1, "tls://0.0.0.0:802" if tls else "tcp://0.0.0.0:502")
    verdict = judged(parse_compact(RULES), request_, unit=unit, peer=peer, target=device)
    assert (verdict.action, verdict.rule) == (action, rule)


def test_what_it_says_is_written_as_toml_and_read_again() -> None:
    policy = parse_compact(RULES)
    assert parse_policy(str(policy)) == policy


def test_what_it_says_is_written_in_its_own_form_and_read_again() -> None:
    policy = parse_compact(RULES)
    assert parse_compact(compact_text(policy)) == policy


def test_every_key_is_written_and_read_again() -> None:
    text = (
        "MODE OBSERVE\n"
        "DEFAULT DENY ANSWER=drop LOG=SUMMARY SEVERITY=low LINES=3 UNKNOWN=answer\n"
        'ALLOW SRC=10.0.0.5 ROLE="Shift Lead, Hall \\"B\\"" LISTENER=tls://0.0.0.0:802 DST=plc1'
        " UNIT=1-3,7 FC=3,43/14 REG=5 COUNT=9 RATE=5/s BURST=10 WRITES=6/min WBURST=2 PER=client ARMED=work"
        ' EXPIRES=2030-01-01T00:00:00Z ENABLED=NO ANSWER="exception 02" LOG=NO SEVERITY=high ID=one'
        " TICKET=T-1"
        ' COMMENT="why # not"\n'
        "DENY ROLE=- FC=8-9 ID=two\n"
    )
    policy = parse_compact(text)
    assert policy.rules[0].comment == "why # not"
    assert policy.rules[0].source.roles == ('Shift Lead, Hall "B"',)
    assert policy.rules[1].source.roles == ("",)
    assert compact_text(policy) == text
    assert parse_policy(str(policy)) == policy


def test_a_rule_that_denies_any_unit_denies_unit_0_too() -> None:
    policy = parse_compact("DENY FC=3\nALLOW UNIT=0,1")
    assert judged(policy, READ, unit=0).rule == "line-1"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "ALOW FC=3",
            'a line begins with ALLOW, DENY, ALERT, HOST, DEFAULT or MODE, not "ALOW"; did you mean',
        ),
        ("ALLOW SCR=10.0.0.5", '"SCR" is no key; did you mean "SRC"?'),
        ("ALLOW SRC=hmi", 'SRC="hmi" is no host: write HOST hmi=ADDRESS'),
        ("ALLOW SRC=10.0.0.5/8", "'10.0.0.5/8' is an address within a network: write 10.0.0.0/8"),
        ("ALLOW FC=300", '"300": a function code is 1 to 127'),
        ("ALLOW FC=raed", '"raed" is no function; did you mean "read"?'),
        ("ALLOW FC=3 REG=70000", '"70000": addresses are 0 to 65535'),
        ("ALLOW FC=3 REG=9-3", '"9-3": addresses are 0 to 65535, and a range of them rises'),
        ("ALLOW FC=3 REG=hodling:1", 'REG: "hodling" is no table'),
        ("ALLOW FC=3 FC=4", "FC is there twice"),
        ("ALLOW FC =3", "FC has no value: write FC=..., without blanks"),
        ("ALLOW LOG=MAYBE", 'LOG="maybe" is not known'),
        ("ALLOW PROTO=http", 'PROTO="http" is not known'),
        ("DENY RATE=5/s", "RATE limits what is allowed, and this rule denies"),
        ("ALLOW BURST=5", "BURST goes with RATE="),
        ("ALLOW RATE=often", '"often" is no rate'),
        ("ALLOW RATE=1000001/s", '"1000001/s" is more than 1,000,000'),
        ("ALLOW RATE=" + 5000 * "1" + "/s", '1111" is more than 1,000,000'),
        ("ALLOW COUNT=0", "COUNT=0 is a number from 1 to 2000"),
        ("ALLOW EXPIRES=2030-01-01", "is a date and time with its zone"),
        ("DEFAULT ALLOW", "DEFAULT can only be DENY"),
        ("MODE WATCH", "MODE is ENFORCE or OBSERVE"),
        ("HOST hmi", "gives no name to addresses"),
        ('ALLOW ROLE="Op', "a quotation mark is not closed"),
        ("ALLOW ID=one\nDENY ID=one", 'ID="one" is there already'),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line: str, sentence: str) -> None:
    with pytest.raises(FileFaults) as caught:
        parse_compact(f"# rules\n{line}", "cell.rules")
    text = str(caught.value)
    assert text.startswith("cell.rules:")
    assert sentence in text


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(FileFaults) as caught:
        parse_compact("NO\nALLOW FC=3\nALLOW X=1\nALLOW SRC=hmi")
    assert [fault.line for fault in caught.value.faults] == [1, 3, 4]


def test_what_the_compact_form_has_no_words_for_is_named() -> None:
    policy = parse_policy(
        """
        policy = 1
        name = "plant"
        [points.speed]
        address = 3
        [schedules.day]
        [[rules]]
        id = "it"
        from = { subject = "CN=a", role = ["A", "B"] }
        unit = 1
        function = 6
        points = "speed"
        when = "day"
        action = "allow"
        """
    )
    with pytest.raises(FileFaults) as caught:
        compact_text(policy)
    assert [fault.message for fault in caught.value.faults] == [
        'the policy\'s name, "plant"',
        'schedule "day": the compact form has no schedules',
        'point "speed": the compact form has no points',
        'rule "it": the compact form has no subject',
        'rule "it": the compact form has one role a line: a role may have a comma in it',
    ]
