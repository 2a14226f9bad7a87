"""The doctor at a serial line."""

from __future__ import annotations

from pathlib import Path

import pytest

import mbap
from mbap import Device
from mbap.diagnose.doctor.finding import Severity
from mbap.errors import ConnectFailed, ResponseTimeout
from support.doctored import examined
from support.serialports import SETTINGS, serial_pair

pytest.importorskip("serialx")


@pytest.mark.peer
@pytest.mark.parametrize("scheme", ["rtu", "ascii"])
def test_a_device_on_a_serial_line_is_examined_to_the_end(tmp_path: Path, scheme: str) -> None:
    device = mbap.Units({7: Device(holding_registers=range(130))})
    with serial_pair(tmp_path) as pair:
        near, far = (f"{url.replace('rtu', scheme, 1)}&bytesize=8" for url in (pair.near_url, pair.far_url))
        with mbap.serving(device, far):
            found = examined(f"{near}#7", timeout=1.0)
    assert found.faults == []
    assert found["units"].severity is not Severity.WARNING
    assert "--unit 7" in found.prescription.command
    assert not {"name", "route", "ping"} & set(found.topics)


@pytest.mark.peer
def test_a_line_on_which_nobody_answers_is_silence(tmp_path: Path) -> None:
    with serial_pair(tmp_path) as pair:
        found = examined(pair.near_url, timeout=0.1)
    assert found.faults == ["units"]
    assert isinstance(found["units"].error, ResponseTimeout)
    assert 0 not in found.case.known.units


@pytest.mark.peer
def test_a_line_on_which_nobody_answers_has_its_settings_and_wires_suspected(tmp_path: Path) -> None:
    with serial_pair(tmp_path) as pair:
        found = examined(pair.near_url, timeout=0.1)
    assert "parity" in found["units"].means
    assert "mbap sniff --guess" in found["units"].advice


@pytest.mark.peer
def test_the_line_has_the_share_of_an_answer_that_its_bits_take(tmp_path: Path) -> None:
    with serial_pair(tmp_path) as pair:
        slow = pair.near_url.replace("?", "?baudrate=300&")
        device = mbap.Units({1: Device(holding_registers=range(9))})
        with mbap.serving(device, pair.far_url.replace("?", "?baudrate=300&")):
            found = examined(slow, timeout=3.0, reads=2)
    assert found["latency"].data["network"] == 0.5  # 15 characters of 10 bits
    assert "the line has" in found["latency"].seen


def test_a_port_that_does_not_exist_is_where_it_ends() -> None:
    found = examined(f"rtu:///dev/no-such-port{SETTINGS}")
    assert found.topics == ["connect"]
    assert isinstance(found["connect"].error, ConnectFailed)
