"""Hints: what somebody may have meant who does not speak Modbus TCP."""

from __future__ import annotations

import pytest

from mbap.server.hints import what_it_may_be


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (bytes.fromhex("16 03 01 02 00 01 00 01"), "TLS"),
        (b"SSH-2.0-OpenSSH_9\r\n", "SSH"),
        (bytes.fromhex("01 03 00 00 00 01 84 0A"), "serve rtu+tcp://"),
        (b":010300000001FB\r\n", "serve ascii+tcp://"),
    ],
)
def test_what_is_known_is_named(data: bytes, hint: str) -> None:
    assert hint in what_it_may_be(data)


@pytest.mark.parametrize("data", [b"", b"\0" * 8, bytes.fromhex("0001 0000 0001 01"), b"GETTING"])
def test_what_is_not_known_gets_no_hint(data: bytes) -> None:
    assert what_it_may_be(data) == ""
