"""mbap.protocol.strangers, and that a client passes its advice on."""

from __future__ import annotations

import pytest

from mbap import ReadHoldingRegisters
from mbap.protocol.adu import Adu
from mbap.protocol.client import ClientSession
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.strangers import advice_on

RTU_ANSWER = RtuFraming().pack(Adu(1, bytes.fromhex("03 02 0007")))


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "a web server"),
        (b"<!DOCTYPE html>", "a web server"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "an SSH server"),
        (bytes.fromhex("15 0301 0002 0246"), "TLS is spoken there"),
        (b":010302000700F3\r\n", "try ascii\\+tcp://"),
        (RTU_ANSWER, "try rtu\\+tcp://"),
    ],
    ids=["web server", "page", "SSH", "TLS", "ASCII", "RTU"],
)
def test_who_answers_instead_is_told_by_the_first_bytes(data: bytes, advice: str) -> None:
    session = ClientSession()
    transaction = session.begin(ReadHoldingRegisters(0, 1), 1, 1.0)
    session.data_to_send(0.0)
    session.receive_data(data, 0.1)
    assert transaction.error is not None
    with pytest.raises(type(transaction.error), match=advice):
        raise transaction.error


@pytest.mark.parametrize("data", [b"", b"\x01\x03", b"\x00\x01\x00\x00\xff\xff\x01"])
def test_of_anything_else_nothing_is_said(data: bytes) -> None:
    assert advice_on(data) == ""


def test_a_device_that_answered_before_is_no_stranger() -> None:
    session = ClientSession()
    session.begin(ReadHoldingRegisters(0, 1), 1, 1.0)
    sent = session.data_to_send(0.0)
    session.receive_data(sent[:4] + bytes.fromhex("0005 01 03 02 0007"), 0.1)
    transaction = session.begin(ReadHoldingRegisters(0, 1), 1, 1.0)
    session.data_to_send(0.2)
    session.receive_data(b"HTTP/1.1 400", 0.3)
    assert "web server" not in str(transaction.error)
